"""metrics.jsonl: lines are kept in memory and written now and then, never once a step."""

import os
from pathlib import Path
from typing import final

import msgspec

from gatework.errors import InputError
from gatework.training.disk import explained_disk_errors
from gatework.training.history import Record, read_metrics


@final
class MetricsLog:
    """The records of one run, and their file if there is a folder.

    Args:
        path: The file, or None to keep the records in memory only.
        size: Bytes of the file that stand; what was written after them is cut off.

    Raises:
        InputError: The file is shorter than `size`, or not readable as metrics.
    """

    def __init__(self, path: Path | None, size: int) -> None:
        self._waiting: list[bytes] = []
        self._file = None
        self._folder = path.parent if path is not None else Path()
        self._records: list[Record] = []
        if path is not None:
            path.touch()
            if path.stat().st_size < size:
                raise InputError(
                    f"{path} has {path.stat().st_size} bytes, and had {size} at the checkpoint "
                    f"beside it. Put the whole file back, or delete {path.parent / 'state'} to "
                    "start afresh."
                )
            os.truncate(path, size)
            self._records.extend(read_metrics(path))
            self._file = path.open("ab", buffering=0)

    @property
    def records(self) -> tuple[Record, ...]:
        """All records, those of before a resume included."""
        return tuple(self._records)

    def add(self, record: Record) -> None:
        """Keep a record; `flush` writes it."""
        self._records.append(record)
        if self._file is not None:
            self._waiting.append(msgspec.json.encode(record) + b"\n")

    def flush(self) -> None:
        """Write what waits."""
        if self._file is not None and self._waiting:
            data = b"".join(self._waiting)
            self._waiting.clear()
            with explained_disk_errors(self._folder):
                # A disk that is nearly full takes a part, and refuses the rest.
                while data:
                    data = data[self._file.write(data) :]

    def settle(self) -> int:
        """Write what waits, through to the disk; return the size of the file, in bytes."""
        if self._file is None:
            return 0
        self.flush()
        with explained_disk_errors(self._folder):
            os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Write what waits and close the file."""
        if self._file is not None:
            try:
                self.flush()
            finally:
                self._file.close()
                self._file = None
