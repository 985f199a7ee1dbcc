"""A trace as a picture for papers and slides: the memory, its gates, and who wrote it."""

from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gatework.errors import InputError
from gatework.inspector.analyses.ledger import ledger, target_step
from gatework.inspector.analyses.retention import timescales
from gatework.inspector.trace import SequencePass, Trace

INK: Final = "#1b1f24"
MUTED: Final = "#6b7280"
RULE: Final = "#e3e5e8"
PLUS: Final = "#cf5a0e"
MINUS: Final = "#0f72b5"
MISSING: Final = "#cc79a7"
STYLE: Final[Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "gatework",
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "figure.constrained_layout.use": True,
}
# The stops of the page's scales: about zero for what has a sign, from 0 to 1 for gates.
DIVERGING: Final = ("#053a5f", "#0f72b5", "#8fc1e3", "#fbfaf8", "#f3b184", "#cf5a0e", "#6e2a02")
SEQUENTIAL: Final = ("#fbfaf8", "#d3e6dd", "#8fc4b2", "#45957f", "#17604f", "#062f28")
MOST_NAMES: Final = 48  # steps that are named one by one


def trace_figure(
    trace: Trace,
    *,
    path: str | None = None,
    sequence: int = 0,
    layer: int = 0,
    reverse: bool = False,
    step: int | None = None,
) -> Figure:
    """Draw one sequence in one layer: the ledger of a step, the memory, and every gate.

    Units stand from the longest timescale to the shortest.

    Args:
        trace: what was recorded.
        path: which recurrent layer of the model; None is the first that was recorded.
        sequence: which sequence, from 0.
        layer: which layer of the stack.
        reverse: which direction.
        step: whose memory is accounted for; None is the last that was read.

    Raises:
        InputError: there is no such layer, sequence or step, or the sequence is empty.

    Example:
        >>> import torch, gatework
        >>> recorded = gatework.trace(gatework.LSTM(3, 8), torch.randn(10, 2, 3))
        >>> drawn = [axes.get_ylabel() for axes in trace_figure(recorded).axes if axes.images]
        >>> [label[0] for label in drawn]
        ['c', 'f', 'i', 'o', 'g', 'h']
    """
    recording = trace.recordings[0] if path is None else trace[path]
    part = recording.find(layer, reverse=reverse)
    one = part.sequence(sequence)
    if not len(one):
        raise InputError(f"sequence {sequence} has no step to draw.")
    order = np.argsort(-timescales(part).timescale, kind="stable")
    shown = _shown(one)
    heights = [1.2, *(min(1.3, 0.6 + 0.01 * one.values[name].shape[1]) for name, _ in shown)]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.2, sum(heights) + 0.6))
        panes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
        _draw_ledger(panes[0], one, step, order)
        for axes, (name, what) in zip(panes[1:], shown, strict=True):
            values = one.values[name]
            rows = values[:, order] if values.shape[1] == len(order) else values
            is_switch = name in one.cell.gates and name != one.cell.candidate
            _draw_map(axes, rows, f"{name}\n{what}", is_switch=is_switch)
        names = recording.step_names(sequence)
        if recording.steps is not None and len(names) <= MOST_NAMES:
            panes[-1].set_xticks(range(len(names)), [_visible(word) for word in names])
            panes[-1].tick_params(axis="x", rotation=0 if max(map(len, names)) < 3 else 60)
        else:
            panes[-1].xaxis.set_major_locator(MaxNLocator(10, integer=True))
            panes[-1].set_xlabel("step")
        title = f"{recording.name} {part.name}, sequence {trace.sequence_name(sequence)}"
        figure.suptitle(_visible(title), x=0.01, ha="left", fontsize=10)
        return figure


def _shown(one: SequencePass) -> list[tuple[str, str]]:
    """The arrays to draw, from the memory on, and what each does; none twice."""
    cell = one.cell

    def is_new(name: str) -> bool:
        return not any(
            np.array_equal(one.values[name], one.values[other], equal_nan=True) for other in found
        )

    found = {cell.memory: "memory"}
    for role, array in one.roles._asdict().items():
        for name in cell.gates:
            if np.array_equal(one.values[name], array, equal_nan=True) and is_new(name):
                found[name] = role
    words = {cell.candidate: "candidate", "h": "shown"}
    for name in (*cell.gates, *cell.states):
        if name not in found and is_new(name):
            found[name] = words.get(name, "gate")
    return list(found.items())


def _draw_map(axes: Axes, values: np.ndarray, label: str, *, is_switch: bool) -> None:
    """Time across, units down; a switch from 0 to 1, the rest about zero."""
    sizes = np.abs(values[np.isfinite(values)]).astype(np.float64)
    largest = max(sizes.max(initial=0.0), 1e-12)
    most = float(np.quantile(sizes, 0.98)) if len(sizes) else largest
    limit = most if 0 < 2 * most < largest else largest  # a few giants would bleach the rest
    if is_switch:
        scale, low, high = _scale("gates", SEQUENTIAL), 0.0, max(1.0, largest)
    else:
        scale, low, high = _scale("states", DIVERGING), -limit, limit
    picture = axes.imshow(
        np.ma.masked_invalid(values.T), aspect="auto", interpolation="nearest", cmap=scale,
        vmin=low, vmax=high,
    )  # fmt: skip
    assert isinstance(axes.figure, Figure)
    bar = axes.figure.colorbar(picture, ax=axes, pad=0.01, fraction=0.03, aspect=9)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.yaxis.set_major_locator(MaxNLocator(2))
    bar.ax.tick_params(length=0)
    axes.set_ylabel(label, rotation=0, ha="right", va="center", color=INK)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _draw_ledger(axes: Axes, one: SequencePass, step: int | None, order: np.ndarray) -> None:
    """Bars: how much of the memory after `step` each step wrote, over all units."""
    book = ledger(one, step)
    shares = book.shares()
    places = np.arange(len(one))
    axes.bar(places, 100 * shares.steps, width=0.85, color=PLUS, lw=0)
    target = target_step(one, step)
    axes.axvline(-1 if target is None else target, color=INK, lw=0.8)
    axes.set_ylabel("ledger\n% of memory", rotation=0, ha="right", va="center", color=INK)
    axes.set_title(
        f"who wrote the memory after step {target}; the initial state {shares.initial:.1%}, "
        f"residual {np.abs(book.residual).max(initial=0.0):.0e}",
        loc="left", fontsize=8.5, color=MUTED,
    )  # fmt: skip
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)
    axes.yaxis.set_major_locator(MaxNLocator(3))


def _scale(name: str, stops: tuple[str, ...]) -> Colormap:
    return LinearSegmentedColormap.from_list(name, stops).with_extremes(bad=MISSING)


def _visible(words: str) -> str:
    """Words as matplotlib may draw them: no formulas, no breaks."""
    return words.replace("\n", "⏎").replace("\t", "⇥").replace("$", r"\$")
