"""The work of a fit: judge the method on held-out values, then train on everything and forecast."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, final

import numpy as np

from gatework.data import Panel
from gatework.tasks.forecast.evaluation import (
    BackTest,
    Window,
    compare,
    last_windows,
    probabilities_of,
    score,
)
from gatework.tasks.forecast.fitting import Fitted, fit_networks
from gatework.tasks.forecast.outcome import Outcome
from gatework.tasks.forecast.settings import ForecastSettings
from gatework.training import Progress
from gatework.training.history import curves_of

MOST_WINDOWS: Final = 8
HOLD_OUT_SHARE: Final = 0.2


class Job(NamedTuple):
    """A finished fit: the networks to predict with, and what to tell about them."""

    fitted: Fitted
    outcome: Outcome


def fit_and_judge(
    panel: Panel,
    settings: ForecastSettings,
    levels: tuple[float, ...],
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Job:
    """Fit networks to all of a panel, and score the same method on its last values, held out.

    The hold-out is the last windows of a horizon each, at most eight and at most a fifth of a
    middling series. Networks trained without it are scored on it and dropped; a time budget is
    shared evenly between the two trainings.

    Args:
        panel: The data.
        settings: How to train.
        levels: Interval levels in percent, for the scores and the forecast.
        folder: Where both trainings keep what resuming needs; None keeps nothing.
        progress: Where to show how far they are.

    Raises:
        InputError: The data is too short.
        Interrupted: Ctrl-C; the folder holds what a resume needs.
    """
    probabilities = probabilities_of(levels)
    held = hold_out(panel, settings.horizon)
    each, test = settings, None
    if held and settings.time_budget is not None:
        each = dataclasses.replace(settings, time_budget=settings.time_budget / 2)
    if held:
        fitted = fit_networks(
            hold_back(panel, held, settings.horizon),
            each,
            folder=folder / "hold-out" if folder else None,
            progress=_Named(progress, "hold-out") if progress else None,
        )
        test = back_test(fitted, panel, _windows(panel, held, settings.horizon), probabilities)
    fitted = fit_networks(
        panel,
        each,
        folder=folder / "final" if folder else None,
        progress=_Named(progress, "all data") if progress else None,
    )
    outcome = Outcome(
        panel=panel,
        settings=dataclasses.asdict(settings) | {"levels": levels},
        choices=fitted.choices,
        levels=levels,
        probabilities=probabilities,
        forecast=forecast(fitted, panel, probabilities),
        back_test=test,
        scores=score(test, levels, series_count=len(panel)) if test else None,
        curves=curves_of(fitted.history),
        training=_facts(fitted),
        notes=panel.notes,
    )
    return Job(fitted, outcome)


def hold_out(panel: Panel, horizon: int) -> int:
    """Return how many windows of a horizon to hold out; 0 if the series are too short for one."""
    middling = int(np.median(panel.lengths))
    count = min(MOST_WINDOWS, max(1, int(HOLD_OUT_SHARE * middling / horizon)))
    return count if _windows(panel, count, horizon) else 0


def hold_back(panel: Panel, count: int, horizon: int) -> Panel:
    """Return the series without their last `count` windows; those too short for it are left out."""
    kept = {panel.series[window.series].id for window in _windows(panel, count, horizon)}
    return panel.select(name for name in panel.ids if name in kept).truncate(count * horizon)


def _windows(panel: Panel, count: int, horizon: int) -> tuple[Window, ...]:
    """Return the hold-out of the series that keep two horizons to learn from."""
    least = (count + 2) * horizon
    return tuple(
        window
        for window in last_windows(panel, horizon, count=count, step=horizon)
        if len(panel.series[window.series]) >= least
        and np.isfinite(panel.series[window.series].values[: -count * horizon]).any()
    )


def back_test(
    fitted: Fitted,
    panel: Panel,
    windows: Sequence[Window],
    probabilities: tuple[float, ...],
    *,
    lag: int | None = None,
) -> BackTest:
    """Forecast every window with the same networks and set the naive rules beside them."""
    quantiles = fitted.quantiles(panel, np.array(windows, np.int64), probabilities)
    return compare(panel, windows, quantiles, probabilities, lag=lag)


def forecast(
    fitted: Fitted, panel: Panel, probabilities: Sequence[float], horizon: int | None = None
) -> np.ndarray:
    """Return (S, T, Q) quantiles for the steps after the end of each series."""
    ends = np.stack([np.arange(len(panel)), panel.lengths], axis=1)
    return fitted.quantiles(panel, ends, probabilities, horizon)


def fresh_windows(panel: Panel, seen: Mapping[str, int], horizon: int) -> tuple[Window, ...]:
    """Return windows, one after the other, over the values that training has not seen.

    Args:
        panel: The data to judge on.
        seen: How many steps of a series, by id, the networks were trained on. Of a series that is
            not there the last windows are taken.
        horizon: Steps a window; the last one may end in steps that have not come yet.
    """
    windows = []
    for index, series in enumerate(panel.series):
        n = len(series)
        start = seen.get(series.id)
        if start is None:
            start = max(n - MOST_WINDOWS * horizon, min(2 * horizon, n - horizon))
        for cutoff in range(max(start, 1), n, horizon):
            ahead = series.values[cutoff : cutoff + horizon]
            if np.isfinite(ahead).any() and np.isfinite(series.values[:cutoff]).any():
                windows.append(Window(index, cutoff))
    return tuple(windows)


def _facts(fitted: Fitted) -> tuple[tuple[str, str], ...]:
    shape, history = fitted.shape, fitted.history
    weights = sum(tensor.numel() for tensor in fitted.state.values())
    networks = f"{shape.members} LSTM" + ("s" if shape.members > 1 else "")
    facts = [("Networks", f"{networks}, {shape.hidden_size} wide"), ("Weights", f"{weights:,}")]
    if history is not None:
        facts += [("Steps", f"{history.steps:,}"), ("Time", f"{history.elapsed:.0f} s")]
        endings = {"time_budget": "the time budget", "patience": "no further gain"}
        facts.append(("Ended by", endings.get(history.stopped, "the planned number of steps")))
    return tuple(facts)


@final
class _Named(Progress):
    """A progress whose jobs carry the name of their part."""

    def __init__(self, inner: Progress, name: str) -> None:
        self._inner, self._name = inner, name

    def start(self, title: str) -> None:
        self._inner.start(f"{title}, {self._name}")

    def update(self, fraction: float, text: str) -> None:
        self._inner.update(fraction, text)

    def finish(self, text: str) -> None:
        self._inner.finish(text)
