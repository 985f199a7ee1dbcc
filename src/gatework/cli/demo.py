"""`gatework demo`: the whole way on a small real series that comes with the package."""

import importlib.resources
import shlex
from pathlib import Path

from gatework.cli.console import say
from gatework.cli.options import Flag, RunOptions
from gatework.cli.tasks.forecast import LEVELS, TableOptions, fit_forecast
from gatework.tasks.forecast.settings import ForecastSettings

SERIES = "sea_temperature.csv"
HORIZON = 12


def demo(*, out: Path = Path("runs/demo"), quiet: Flag = False, debug: Flag = False) -> None:
    """Forecast the sea surface temperature off Peru, where El Niño shows (NOAA, 1950 to 2010).

    Args:
        out: Folder of the run; a run that is there is replaced.
        quiet: Print nothing but errors.
        debug: Show where in the code an error came from.
    """
    series = importlib.resources.files("gatework") / "examples" / SERIES
    with importlib.resources.as_file(series) as file:
        if not quiet:
            say("Sea surface temperature off Peru, month by month, 1950 to 2010 (NOAA).")
            words = ["gatework", "fit", "forecast", str(file), "--horizon", str(HORIZON)]
            say(f"The same as: {shlex.join([*words, '--out', str(out)])}")
            say()
        output = RunOptions(out=out, overwrite=True, quiet=quiet, debug=debug)
        settings = ForecastSettings(horizon=HORIZON)
        fit_forecast(file, out, TableOptions(), LEVELS, settings, output, "gatework demo")
