"""`gatework evaluate`: how a run does on values it has not seen."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gatework.cli.console import bold, say
from gatework.cli.options import Flag


def evaluate(
    run: Annotated[Path, Parameter(name="RUN")],
    file: Annotated[Path, Parameter(name="FILE")],
    /,
    *,
    lag: int | None = None,
    debug: Flag = False,
) -> None:
    """Score a run on a table, beside the naive rules: the values after the end of its own data.

    Args:
        run: Folder of a run.
        file: CSV or Parquet file.
        lag: The m of MASE in steps; left out, the season.
        debug: Show where in the code an error came from.
    """
    from gatework.tasks.forecast.estimator import Forecaster

    *table, verdict = str(Forecaster.load(run).evaluate(file, lag=lag)).splitlines()
    say("\n".join(table))
    say()
    say(bold(verdict))
