"""Forecast two series held in one data frame, four weeks ahead, with intervals.

Run it with `python examples/forecast_frame.py`. Any frame will do: pandas, polars or pyarrow.
"""

import math
from datetime import date, timedelta

import polars as pl

import gatework


def make_sales(shop: str, level: float) -> pl.DataFrame:
    """Return 400 days of made-up sales: a trend, a week, and a little noise that repeats."""
    days = range(400)
    return pl.DataFrame(
        {
            "unique_id": [shop] * len(days),
            "ds": [date(2024, 1, 1) + timedelta(days=day) for day in days],
            "y": [
                level + 0.05 * day + 12 * (day % 7 in (4, 5)) + 3 * math.sin(day * day)
                for day in days
            ],
        }
    )


def main() -> None:
    """Fit, print the scores beside the naive ones, print the forecast."""
    sales = pl.concat([make_sales("north", 40.0), make_sales("south", 70.0)])
    # One small network, so that the example ends in seconds; leave both out for real work.
    model = gatework.Forecaster(horizon=28, members=1, steps=60).fit(sales)
    print(model.scores_)
    print(model.predict(levels=[80]))


if __name__ == "__main__":
    main()
