"""Airline passengers by month, 1949-1960: the last 24 months, unseen, at two horizons and five
seeds.

    python benchmarks/airline.py path/to/airline_passengers.csv [--before 0]

Prints one JSON object: for one window of 24 months and two windows of 12 (fitted once), MASE at m
= 12 of each seed and of the seasonal naive forecast. --before 24 drops the last 24 months first:
tune there.
"""

import argparse
import json
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from gatework.data import Panel, read_table, to_panel
from gatework.tasks.forecast.evaluation import Window, compare
from gatework.tasks.forecast.fitting import fit_networks
from gatework.tasks.forecast.scores import MODEL
from gatework.tasks.forecast.settings import ForecastSettings

HELD_OUT = 24
SEASON = 12
SEEDS = range(5)
PROBABILITIES = (0.05, 0.5, 0.95)


def judge(panel: Panel, horizon: int) -> dict[str, Any]:
    """Return the scores of all seeds and of the naive forecast at one horizon."""
    length = len(panel.series[0])
    windows = tuple(Window(0, cut) for cut in range(length - HELD_OUT, length, horizon))
    mase: dict[str, list[float]] = {}
    inside = []
    began = perf_counter()
    for seed in SEEDS:
        fitted = fit_networks(
            panel.truncate(HELD_OUT), ForecastSettings(horizon=horizon, season=SEASON, seed=seed)
        )
        forecasts = fitted.quantiles(panel, windows, PROBABILITIES)
        test = compare(panel, windows, forecasts, PROBABILITIES, lag=SEASON)
        for method in test.quantiles:
            mase.setdefault(method, []).append(float(np.mean(test.window_mase(method))))
        inside.append((test.actual >= forecasts[..., 0]) & (test.actual <= forecasts[..., -1]))
    naive = mase["seasonal-naive"][0]
    return {
        "mase": mase[MODEL],
        "naive_mase": naive,
        "seeds_better": sum(value < naive for value in mase[MODEL]),
        "coverage_90": 100 * float(np.mean(inside)),
        "seconds_a_seed": (perf_counter() - began) / len(SEEDS),
    }


def main() -> None:
    """Fit, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--before", type=int, default=0)
    chosen = parser.parse_args()
    panel = to_panel(read_table(chosen.path), season=SEASON)
    if chosen.before:
        panel = panel.truncate(chosen.before)
    print(json.dumps({f"horizon_{h}": judge(panel, h) for h in (24, 12)}, indent=2))


if __name__ == "__main__":
    main()
