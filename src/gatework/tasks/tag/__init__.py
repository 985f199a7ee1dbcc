"""Tagging: sentences in, a tag for each word out, and a label for the whole if the data has one.

Knows words, spans and how to judge both. `Tagger` is the door; it is imported when it is first
asked for, so that the settings can be read without torch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatework.tasks.tag.estimator import Tagger

__all__ = ["Tagger"]


def __getattr__(name: str) -> object:
    if name == "Tagger":
        from gatework.tasks.tag.estimator import Tagger

        return Tagger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
