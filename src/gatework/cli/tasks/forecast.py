"""Forecasting at the command line: from a table to a run, and from a run to what comes next."""

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from gatework.cli.console import align, bold, say, say_scores
from gatework.cli.exits import stoppable
from gatework.cli.options import (
    TO_DEFAULT,
    Levels,
    RunOptions,
    default_run,
    write_levels,
    write_options,
)
from gatework.cli.tasks.task import Question, Task
from gatework.tasks.forecast.settings import ForecastSettings

if TYPE_CHECKING:
    from gatework.inspector import Inspection
    from gatework.tasks.forecast.outcome import Outcome

DATA = Group.create_ordered("The table")
FORECAST = Group.create_ordered("The forecast (what is left out is chosen from the data)")
LEVELS = (80.0, 95.0)


@Parameter(name="*", group=DATA)
@dataclasses.dataclass(frozen=True)
class TableOptions:
    """Which columns of the table are what.

    Args:
        target: Column to forecast.
        id: Column that names the series.
        time: Column of dates, times or whole numbers.
        frequency: Step between rows, such as h, 15min, D, B, W, MS, or a whole number.
    """

    target: str | None = None
    id: str | None = None
    time: str | None = None
    frequency: str | None = None


def forecast(
    file: Annotated[Path, Parameter(name="FILE", group=DATA)],
    /,
    *,
    table: TableOptions = TableOptions(),
    levels: Annotated[Levels, Parameter(group=FORECAST)] = LEVELS,
    settings: Annotated[ForecastSettings, Parameter(name="*", group=FORECAST)],
    output: RunOptions = TO_DEFAULT,
) -> None:
    """Forecast a table of one series or many: one row for each series and time.

    Prints the score on held-out values beside the naive rules, and writes a run: the trained model,
    forecast.csv, forecast.png and report.html. A fit that was stopped goes on when the same command
    is given again.

    Args:
        file: CSV or Parquet file.
        table: Columns.
        levels: Intervals to give, in percent.
        settings: How to train.
        output: Where to.
    """
    run = output.out or default_run(file)
    command = _command(file, table, levels, settings, output.out)
    fit_forecast(file, run, table, levels, settings, output, command)


def fit_forecast(
    file: Path,
    run: Path,
    table: TableOptions,
    levels: tuple[float, ...],
    settings: ForecastSettings,
    output: RunOptions,
    command: str,
) -> None:
    """Fit, print what a person wants to know, and say what to do next."""
    from gatework.tasks.forecast.estimator import Forecaster
    from gatework.training import choose_progress

    model = Forecaster(
        levels=levels,
        id_col=table.id,
        time_col=table.time,
        target_col=table.target,
        frequency=table.frequency,
        **dataclasses.asdict(settings),
    )
    with stoppable(command):
        model.fit(
            file,
            run=run,
            overwrite=output.overwrite,
            progress=choose_progress(quiet=output.quiet),
            command=command,
        )
    if not output.quiet and model.outcome_ is not None:
        print_outcome(file, run, model.outcome_)


def print_outcome(file: Path, run: Path, outcome: "Outcome") -> None:
    """Print notes on the data, the score table, where things are and the next command."""
    say(bold(f"{file}"))
    for note in outcome.notes:
        say(f"  {note}")
    say()
    if outcome.scores is None:
        say(bold("No score: the data is too short to hold a part of it out."))
    else:
        say_scores(outcome.scores, indent=2)
    say()
    say(
        align(
            [
                ("report", str(run / "report.html")),
                ("forecast", f"{run / 'forecast.csv'}  {run / 'forecast.png'}"),
                ("next", f"gatework predict {shlex.quote(str(run))}"),
            ]
        )
    )


def _command(
    file: Path,
    table: TableOptions,
    levels: tuple[float, ...],
    settings: ForecastSettings,
    out: Path | None,
) -> str:
    """Write the command that asks for this fit, with what differs from the defaults."""
    words = ["gatework", "fit", "forecast", str(file), *write_options(table, settings)]
    if levels != LEVELS:
        words += ["--levels", write_levels(levels)]
    return shlex.join([*words, *(["--out", str(out)] if out else [])])


def predict(question: Question) -> None:
    """Forecast what follows the data of a run, or a newer or other table."""
    from gatework.data import as_text, write_table
    from gatework.tasks.forecast.estimator import Forecaster

    model = Forecaster.load(question.run)
    frame = model.predict(question.file, levels=question.options.get("levels"))
    if question.out is None:
        # Not polars' own writing to stdout: it turns a closed pipe into an error of its own.
        sys.stdout.write(as_text(frame))
    else:
        write_table(frame, question.out)


def evaluate(question: Question) -> None:
    """Score a run on the values after the end of its own data, beside the naive rules."""
    from gatework.tasks.forecast.estimator import Forecaster

    scores = Forecaster.load(question.run).evaluate(question.file, lag=question.options.get("lag"))
    say_scores(scores)


def inspect(run: Path, file: Path | None, most: int) -> "Inspection":
    """The first network of a run on its last windows, or on those of another table."""
    from gatework.tasks.forecast.estimator import Forecaster

    return Forecaster.load(run).inspection(file, most=most)


TASK = Task("forecast", forecast, predict, evaluate, inspect, options=("levels", "lag"))
