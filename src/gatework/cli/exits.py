"""An ending of a verb that is neither done nor wrong."""

import contextlib
from collections.abc import Iterator


class Stopped(Exception):
    """The user pressed Ctrl-C; the message says what was kept and how to go on."""


@contextlib.contextmanager
def stoppable(command: str) -> Iterator[None]:
    """Fit inside this: Ctrl-C ends it with the command that goes on.

    Raises:
        Stopped: The fit was interrupted, and what it has done is kept.
    """
    from gatework.training import Interrupted

    try:
        yield
    except Interrupted as error:
        raise Stopped(
            f"Stopped; what is done is kept. To go on, give the same command again: {command}"
        ) from error
