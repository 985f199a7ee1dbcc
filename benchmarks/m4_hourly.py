"""M4 hourly: 414 series, the official last 48 hours, one network for all.

    python benchmarks/m4_hourly.py path/to/m4_hourly [--validate]

Prints one JSON object: MASE (m = 24) and sMAPE (0 to 200) averaged over series, coverage of the 90
% interval in percent, seconds. --validate judges the 48 hours before the official ones: tune
there.
"""

import argparse
import json
from pathlib import Path
from time import perf_counter

import numpy as np

from gatework.data import read_table, to_panel
from gatework.tasks.forecast.evaluation import Window, compare
from gatework.tasks.forecast.fitting import fit_networks
from gatework.tasks.forecast.metrics import coverage, smape
from gatework.tasks.forecast.settings import ForecastSettings

HORIZON = 48
SEASON = 24
PROBABILITIES = (0.05, 0.5, 0.95)


def main() -> None:
    """Fit, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    known = to_panel(read_table(chosen.folder / "train.csv.gz"), season=SEASON)
    if chosen.validate:
        whole, known = known, known.truncate(HORIZON)
    else:
        whole = known.extend(to_panel(read_table(chosen.folder / "test.csv.gz"), season=SEASON))
    windows = tuple(Window(at, len(series)) for at, series in enumerate(known.series))
    began = perf_counter()
    fitted = fit_networks(known, ForecastSettings(horizon=HORIZON, seed=chosen.seed))
    forecasts = fitted.quantiles(known, windows, PROBABILITIES)
    seconds = perf_counter() - began
    test = compare(whole, windows, forecasts, PROBABILITIES, lag=SEASON)
    methods = {
        method: {
            "mase": float(np.mean(test.window_mase(method))),
            "smape": float(np.mean(list(map(smape, test.actual, test.point(method))))),
        }
        for method in test.quantiles
    }
    inside = coverage(test.actual, forecasts[..., 0], forecasts[..., -1])
    print(json.dumps({**methods, "coverage_90": inside, "seconds": seconds}, indent=2))


if __name__ == "__main__":
    main()
