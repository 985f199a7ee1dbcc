"""How the pictures of all tasks look: as SVG that takes its colours from the page, or as PNG.

The colours are Okabe and Ito's, which people with any kind of colour vision can tell apart.
"""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gatework.data.music.picture import draw_roll
from gatework.data.music.piece import Piece
from gatework.training.history import Curve

# Each colour is a name of the page's style sheet; the hex value is what paper and PNG get.
PALETTE: Final[Mapping[str, str]] = {
    "ink": "#1b1f24",
    "muted": "#6b7280",
    "rule": "#e3e5e8",
    "model": "#0072b2",
    "rival": "#d55e00",
}
_QUARTERS: Final = 64  # of a piano roll
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


def training_figure(curves: Sequence[Curve]) -> Figure:
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
        clean(axes, dated=False, ticks=4)
        axes.set_xlabel("step")
        legend(figure, axes, loc="outside upper right")
        return figure


def roll_figure(piece: Piece) -> Figure:
    """Draw a piece as a piano roll, its first quarter notes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 2.2))
        axes = figure.subplots()
        clean(axes, dated=False, ticks=4)
        draw_roll(axes, piece, colour=PALETTE["model"], most=_QUARTERS)
        axes.set_xlabel("quarter notes")
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


def clean(axes: Axes, *, dated: bool, ticks: int) -> None:
    """Take away what is no data; `dated` axes show times, and there are about `ticks` ticks."""
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


def legend(owner: Figure | Axes, axes: Axes, **where: Any) -> None:
    """Name what is drawn in `axes`; `where` is matplotlib's own words for where in `owner`."""
    place(owner, *axes.get_legend_handles_labels(), **where)


def place(owner: Figure | Axes, handles: list[Any], labels: list[str], **where: Any) -> None:
    """Put a legend of these handles into `owner`."""
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


def _tick(value: float, _position: int) -> str:
    return f"{value:,.10g}"
