"""Classification: sequences in, one label each (or several) out, with probabilities to rely on.

Knows texts, series and events, networks and how to judge labels. `Classifier` is the door; it is
imported when it is first asked for, so that the settings can be read without torch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatework.tasks.classify.estimator import Classifier

__all__ = ["Classifier"]


def __getattr__(name: str) -> object:
    if name == "Classifier":
        from gatework.tasks.classify.estimator import Classifier

        return Classifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
