"""Pictures of sequences of frames: piano rolls, the path of a pen, numbers over time."""

from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gatework.data.music.picture import draw_roll
from gatework.tasks.frames.outcome import Outcome
from gatework.tasks.frames.sequences import FrameSchema
from gatework.tasks.frames.writing import to_piece
from gatework.tasks.pictures import PALETTE, STYLE, clean

_MOST_COLUMNS: Final = 4  # drawn of frames of many numbers
_OFFSETS: Final = "d"  # what the names of columns begin with that are steps, not places


def samples_figure(outcome: Outcome) -> Figure:
    """Draw the samples, and the beginning of a real sequence under them."""
    drawn = [
        (f"drawn, temperature {each.temperature:g}", each.frames, PALETTE["model"])
        for each in outcome.samples
    ]
    drawn.append(("real", outcome.real, PALETTE["muted"]))
    schema = outcome.schema
    height = 1.9 if schema.keys else 1.6
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.2, height * len(drawn)))
        rows = figure.subplots(len(drawn), 1, squeeze=False)[:, 0]
        for axes, (title, frames, colour) in zip(rows, drawn, strict=True):
            clean(axes, dated=False, ticks=4)
            _draw(axes, frames, schema, colour)
            axes.set_title(title, loc="left", fontsize=8.5, color=PALETTE["muted"])
        return figure


def _draw(axes: Axes, frames: np.ndarray, schema: FrameSchema, colour: str) -> None:
    if schema.piano:
        draw_roll(axes, to_piece(frames, schema), colour=colour)
    elif schema.keys:
        axes.imshow(
            1 - frames.T, aspect="auto", origin="lower", cmap="gray", vmin=0, vmax=1,
            interpolation="nearest",
        )  # fmt: skip
    elif (pen := pen_columns(schema, frames)) is not None:
        _draw_strokes(axes, frames, schema, pen, colour)
    else:
        for place, name in enumerate(schema.columns[:_MOST_COLUMNS]):
            axes.plot(
                frames[:, place], color=colour, lw=0.9, alpha=1 - place / (_MOST_COLUMNS + 1),
                label=name,
            )  # fmt: skip


def pen_columns(schema: FrameSchema, frames: np.ndarray) -> tuple[int, int, int | None] | None:
    """Return which columns are the path of a pen: two of numbers, and maybe one that is 0 or 1.

    Example:
        >>> schema = FrameSchema(("dx", "dy", "up"), keys=False)
        >>> pen_columns(schema, np.array([[0.5, 0.2, 0], [1.5, 2, 1]]))
        (0, 1, 2)
        >>> pen_columns(FrameSchema(("a",), keys=False), np.zeros((2, 1))) is None
        True
    """
    switches = [n for n in range(frames.shape[1]) if np.isin(frames[:, n], (0, 1)).all()]
    numbers = [n for n in range(frames.shape[1]) if n not in switches]
    names = [schema.columns[n].lower().removeprefix(_OFFSETS) for n in numbers]
    if names != ["x", "y"] or len(switches) > 1:
        return None
    return numbers[0], numbers[1], switches[0] if switches else None


def strokes(
    frames: np.ndarray, schema: FrameSchema, pen: tuple[int, int, int | None]
) -> list[np.ndarray]:
    """Return the strokes of a pen, each (N, 2) places; the pen is lifted after a frame with a 1.

    Columns named dx and dy are steps from place to place.

    Example:
        >>> schema = FrameSchema(("dx", "dy", "up"), keys=False)
        >>> frames = np.array([[1.0, 0, 0], [0, 2, 1], [5, 5, 1]])
        >>> [stroke.tolist() for stroke in strokes(frames, schema, (0, 1, 2))]
        [[[1.0, 0.0], [1.0, 2.0]], [[6.0, 7.0]]]
    """
    path = frames[:, list(pen[:2])].astype(np.float64)
    if schema.columns[pen[0]].lower().startswith(_OFFSETS):
        path = path.cumsum(0)
    if pen[2] is None:
        return [path]
    cuts = np.flatnonzero(frames[:, pen[2]] > 0.5) + 1
    return [each for each in np.split(path, cuts) if len(each)]


def _draw_strokes(
    axes: Axes,
    frames: np.ndarray,
    schema: FrameSchema,
    pen: tuple[int, int, int | None],
    colour: str,
) -> None:
    for stroke in strokes(frames, schema, pen):
        axes.plot(*stroke.T, color=colour, lw=1.1, solid_capstyle="round")
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
