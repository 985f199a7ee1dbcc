"""`gatework fit forecast`: from a table to a run."""

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Group, Parameter

from gatework.cli.console import align, bold, say
from gatework.cli.exits import Stopped
from gatework.cli.options import Flag, Levels, write_levels
from gatework.tasks.forecast.settings import ForecastSettings

if TYPE_CHECKING:
    from gatework.tasks.forecast.outcome import Outcome

DATA = Group.create_ordered("The table")
FORECAST = Group.create_ordered("The forecast (what is left out is chosen from the data)")
LEVELS = (80.0, 95.0)
OUTPUT = Group.create_ordered("The run")


def build_app() -> App:
    """Return `fit` with its tasks."""
    app = App(name="fit", help="Train a model on a file and keep it as a run.")
    app.command(forecast)
    return app


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


@Parameter(name="*", group=OUTPUT)
@dataclasses.dataclass(frozen=True)
class RunOptions:
    """Where the run goes.

    Args:
        out: Folder of the run; runs/ and the file's name if left out.
        overwrite: Replace another fit in that folder.
        quiet: Print nothing but errors.
        debug: Show where in the code an error came from.
    """

    out: Path | None = None
    overwrite: Flag = False
    quiet: Flag = False
    debug: Flag = False


def forecast(
    file: Annotated[Path, Parameter(name="FILE", group=DATA)],
    /,
    *,
    table: TableOptions = TableOptions(),
    levels: Annotated[Levels, Parameter(group=FORECAST)] = LEVELS,
    settings: Annotated[ForecastSettings, Parameter(name="*", group=FORECAST)],
    output: RunOptions = RunOptions(),
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
    run = output.out or Path("runs") / _stem(file)
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
    from gatework.training import Interrupted, choose_progress

    model = Forecaster(
        levels=levels,
        id_col=table.id,
        time_col=table.time,
        target_col=table.target,
        frequency=table.frequency,
        **dataclasses.asdict(settings),
    )
    try:
        model.fit(
            file,
            run=run,
            overwrite=output.overwrite,
            progress=choose_progress(quiet=output.quiet),
            command=command,
        )
    except Interrupted as error:
        raise Stopped(
            f"Stopped; what is done is kept. To go on, give the same command again: {command}"
        ) from error
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
        *table, verdict = str(outcome.scores).splitlines()
        say("\n".join(f"  {line}" for line in table))
        say()
        say(bold(verdict))
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
    words = ["gatework", "fit", "forecast", str(file)]
    for options in (table, settings):
        for field in dataclasses.fields(options):
            value, name = getattr(options, field.name), field.name.replace("_", "-")
            if value == field.default:
                continue
            if isinstance(value, bool):
                words.append(f"--{name}" if value else f"--no-{name}")
            else:
                words += [f"--{name}", str(value)]
    if levels != LEVELS:
        words += ["--levels", write_levels(levels)]
    return shlex.join([*words, *(["--out", str(out)] if out else [])])


def _stem(file: Path) -> str:
    return file.name.split(".")[0] or "run"
