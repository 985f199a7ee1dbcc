"""How a place in the user's data is named in a message."""

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np

_LONGEST: Final = 100  # characters of a name in a message


@final
@dataclass(frozen=True, eq=False)
class Source:
    """Where rows came from: a name, and the number people give to its first row.

    A text table counts as a spreadsheet does (the header is row 1, the first data row is 2);
    a frame or parquet file counts from 0. `kept` (n,) holds the original places of the rows
    when some were left out.

    Example:
        >>> Source.of("sales.csv").cell(15, "units")
        'sales.csv, row 17, column "units"'
    """

    name: str = "data frame"
    first_row: int = 0
    kept: np.ndarray | None = None

    @classmethod
    def of(cls, name: str | os.PathLike[str]) -> "Source":
        """Name a file by its last part; a name without a suffix is no file and is kept."""
        path = Path(name)
        if not path.suffix:
            return cls(str(name))
        return cls(path.name, 0 if path.suffix.lower() == ".parquet" else 2)

    def row(self, index: int) -> str:
        """Name the row at 0-based `index`."""
        counting = "" if self.first_row else " (counting from 0)"
        place = index if self.kept is None else int(self.kept[index])
        return f"{self.name}, row {place + self.first_row}{counting}"

    def cell(self, index: int, column: str) -> str:
        """Name one cell."""
        return f'{self.row(index)}, column "{column}"'


def near_names(wanted: str, names: Iterable[str]) -> str:
    """Return `; did you mean "a" or "b"?`, or nothing when no name is near."""
    by_lower = {name.lower(): name for name in names}
    found = difflib.get_close_matches(wanted.lower(), by_lower, n=3, cutoff=0.6)
    if not found:
        return ""
    return "; did you mean " + " or ".join(f'"{by_lower[name]}"' for name in found) + "?"


def listed(names: Iterable[str], *, most: int = 5) -> str:
    """Return names in quotes, the first `most` of them and a count of the rest; long ones cut."""
    every = list(names)
    shown = (name if len(name) <= _LONGEST else name[:_LONGEST] + "..." for name in every[:most])
    text = ", ".join(f'"{name}"' for name in shown)
    return text + (f" and {len(every) - most} more" if len(every) > most else "")


def counted(number: int, noun: str) -> str:
    """Return `1 gap` or `3 gaps`.

    Example:
        >>> counted(3, "gap"), counted(2, "series")
        ('3 gaps', '2 series')
    """
    return f"{number} {noun}" + ("" if number == 1 or noun.endswith("s") else "s")
