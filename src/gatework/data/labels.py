"""Labels as the user writes them: one text a sequence, or several; their classes and numbers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, final

import numpy as np
import polars as pl

from gatework.data.checks import Source, counted, listed
from gatework.errors import InputError

Label = tuple[str, ...]  # what one sequence is: one class, or several (or none) where so declared
Kind = Literal["text", "integer", "number", "boolean"]


@final
@dataclass(frozen=True)
class Classes:
    """The classes of a task, in order, and how they are written.

    Args:
        names: Each class as text.
        kind: What the labels were where they came from; answers are of the same kind.
        several: Whether a sequence can be of several classes at once, or of none.

    Example:
        >>> classes = Classes.of([("no",), ("yes",), ("no",)])
        >>> classes.names, classes.numbers([("yes",), ("maybe",)]).tolist()
        (('no', 'yes'), [1, -1])
    """

    names: tuple[str, ...]
    kind: Kind = "text"
    several: bool = False

    @classmethod
    def of(
        cls, labels: Iterable[Label], kind: Kind = "text", *, several: bool = False
    ) -> "Classes":
        """Take every class there is, numbers in the order of numbers, texts in that of texts."""
        names = {name for label in labels for name in label}
        return cls(tuple(sorted(names, key=_order(kind))), kind, several)

    def __len__(self) -> int:
        """Return K, how many there are."""
        return len(self.names)

    @cached_property
    def places(self) -> dict[str, int]:
        """The number of each class."""
        return {name: number for number, name in enumerate(self.names)}

    def numbers(self, labels: Sequence[Label]) -> np.ndarray:
        """Return (n,) int64, -1 for a class not known; or (n, K) float32 zeros and ones."""
        if not self.several:
            find = self.places.get
            return np.array([find(label[0], -1) for label in labels], np.int64)
        grid = np.zeros((len(labels), len(self)), np.float32)
        for row, label in zip(grid, labels, strict=True):
            row[[self.places[name] for name in label if name in self.places]] = 1
        return grid

    def unknown(self, labels: Sequence[Label]) -> list[int]:
        """Return which of the labels hold a class that is not known."""
        return [
            place
            for place, label in enumerate(labels)
            if any(name not in self.places for name in label)
        ]

    def values(self, numbers: np.ndarray) -> np.ndarray:
        """Return the classes of (n,) numbers as the user wrote them: text, int, float or bool."""
        return self.written[numbers]

    @cached_property
    def written(self) -> np.ndarray:
        """(K,) the classes as the user wrote them."""
        match self.kind:
            case "integer":
                return np.array([int(name) for name in self.names], np.int64)
            case "number":
                return np.array([float(name) for name in self.names])
            case "boolean":
                return np.array([name == "True" for name in self.names])
        return np.array(self.names, dtype=object if not self.names else None)


def _order(kind: Kind) -> Any:
    return float if kind in ("integer", "number") else str


def count(labels: Iterable[Label]) -> Counter[str]:
    """Return how often each class is there."""
    return Counter(name for label in labels for name in label)


def parse_labels(
    column: pl.Series, source: Source, *, separator: str | None = None
) -> tuple[list[Label | None], Kind, bool]:
    """Read a column of labels.

    Args:
        column: Texts, numbers, booleans, or lists of texts (several labels at once).
        source: How rows are named.
        separator: What stands between several labels in one cell; None: a cell is one label.

    Returns:
        For each row its label, None where the cell is empty; what they were; whether several.

    Raises:
        InputError: The column is of no such type.
    """
    if isinstance(column.dtype, pl.List | pl.Array):
        rows = column.to_list()
        return [None if row is None else _set(map(str, row)) for row in rows], "text", True
    if separator:
        cells = column.cast(pl.String).to_list()
        return (
            [None if cell is None else _set(cell.split(separator)) for cell in cells],
            "text",
            True,
        )
    if column.dtype == pl.Boolean:
        return [None if x is None else (str(x),) for x in column.to_list()], "boolean", False
    if column.dtype.is_integer():
        return [None if x is None else (str(x),) for x in column.to_list()], "integer", False
    if column.dtype.is_float():
        return _from_floats(column, source)
    if column.dtype not in (pl.String, pl.Null):
        raise InputError(
            f'{source.name}, column "{column.name}": expected labels, found {column.dtype} values'
        )
    cells = column.cast(pl.String).str.strip_chars().to_list()
    return [(cell,) if cell else None for cell in cells], "text", False


def _from_floats(column: pl.Series, source: Source) -> tuple[list[Label | None], Kind, bool]:
    values = column.fill_nan(None).to_list()
    known = [value for value in values if value is not None]
    if len(set(known)) > max(20, len(known) // 10):
        raise InputError(
            f'{source.name}, column "{column.name}" holds {len(set(known))} different numbers in '
            f"{counted(len(known), 'row')}: they look like a measure, not like classes"
        )
    whole = all(float(value).is_integer() for value in known)
    kind: Kind = "integer" if whole else "number"
    written = [None if v is None else (str(int(v)) if whole else repr(v),) for v in values]
    return written, kind, False


def _set(names: Iterable[str]) -> Label:
    return tuple(sorted({name.strip() for name in names} - {""}))


def require_two(labels: Sequence[Label], where: str) -> None:
    """Refuse labels there is nothing to tell apart by.

    Raises:
        InputError: There are fewer than two classes.
    """
    classes = count(labels)
    if len(classes) < 2:
        found = f"only one class, {listed(classes)}" if classes else "none"
        raise InputError(f"{where}: expected at least two classes among the labels, found {found}")
