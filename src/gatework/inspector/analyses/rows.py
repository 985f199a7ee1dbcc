"""What the analyses share: values by name, which step of which sequence a row is, tables."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatework.errors import InputError
from gatework.inspector.trace import Array, PassTrace, SequencePass


def values_of(part: PassTrace | SequencePass, name: str | None) -> Array:
    """The gate or state `name` of every step; the memory if None.

    Raises:
        InputError: the cell has none of that name.
    """
    wanted = part.cell.memory if name is None else name
    if wanted not in part.values:
        raise InputError(f"the trace of this {part.cell.name.upper()} has no {wanted!r}; "
                         f"it has {', '.join(part.values)}.")  # fmt: skip
    return part.values[wanted]


def roles_of(part: PassTrace | SequencePass) -> tuple[Array, Array, Array]:
    """Keep, write and read of every step, in float64."""
    keep, write, read = (np.asarray(role, np.float64) for role in part.roles)
    return keep, write, read


def locate(
    offsets: NDArray[np.int64], rows: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The sequences and the steps, from 0, of rows of an (N, ...) array."""
    sequences = np.searchsorted(offsets, rows, side="right") - 1
    return sequences, rows - offsets[sequences]


def sequence_of_rows(offsets: NDArray[np.int64]) -> NDArray[np.intp]:
    """(N,) the sequence that each row belongs to."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def per_step(given: ArrayLike, steps: int, name: str) -> NDArray[Any]:
    """One value for each step, (N,), as an array.

    Raises:
        InputError: there are more or fewer.
    """
    array = np.asarray(given)
    if array.shape != (steps,):
        raise InputError(f"{name} has shape {array.shape}; expected one for each step, ({steps},).")
    return array


def usable(
    part: PassTrace, state: str | None, where: ArrayLike | None = None
) -> tuple[Array, NDArray[np.bool_]]:
    """A gate or state in float64, and (N,) the steps to look at: those of `where`, without NaN.

    Raises:
        InputError: the cell has none of that name, or `where` is no (N,).
    """
    values = values_of(part, state).astype(np.float64)
    used = np.logical_and.reduce(np.isfinite(values), axis=1)
    if where is not None:
        used = used & per_step(where, len(values), "where").astype(bool)
    return values, used


def check_unit(unit: int, width: int) -> None:
    """Refuse a unit that is not there.

    Raises:
        InputError: it is not.
    """
    if not 0 <= unit < width:
        raise InputError(f"unit {unit} was asked for; there are {width}, from 0.")


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Columns of text, each as wide as its widest cell, the first flush left."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = []
    for row in (header, *rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
