"""`gatework predict`: what comes next, from a run."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gatework.cli.options import Flag, Levels, check_table_name


def predict(
    run: Annotated[Path, Parameter(name="RUN")],
    file: Annotated[Path | None, Parameter(name="FILE")] = None,
    /,
    *,
    out: Path | None = None,
    levels: Levels | None = None,
    debug: Flag = False,
) -> None:
    """Forecast what follows the data of a run, or a newer or other table.

    Args:
        run: Folder of a run.
        file: CSV or Parquet file; rows that begin after the end of the run's data continue it.
        out: Write the forecast to this .csv, .tsv or .parquet file; left out, it is printed as CSV.
        levels: Intervals to give, in percent.
        debug: Show where in the code an error came from.
    """
    from gatework.data import as_text, write_table
    from gatework.tasks.forecast.estimator import Forecaster

    if out is not None:
        check_table_name(out)
    frame = Forecaster.load(run).predict(file, levels=levels)
    if out is None:
        # Not polars' own writing to stdout: it turns a closed pipe into an error of its own.
        sys.stdout.write(as_text(frame))
    else:
        write_table(frame, out)
