"""How a fit was asked for, in Python, to say how to do it again."""

import os
from pathlib import Path
from typing import Any

from gatework.tasks.page import Origin


def origin_of(data: Any, estimator: str, command: str | None) -> Origin:
    """Describe a fit of some data by an estimator."""
    is_file = isinstance(data, str | os.PathLike)
    return Origin(
        name=Path(data).name if is_file else "data",
        command=command,
        snippet=(
            "from gatework import Classifier\n\n"
            f"model = {estimator}.fit({repr(str(data)) if is_file else 'X, y'})\n"
            "print(model.scores_)"
        ),
    )
