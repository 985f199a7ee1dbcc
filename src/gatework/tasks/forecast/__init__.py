"""Forecasting: a table of series in, their next values with intervals out.

Knows panels, networks and how to judge a forecast. `Forecaster` is the door; it is imported when
it is first asked for, so that the settings can be read without torch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatework.tasks.forecast.estimator import Forecaster

__all__ = ["Forecaster"]


def __getattr__(name: str) -> object:
    if name == "Forecaster":
        from gatework.tasks.forecast.estimator import Forecaster

        return Forecaster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
