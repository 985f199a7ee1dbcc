"""Saying what is left when the disk cannot be written to."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from gatework.training.errors import TrainingError


@contextlib.contextmanager
def explained_disk_errors(folder: Path) -> Iterator[None]:
    """Turn an error of writing to a run's folder into one that says what to do.

    Raises:
        TrainingError: The body raised OSError.
    """
    try:
        yield
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else str(error)
        whole = (folder / "state").exists() or (folder / "state.old").exists()
        kept = (
            f"The checkpoint before this one, in {folder / 'state'}, is whole: once there is room, "
            "train again with the same folder to go on from it."
            if whole
            else "There was no checkpoint before this one."
        )
        raise TrainingError(f"Cannot write to {folder}: {reason}. {kept}") from error
