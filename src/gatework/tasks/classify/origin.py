"""How a fit was asked for, in Python, to say how to do it again."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatework.tasks.page import Origin


def origin_of(
    data: Any, parameters: Mapping[str, Any], defaults: Mapping[str, Any], command: str | None
) -> Origin:
    """Describe the fit of some data with these arguments."""
    is_file = isinstance(data, str | os.PathLike)
    return Origin(
        name=Path(data).name if is_file else "data",
        command=command,
        snippet=(
            "from gatework import Classifier\n\n"
            f"model = Classifier({given(parameters, defaults)})"
            f".fit({repr(str(data)) if is_file else 'X, y'})\n"
            "print(model.scores_)"
        ),
    )


def given(parameters: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Write the arguments that are not the default.

    Example:
        >>> given({"a": 1, "b": 2}, {"a": 1, "b": 3})
        'b=2'
    """
    return ", ".join(f"{k}={v!r}" for k, v in parameters.items() if v != defaults[k])
