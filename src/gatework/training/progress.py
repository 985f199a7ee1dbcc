"""Showing how far a long job is, on stderr and nowhere else. Knows nothing of training."""

import abc
import os
import sys
import time
from typing import final


class Progress(abc.ABC):
    """Something that shows one job at a time: `start`, any number of `update`, then `finish`."""

    @abc.abstractmethod
    def start(self, title: str) -> None:
        """Begin a job."""

    @abc.abstractmethod
    def update(self, fraction: float, text: str) -> None:
        """Show that `fraction` (0 to 1) of the job is done, and a line about it."""

    @abc.abstractmethod
    def finish(self, text: str) -> None:
        """End the job, well or not, with a last line about it."""


@final
class SilentProgress(Progress):
    """Shows nothing."""

    def start(self, title: str) -> None:
        """Show nothing."""

    def update(self, fraction: float, text: str) -> None:
        """Show nothing."""

    def finish(self, text: str) -> None:
        """Show nothing."""


@final
class PlainProgress(Progress):
    """Prints a line every few seconds, for logs and pipes.

    Args:
        seconds: Least time between two lines of one job.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._title = ""
        self._next = 0.0

    def start(self, title: str) -> None:
        """Remember the title; the first line comes after the first interval."""
        self._title = title
        self._next = time.monotonic() + self._seconds

    def update(self, fraction: float, text: str) -> None:
        """Print a line if the last one is long enough ago."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._seconds
            self._print(f"{fraction:4.0%}  {text}")

    def finish(self, text: str) -> None:
        """Print the last line."""
        self._print(text)

    def _print(self, text: str) -> None:
        print(f"{self._title}: {text}", file=sys.stderr, flush=True)


@final
class RichProgress(Progress):
    """Draws a bar that stays in place, for a terminal. NO_COLOR is honoured (by rich)."""

    def __init__(self) -> None:
        # rich takes a while to import, and only a terminal needs it.
        from rich import progress
        from rich.console import Console

        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.fields[text]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._job: progress.TaskID | None = None
        self._title = ""

    def start(self, title: str) -> None:
        """Draw an empty bar."""
        self._title = title
        self._job = self._bar.add_task(title, total=1.0, text="")
        self._bar.start()

    def update(self, fraction: float, text: str) -> None:
        """Move the bar; rich redraws it ten times a second at most."""
        if self._job is not None:
            self._bar.update(self._job, completed=fraction, text=text)

    def finish(self, text: str) -> None:
        """Put the last line in the bar's place."""
        if self._job is not None:
            self._bar.stop()
            self._bar.remove_task(self._job)
            self._job = None
            self._bar.console.print(f"{self._title}: {text}", markup=False, highlight=False)


def choose_progress(*, quiet: bool) -> Progress:
    """Return what suits this process's stderr: nothing if `quiet`, a bar on a terminal, else lines.

    Example:
        >>> type(choose_progress(quiet=True)).__name__
        'SilentProgress'
    """
    if quiet:
        return SilentProgress()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return RichProgress()
    return PlainProgress()
