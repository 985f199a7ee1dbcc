"""Ctrl-C, put off to the end of a step, where everything is consistent and can be saved."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def deferred_interrupt() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C sets, instead of raising; a second Ctrl-C raises at once.

    Outside the main thread, or where the program handles SIGINT in its own way, nothing changes.

    Raises:
        KeyboardInterrupt: On the way out, if the body ended without looking at the event.
    """
    requested = threading.Event()
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield requested
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if requested.is_set():
            raise KeyboardInterrupt
        requested.set()

    signal.signal(signal.SIGINT, handle)
    try:
        yield requested
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if requested.is_set():
        raise KeyboardInterrupt
