"""Pictures of how well labels are told: confusion, curves, reliability."""

from collections.abc import Mapping, Sequence
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gatework.tasks.classify.metrics import Curve, Reliability
from gatework.tasks.pictures import PALETTE, STYLE, clean, legend

MOST_CLASSES: Final = 30
_LINES: Final = ("model", "rival", "muted", "ink")


def confusion_figure(counts: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw which class was taken for which: rows true, columns predicted, shares of each row."""
    with mpl.rc_context(STYLE):
        # As wide as the page whatever it shows: so its letters are as large as those beside it.
        figure = Figure(figsize=(9.2, min(9.2, 1.6 + 0.42 * len(names))))
        axes = figure.subplots()
        axes.set_aspect("equal", anchor="W")
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.nan_to_num(counts / counts.sum(1, keepdims=True))
        for row, column in zip(*np.nonzero(share), strict=True):
            # Lighter by transparency, so that the colour follows the page's.
            corner = (column, len(names) - 1 - row)
            cell = Rectangle(corner, 1, 1, fc=PALETTE["model"], alpha=share[row, column], lw=0)
            axes.add_patch(cell)
        axes.set_xlim(0, len(names))
        axes.set_ylim(0, len(names))
        places = np.arange(len(names)) + 0.5
        short = [name if len(name) <= 16 else name[:15] + "…" for name in names]
        longest = max(map(len, names))
        turned = longest > (8 if len(names) <= 4 else 3)
        axes.set_xticks(
            places, short, rotation=60 if turned else 0, ha="right" if turned else "center"
        )
        axes.set_yticks(places, short[::-1])
        axes.tick_params(length=0)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        if len(names) <= 12:
            for row, column in np.ndindex(*counts.shape):
                axes.text(
                    column + 0.5,
                    len(names) - row - 0.5,
                    f"{counts[row, column]:,}",
                    ha="center",
                    va="center",
                    fontsize=8.5,
                )
        axes.spines[:].set_visible(False)
        return figure


def curves_figure(
    roc: Mapping[str, Curve], precision_recall: Mapping[str, Curve], share: float
) -> Figure:
    """Draw the ROC and the precision-recall curves of several methods beside chance.

    Args:
        roc: By method, false and true positive rate.
        precision_recall: By method, recall and precision.
        share: Of the positives: the precision of chance.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 3.6))
        left, right = figure.subplots(1, 2)
        left.plot([0, 1], [0, 1], color=PALETTE["rule"], lw=1.0)
        right.plot([0, 1], [share, share], color=PALETTE["rule"], lw=1.0)
        for colour, (name, curve) in zip(_LINES, roc.items(), strict=False):
            left.plot(curve.x, curve.y, color=PALETTE[colour], lw=1.4, label=name)
        for colour, curve in zip(_LINES, precision_recall.values(), strict=False):
            right.plot(curve.x, curve.y, color=PALETTE[colour], lw=1.4)
        _unit(left, "false positive rate", "true positive rate")
        _unit(right, "recall", "precision")
        legend(figure, left, loc="outside upper right")
        return figure


def reliability_figure(found: Reliability) -> Figure:
    """Draw how often answers of each confidence were right, and how many there were."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 2.9))
        left, right = figure.subplots(1, 2)
        full = found.count > 0
        left.plot([0, 1], [0, 1], color=PALETTE["rule"], lw=1.0)
        left.plot(
            found.confidence[full], found.right[full], "o-", color=PALETTE["model"], lw=1.4, ms=4
        )
        _unit(left, "confidence", "right")
        bins = len(found.count)
        right.bar(
            (np.arange(bins) + 0.5) / bins, found.count, width=0.9 / bins, color=PALETTE["model"]
        )
        clean(right, dated=False, ticks=4)
        right.set_xlim(0, 1)
        right.set_xlabel("confidence")
        right.set_ylabel("answers")
        return figure


def _unit(axes: Axes, x: str, y: str) -> None:
    clean(axes, dated=False, ticks=5)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
