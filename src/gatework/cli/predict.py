"""`gatework predict`: what a run says to new data; a run knows its task."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gatework.cli.options import Flag, Levels, given
from gatework.cli.tasks import Question, task_of


def predict(
    run: Annotated[Path, Parameter(name="RUN")],
    file: Annotated[Path | None, Parameter(name="FILE")] = None,
    /,
    *,
    out: Path | None = None,
    levels: Levels | None = None,
    n_best: int | None = None,
    probabilities: Annotated[bool | None, Parameter(negative="")] = None,
    debug: Flag = False,
) -> None:
    """Predict with a run: what follows its data or a newer table, or the labels of a file.

    Args:
        run: Folder of a run.
        file: Data of the kind the run was fitted on. A forecast needs none, and rows that begin
            after the end of the run's data continue it.
        out: Write the answer to this file: .csv, .tsv or .parquet, of tags .conll, .tsv or .jsonl;
            left out, it is printed as CSV, tags as columns, tagged texts as JSON lines.
        levels: Intervals of a forecast to give, in percent.
        n_best: How many tag sequences to give for a sentence, with the probability of each.
        probabilities: Give the probability of each tag.
        debug: Show where in the code an error came from.
    """
    question = Question(
        run, file, out, given(levels=levels, n_best=n_best, probabilities=probabilities)
    )
    task_of(question).predict(question)
