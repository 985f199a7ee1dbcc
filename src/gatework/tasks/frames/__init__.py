"""Sequences of frames: piano rolls, pen strokes, any columns of numbers, and more of the like.

Knows what the next frame may be and how to draw it. `FrameModel` is the door; it is imported when
it is first asked for, so that the settings can be read without torch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatework.tasks.frames.estimator import FrameModel

__all__ = ["FrameModel"]


def __getattr__(name: str) -> object:
    if name == "FrameModel":
        from gatework.tasks.frames.estimator import FrameModel

        return FrameModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
