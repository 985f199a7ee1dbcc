"""How a fit was asked for, in Python, to say how to do it again."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatework.tasks.page import Origin


def origin_of(
    data: Any,
    parameters: Mapping[str, Any],
    defaults: Mapping[str, Any],
    command: str | None,
    *,
    question: str,
) -> Origin:
    """Describe the fit of some data with these arguments; `question` is what to predict then."""
    given_data = repr(str(data)) if isinstance(data, str | os.PathLike) else "words, tags"
    return Origin(
        name=name_of(data),
        command=command,
        snippet=(
            "from gatework import Tagger\n\n"
            f"model = Tagger({given(parameters, defaults)})\n"
            f"model.fit({given_data})\n"
            f"print(model.scores_)\nmodel.predict({question})"
        ),
    )


def name_of(data: Any) -> str:
    """Return what people call the data: the name of a file."""
    return Path(data).name if isinstance(data, str | os.PathLike) else "data"


def given(parameters: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Write the arguments that are not the default.

    Example:
        >>> given({"a": 1, "b": 2}, {"a": 1, "b": 3})
        'b=2'
    """
    return ", ".join(f"{k}={v!r}" for k, v in parameters.items() if v != defaults[k])
