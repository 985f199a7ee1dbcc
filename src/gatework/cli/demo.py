"""`gatework demo`: the whole way on data that every installation has."""

import importlib.resources
import shlex
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from gatework.cli.console import say
from gatework.cli.options import Flag, RunOptions
from gatework.cli.tasks.forecast import LEVELS, TableOptions, fit_forecast
from gatework.cli.tasks.generate import fit_generate
from gatework.tasks.forecast.settings import ForecastSettings
from gatework.tasks.generate.settings import GenerateSettings

SERIES = "sea_temperature.csv"
HORIZON = 12
SECONDS = 60.0


def demo(
    what: Annotated[Literal["forecast", "generate"], Parameter(name="TASK")] = "forecast",
    /,
    *,
    out: Path = Path("runs/demo"),
    seconds: float = SECONDS,
    quiet: Flag = False,
    debug: Flag = False,
) -> None:
    """Forecast the sea surface temperature off Peru, where El Niño shows (NOAA, 1950 to 2010); or
    learn to write like Python's own documentation.

    Args:
        what: Which task to show.
        out: Folder of the run; a run that is there is replaced.
        seconds: How long the language model trains; a forecast takes what it needs.
        quiet: Print nothing but errors.
        debug: Show where in the code an error came from.
    """
    output = RunOptions(out=out, overwrite=True, quiet=quiet, debug=debug)
    if what == "forecast":
        _forecast(out, output)
    else:
        _generate(out, output, seconds)


def _forecast(out: Path, output: RunOptions) -> None:
    series = importlib.resources.files("gatework") / "examples" / SERIES
    with importlib.resources.as_file(series) as file:
        if not output.quiet:
            say("Sea surface temperature off Peru, month by month, 1950 to 2010 (NOAA).")
            words = ["gatework", "fit", "forecast", str(file), "--horizon", str(HORIZON)]
            say(f"The same as: {shlex.join([*words, '--out', str(out)])}")
            say()
        settings = ForecastSettings(horizon=HORIZON)
        fit_forecast(file, out, TableOptions(), LEVELS, settings, output, "gatework demo")


def _generate(out: Path, output: RunOptions, seconds: float) -> None:
    # Texts of Python's help(), which are part of every installation of it.
    from pydoc_data.topics import topics

    texts = [topics[name] for name in sorted(topics)]
    name = "the topics of Python's help()"
    if not output.quiet:
        say(f"{len(texts)} texts: {name}. Training takes {seconds:g} seconds.")
        say()
    settings = GenerateSettings(time_budget=seconds)
    command = shlex.join(["gatework", "demo", "generate", "--seconds", f"{seconds:g}"])
    fit_generate(texts, name, out, settings, output, command)
