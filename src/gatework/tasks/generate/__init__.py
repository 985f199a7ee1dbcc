"""Generation: text in, more of the like out; and what may come next while somebody writes.

Knows streams of tokens, how to sample from a network and how to judge it. `LanguageModel` is the
door; it is imported when it is first asked for, so that the settings can be read without torch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatework.tasks.generate.estimator import LanguageModel

__all__ = ["LanguageModel"]


def __getattr__(name: str) -> object:
    if name == "LanguageModel":
        from gatework.tasks.generate.estimator import LanguageModel

        return LanguageModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
