"""`gatework evaluate`: how a run does on data it has not seen; a run knows its task."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gatework.cli.options import Flag, given
from gatework.cli.tasks import Question, task_of


def evaluate(
    run: Annotated[Path, Parameter(name="RUN")],
    file: Annotated[Path, Parameter(name="FILE")],
    /,
    *,
    lag: int | None = None,
    cache: int | None = None,
    dynamic: float | None = None,
    debug: Flag = False,
) -> None:
    """Score a run on a file, beside the naive rules.

    Of a forecast, the values after the end of its own data are judged.

    Args:
        run: Folder of a run.
        file: Data of the kind the run was fitted on, with what is to be predicted in it.
        lag: The m of a forecast's MASE in steps; left out, the season.
        cache: Of a language model: score also with so many of its last outputs kept, each with the
            token that came after it (neural cache).
        dynamic: Of a language model: score also with weights that follow the text at this learning
            rate (dynamic evaluation); the run stays as it is.
        debug: Show where in the code an error came from.
    """
    question = Question(run, file, None, given(lag=lag, cache=cache, dynamic=dynamic))
    task_of(question).evaluate(question)
