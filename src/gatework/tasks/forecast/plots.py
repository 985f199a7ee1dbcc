"""Pictures of a forecast, drawn once for a page or for paper."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch

from gatework.tasks.pictures import PALETTE, STYLE, clean, place

MOST_POINTS: Final = 1200
MOST_LETTERS: Final = 56  # of a title, so that the legend has room beside it
BAND_ALPHA: Final = 0.16


@dataclass(frozen=True)
class Trace:
    """One picture's data.

    Args:
        title: Shown above the picture; may be empty.
        times: (n,) stamps of what was observed.
        values: (n,) what was observed, NaN where missing.
        future: (T,) stamps of the forecast.
        quantiles: (T, Q) the forecast.
        probabilities: The Q quantiles in rising order, 0.5 among them.
        rival: (T,) the naive forecast beside it, or None.
    """

    title: str
    times: np.ndarray
    values: np.ndarray
    future: np.ndarray
    quantiles: np.ndarray
    probabilities: tuple[float, ...]
    rival: np.ndarray | None = None


def forecast_figure(traces: Sequence[Trace], *, height: float = 3.1) -> Figure:
    """Draw forecasts one under the other, with a legend beside the first title."""
    with mpl.rc_context(STYLE):
        layout = ConstrainedLayoutEngine(hspace=0.07)
        figure = Figure(figsize=(9.2, height * len(traces)), layout=layout)
        panes = figure.subplots(len(traces), 1, squeeze=False)[:, 0]
        for axes, trace in zip(panes, traces, strict=True):
            _draw(axes, trace)
            title = textwrap.shorten(trace.title, MOST_LETTERS, placeholder=" …")
            axes.set_title(title, loc="left", fontsize=9, color=PALETTE["ink"])
        _legend(panes[0], panes[0], loc="lower right", bbox_to_anchor=(1.01, 1.0), borderpad=0)
        return figure


def windows_figure(traces: Sequence[Trace], *, one_axis: bool) -> Figure:
    """Draw hold-out windows as small multiples; `one_axis` gives all of them the same scale."""
    with mpl.rc_context(STYLE):
        rows = -(-len(traces) // 2)
        columns = min(2, len(traces))
        layout = ConstrainedLayoutEngine(hspace=0.09, wspace=0.03)
        figure = Figure(figsize=(9.2, 2.0 * rows + 0.3), layout=layout)
        panes = figure.subplots(rows, columns, squeeze=False, sharey=one_axis).ravel()
        for axes, trace in zip(panes, traces, strict=False):
            _draw(axes, trace)
            # Its title has the date already.
            axes.xaxis.get_offset_text().set_visible(False)
            axes.set_title(trace.title, loc="left", fontsize=8.5, color=PALETTE["ink"])
        for axes in panes[len(traces) :]:
            axes.set_axis_off()
        _legend(figure, panes[0], loc="outside upper right")
        return figure


def overview_figure(times: np.ndarray, values: np.ndarray, future: np.ndarray) -> Figure:
    """Draw a whole series in little, with the stretch that is forecast shaded."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 1.5))
        axes = figure.subplots()
        _plot_observed(axes, *_thin(times, values), width=0.7)
        axes.axvspan(future[0], future[-1], color=PALETTE["model"], alpha=0.25, lw=0)
        clean(axes, dated=times.dtype.kind == "M", ticks=3)
        return figure


def _draw(axes: Axes, trace: Trace) -> None:
    _plot_observed(axes, *_thin(trace.times, trace.values), width=1.1)
    middle = trace.probabilities.index(0.5)
    future, quantiles = trace.future, trace.quantiles
    # Today's uncertainty is nil: the fan opens at the last observation.
    before = trace.times < future[0]
    if before.any() and np.isfinite(trace.values[before][-1]):
        last = trace.values[before][-1]
        future = np.concatenate([trace.times[before][-1:], future])
        quantiles = np.concatenate([np.full((1, quantiles.shape[1]), last), quantiles])
    for number in range(middle):
        level = round(100 * (1 - 2 * trace.probabilities[number]), 6)
        axes.fill_between(
            future,
            quantiles[:, number],
            quantiles[:, -1 - number],
            color=PALETTE["model"],
            alpha=BAND_ALPHA,
            lw=0,
            label=f"{level:g} % interval",
        )
    if trace.rival is not None:
        axes.plot(
            trace.future,
            trace.rival,
            color=PALETTE["rival"],
            lw=1.0,
            ls=(0, (3, 1.6)),
            label="naive",
        )
    axes.plot(future, quantiles[:, middle], color=PALETTE["model"], lw=1.6, label="forecast")
    clean(axes, dated=trace.times.dtype.kind == "M", ticks=4)


def _plot_observed(axes: Axes, times: np.ndarray, values: np.ndarray, *, width: float) -> None:
    axes.plot(times, values, color=PALETTE["ink"], lw=width, label="observed")
    seen = np.isfinite(values)
    around = np.concatenate([[False], seen, [False]])
    alone = seen & ~around[:-2] & ~around[2:]
    axes.plot(times[alone], values[alone], ".", color=PALETTE["ink"], ms=2.5)


def _legend(owner: Figure | Axes, axes: Axes, **where: Any) -> None:
    """Name what is drawn in `axes`; bands lie one on the other, so the inner ones look darker."""
    handles, labels = axes.get_legend_handles_labels()
    bands = [position for position, label in enumerate(labels) if label.endswith("interval")]
    for depth, position in enumerate(bands, start=1):
        alpha = 1 - (1 - BAND_ALPHA) ** depth
        handles[position] = Patch(color=PALETTE["model"], alpha=alpha, lw=0)
    place(owner, handles, labels, **where)


def _thin(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep the lowest and the highest value of each of many bins: the same picture, less of it."""
    size = -(-2 * len(values) // MOST_POINTS)
    if size <= 2:
        return times, values
    kept = []
    for start in range(0, len(values), size):
        block = values[start : start + size]
        if np.isfinite(block).any():
            kept += sorted({start + int(pick(block)) for pick in (np.nanargmin, np.nanargmax)})
        else:
            kept.append(start)
    return times[kept], values[kept]
