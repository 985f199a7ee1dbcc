"""Recurrent networks you can train in seconds, look inside, and ship anywhere.

`import gatework` does no work and loads nothing, torch included: each public name is imported when
it is first asked for.
"""

import importlib
import importlib.metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatework.errors import GateworkError, InputError
    from gatework.inspector import Trace, trace
    from gatework.layers import GRU, LSTM, RNN, Stream, accelerate, explain, restore, survey
    from gatework.ops import scan
    from gatework.tasks.classify import Classifier
    from gatework.tasks.forecast import Forecaster
    from gatework.tasks.frames import FrameModel
    from gatework.tasks.generate import LanguageModel
    from gatework.tasks.tag import Tagger

    __version__: str

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Classifier",
    "Forecaster",
    "FrameModel",
    "GateworkError",
    "InputError",
    "LanguageModel",
    "Stream",
    "Tagger",
    "Trace",
    "__version__",
    "accelerate",
    "explain",
    "restore",
    "scan",
    "survey",
    "trace",
]

_HOMES = {
    "gatework.errors": ("GateworkError", "InputError"),
    "gatework.inspector": ("Trace", "trace"),
    "gatework.layers": (
        "GRU",
        "LSTM",
        "RNN",
        "Stream",
        "accelerate",
        "explain",
        "restore",
        "survey",
    ),
    "gatework.ops": ("scan",),
    "gatework.tasks.classify": ("Classifier",),
    "gatework.tasks.forecast": ("Forecaster",),
    "gatework.tasks.frames": ("FrameModel",),
    "gatework.tasks.generate": ("LanguageModel",),
    "gatework.tasks.tag": ("Tagger",),
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        return importlib.metadata.version("gatework")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'gatework' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
