"""Text shown while it is written."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gatework.cli.console import bold

if TYPE_CHECKING:
    from gatework.tasks.generate.continuing import Writing

SHOWN_EVERY = 1 / 60  # seconds


def show_live(
    writing: "Writing", prompt: str, *, length: int, stops: tuple[str, ...], keep: Path | None
) -> int:
    """Show a text while it is written, and keep where it is; return its characters.

    Ctrl-C ends it between two tokens: what is shown is then what is kept.
    """
    from gatework.training.interrupt import deferred_interrupt

    show, flush = sys.stdout.write, sys.stdout.flush
    show(bold(prompt) if prompt else "")
    count, due = 0, time.monotonic()
    with deferred_interrupt() as stopped:
        for piece in _pieces(writing, length, stops, keep):
            show(piece)
            count += len(piece)
            # Each flush is a call of the system, which would take longer than a step.
            if time.monotonic() >= due:
                flush()
                due = time.monotonic() + SHOWN_EVERY
            if stopped.is_set():
                break
        show("\n")
        flush()
        if keep is not None:
            writing.save(keep)
    return count


def _pieces(
    writing: "Writing", length: int, stops: tuple[str, ...], keep: Path | None
) -> Iterator[str]:
    """The text; its very end, which may be the beginning of something, only if nothing follows."""
    yield from writing.write(length=length, stops=stops)
    if keep is None:
        yield writing.finish()
