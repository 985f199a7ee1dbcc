"""How a fit was asked for, in Python, to say how to do it again."""

import os
from pathlib import Path
from typing import Any

from gatework.tasks.page import Origin


def origin_of(
    data: Any, call: str, command: str | None, *, adapts: bool = False, music: bool = False
) -> Origin:
    """Describe the fit of some data, or that a run adapted to it.

    Args:
        data: As it was given.
        call: What makes the model in Python.
        command: The command line, None in Python.
        adapts: Whether the model was there before.
        music: Whether it writes music.
    """
    is_file = isinstance(data, str | os.PathLike)
    made = "LanguageModel.load('run')" if adapts else call
    learn = "model = model.adapt" if adapts else "model.fit"
    given = repr(str(data)) if is_file else "pieces" if music else "texts"
    writes = "model.compose()[0].text" if music else "model.generate('A prompt')"
    return Origin(
        name=name_of(data),
        command=command,
        snippet=(
            "from gatework import LanguageModel\n\n"
            f"model = {made}\n"
            f"{learn}({given})\nprint(model.scores_)\nprint({writes})"
        ),
    )


def name_of(data: Any) -> str:
    """Return what people call the data: its files.

    Example:
        >>> name_of(["a text"]), name_of([Path("a/b.txt"), Path("c.txt")])
        ('text', 'b.txt and 1 more')
    """
    is_file = isinstance(data, str | os.PathLike)
    files = [Path(each).name for each in ([data] if is_file else data) if _is_path(each, data)]
    return f"{files[0]} and {len(files) - 1} more" if len(files) > 1 else (*files, "text")[0]


def _is_path(each: Any, data: Any) -> bool:
    """Whether a member of a list is a path, and not a text or a piece itself."""
    return each is data or isinstance(each, os.PathLike)
