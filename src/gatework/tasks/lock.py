"""A lock between processes, kept by the kernel: it ends with the process that holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatework.errors import InputError


@contextmanager
def lock(path: Path, *, refusal: str) -> Iterator[None]:
    """Hold the lock of the file `path`, which is there for as long as it is held.

    A process that is killed leaves the file behind, but not the lock.

    Raises:
        InputError: Another process holds it; `refusal` is the message.
    """
    descriptor = _take(path, refusal)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _take(path: Path, refusal: str) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise InputError(refusal) from error
            raise
        # Who held it before may have removed the file after we opened it.
        if _is(path, descriptor):
            return descriptor
        os.close(descriptor)


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
