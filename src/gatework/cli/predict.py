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
    debug: Flag = False,
) -> None:
    """Predict with a run: what follows its data or a newer table, or the labels of a file.

    Args:
        run: Folder of a run.
        file: Data of the kind the run was fitted on. A forecast needs none, and rows that begin
            after the end of the run's data continue it.
        out: Write the answer to this .csv, .tsv or .parquet file; left out, it is printed as CSV.
        levels: Intervals of a forecast to give, in percent.
        debug: Show where in the code an error came from.
    """
    question = Question(run, file, out, given(levels=levels))
    task_of(question).predict(question)
