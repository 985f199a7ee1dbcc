"""Pictures of a forecast, drawn once: as SVG that takes its colours from the page, or as PNG.

The colours are Okabe and Ito's, which people with any kind of colour vision can tell apart.
"""

import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

# Each colour is a name of the page's style sheet; the hex value is what paper and PNG get.
PALETTE: Final[Mapping[str, str]] = {
    "ink": "#1b1f24",
    "muted": "#6b7280",
    "rule": "#e3e5e8",
    "model": "#0072b2",
    "rival": "#d55e00",
}
STYLE: Final[Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "gatework",
    "axes.edgecolor": PALETTE["rule"],
    "axes.labelcolor": PALETTE["muted"],
    "text.color": PALETTE["ink"],
    "xtick.color": PALETTE["muted"],
    "ytick.color": PALETTE["muted"],
    "figure.constrained_layout.use": True,
}
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
        _clean(axes, dated=times.dtype.kind == "M", ticks=3)
        return figure


def training_figure(curves: Sequence[Sequence[tuple[int, float, float | None]]]) -> Figure:
    """Draw the training and validation loss of each network over its steps.

    Args:
        curves: One sequence a network of (step, training loss, validation loss or None).
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 2.2))
        axes = figure.subplots()
        for number, curve in enumerate(curves):
            steps, losses = [p[0] for p in curve], [p[1] for p in curve]
            label = "training" if number == 0 else None
            axes.plot(steps, losses, color=PALETTE["muted"], lw=0.9, alpha=0.7, label=label)
            known = [(step, value) for step, _, value in curve if value is not None]
            if known:
                label = "validation" if number == 0 else None
                axes.plot(*zip(*known, strict=True), color=PALETTE["model"], lw=1.3, label=label)
        _clean(axes, dated=False, ticks=4)
        axes.set_xlabel("step")
        _legend(figure, axes, loc="outside upper right")
        return figure


def svg(figure: Figure, label: str) -> str:
    """Return the figure as an SVG element to put in a page: no metadata, no address, no fixed ink.

    Args:
        figure: What to draw.
        label: What a screen reader says instead.
    """
    buffer = io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text)
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"font: ([\d.]+)px '[^']*'", r"font-size: \1px", text)
    for name, colour in PALETTE.items():
        text = text.replace(colour, f"var(--{name})")
    text = re.sub(r"\n\s*", "\n", text)
    return re.sub(
        r'<svg width="[^"]*" height="[^"]*"', f'<svg role="img" aria-label="{label}"', text, count=1
    )


def save_png(figure: Figure, path: Path) -> None:
    """Write the figure as a PNG for slides and mail."""
    with mpl.rc_context(STYLE):
        figure.savefig(
            path, format="png", dpi=136, facecolor="white", bbox_inches="tight", pad_inches=0.14
        )


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
    _clean(axes, dated=trace.times.dtype.kind == "M", ticks=4)


def _plot_observed(axes: Axes, times: np.ndarray, values: np.ndarray, *, width: float) -> None:
    axes.plot(times, values, color=PALETTE["ink"], lw=width, label="observed")
    seen = np.isfinite(values)
    around = np.concatenate([[False], seen, [False]])
    alone = seen & ~around[:-2] & ~around[2:]
    axes.plot(times[alone], values[alone], ".", color=PALETTE["ink"], ms=2.5)


def _clean(axes: Axes, *, dated: bool, ticks: int) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y", color=PALETTE["rule"], lw=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=5)
    axes.margins(x=0.01)
    axes.yaxis.set_major_locator(MaxNLocator(ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    if dated:
        locator = AutoDateLocator(minticks=3, maxticks=8)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes.xaxis.get_offset_text().set_color(PALETTE["muted"])


def _tick(value: float, _position: int) -> str:
    return f"{value:,.10g}"


def _legend(owner: Figure | Axes, axes: Axes, **where: Any) -> None:
    """Name what is drawn in `axes`; `where` is matplotlib's own words for where in `owner`."""
    handles, labels = axes.get_legend_handles_labels()
    bands = [place for place, label in enumerate(labels) if label.endswith("interval")]
    for depth, place in enumerate(bands, start=1):
        # Bands lie one on the other, so the inner ones are darker than their own ink.
        alpha = 1 - (1 - BAND_ALPHA) ** depth
        handles[place] = Patch(color=PALETTE["model"], alpha=alpha, lw=0)
    owner.legend(
        handles,
        labels,
        **where,
        ncols=len(labels),
        frameon=False,
        fontsize=8.5,
        labelcolor=PALETTE["muted"],
        handlelength=1.6,
        columnspacing=1.6,
    )


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
