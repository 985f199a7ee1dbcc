"""The labels of recordings over time, true ones and ours."""

from collections.abc import Sequence
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from gatework.data.conll import Sentence
from gatework.tasks.pictures import PALETTE, STYLE
from gatework.tasks.tag.fitted import Answer

_SHOWN: Final = 4
_MOST_NAMES: Final = 12  # labels that fit beside an axis


def labels_figure(recordings: Sequence[Sentence], answers: Sequence[Answer]) -> Figure:
    """Draw the true label of each step, and ours over it, of the first recordings.

    Args:
        recordings: With their true labels.
        answers: To them.
    """
    shown = list(zip(recordings, answers, strict=True))[:_SHOWN]
    names = sorted({tag for one, answer in shown for tag in (*(one.tags or ()), *answer.tags)})
    places = {name: place for place, name in enumerate(names)}
    height = 0.5 + len(shown) * (0.4 + 0.14 * min(len(names), _MOST_NAMES))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.2, height))
        for axes, (one, answer) in zip(
            figure.subplots(len(shown), squeeze=False)[:, 0], shown, strict=True
        ):
            for label, tags, look in (
                ("true", one.tags or (), {"color": PALETTE["rival"], "lw": 4.0, "alpha": 0.45}),
                ("said", answer.tags, {"color": PALETTE["model"], "lw": 1.3}),
            ):
                steps = range(len(tags))
                axes.step(steps, [places[tag] for tag in tags], where="mid", label=label, **look)
            axes.set_ylim(-0.5, len(names) - 0.5)
            if len(names) <= _MOST_NAMES:
                axes.set_yticks(range(len(names)), names)
            axes.set_title(f"from row {one.row}", loc="left", fontsize=8.5)
            axes.spines[["top", "right"]].set_visible(False)
        figure.axes[-1].set_xlabel("step")
        figure.axes[0].legend(loc="upper right", ncols=2, frameon=False)
    return figure
