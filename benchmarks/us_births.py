"""Daily births in the United States, 1969-1988: 20 windows of 30 days, fitted once before them.

    python benchmarks/us_births.py path/to/us_births.csv [--windows-before 600] [--seed 0]

Prints one JSON object: MASE at m = 1 (scale and error of each window, then the mean), weighted
quantile loss over 0.1 to 0.9, coverage of the 90 % interval in percent, seconds, and naive
forecasts beside. Tuning belongs on earlier windows: --windows-before 1200 judges the 20 windows
before the last 20.
"""

import argparse
import json
import platform
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from gatework.data import read_table, to_panel
from gatework.tasks.forecast import metrics
from gatework.tasks.forecast.fitting import fit_networks
from gatework.tasks.forecast.settings import ForecastSettings

HORIZON = 30
WINDOWS = 20
TENTHS = tuple(number / 10 for number in range(1, 10))
LEVELS = (0.05, *TENTHS, 0.95)


def lagged(values: np.ndarray, cutoff: int, lag: int) -> np.ndarray:
    """Return (HORIZON,) the last known values a multiple of `lag` steps before each target."""
    ahead = np.arange(HORIZON)
    return values[cutoff + ahead - lag * (ahead // lag + 1)]


def mean_mase(actual: np.ndarray, point: np.ndarray, scales: list[float]) -> float:
    """Return the mean over windows of each window's MASE."""
    pairs = zip(actual, point, scales, strict=True)
    return float(np.mean([metrics.mase(*pair) for pair in pairs]))


def main() -> None:
    """Fit, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--windows-before", type=int, default=HORIZON * WINDOWS)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    panel = to_panel(read_table(chosen.path))
    values = panel.series[0].values
    first = len(values) - chosen.windows_before
    cutoffs = [first + HORIZON * number for number in range(WINDOWS)]

    began = perf_counter()
    settings = ForecastSettings(horizon=HORIZON, seed=chosen.seed)
    fitted = fit_networks(panel.head(first), settings)
    fit_seconds = perf_counter() - began
    quantiles = fitted.quantiles(panel, [(0, cutoff) for cutoff in cutoffs], LEVELS)
    total_seconds = perf_counter() - began

    actual = np.stack([values[cutoff : cutoff + HORIZON] for cutoff in cutoffs])
    scales = [metrics.mase_scale(values[:cutoff], 1) for cutoff in cutoffs]
    naive = {
        f"lag_{lag}": mean_mase(actual, np.stack([lagged(values, c, lag) for c in cutoffs]), scales)
        for lag in (1, 7, 364)
    }
    print(
        json.dumps(
            {
                "mase": mean_mase(actual, quantiles[..., LEVELS.index(0.5)], scales),
                "wql": metrics.weighted_quantile_loss(actual, quantiles[..., 1:-1], TENTHS),
                "coverage_90": metrics.coverage(actual, quantiles[..., 0], quantiles[..., -1]),
                "naive_mase": naive,
                "fit_seconds": fit_seconds,
                "total_seconds": total_seconds,
                "seed": chosen.seed,
                "first_cutoff": str(panel.series[0].times[first].astype("datetime64[D]")),
                "choices": {choice.name: choice.value for choice in fitted.choices},
                "torch": torch.__version__,
                "threads": torch.get_num_threads(),
                "machine": platform.machine(),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
