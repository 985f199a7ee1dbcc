"""How a fit was asked for, in Python, to say how to do it again."""

import os
from pathlib import Path
from typing import Any

from gatework.tasks.page import Origin


def origin_of(data: Any, estimator: str, command: str | None, *, question: str) -> Origin:
    """Describe a fit of some data by an estimator; `question` is what to predict then."""
    given_data = repr(str(data)) if isinstance(data, str | os.PathLike) else "words, tags"
    return Origin(
        name=name_of(data),
        command=command,
        snippet=(
            "from gatework import Tagger\n\n"
            f"model = {estimator}\n"
            f"model.fit({given_data})\n"
            f"print(model.scores_)\nmodel.predict({question})"
        ),
    )


def name_of(data: Any) -> str:
    """Return what people call the data: the name of a file."""
    return Path(data).name if isinstance(data, str | os.PathLike) else "data"
