"""The options that several verbs share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token

from gatework.errors import InputError


def parse_levels(_type: Any, tokens: Sequence[Token]) -> tuple[float, ...]:
    """Read `80,95`."""
    text = tokens[0].value
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"--levels is {text!r}; expected percentages such as 80 or 80,95"
        ) from None


def write_levels(levels: tuple[float, ...]) -> str:
    """Write levels as `parse_levels` reads them."""
    return ",".join(f"{level:g}" for level in levels)


def _show_levels(levels: tuple[float, ...] | None) -> str:
    return "those of the run" if levels is None else write_levels(levels)


Levels = Annotated[
    tuple[float, ...],
    Parameter(
        converter=parse_levels,
        n_tokens=1,
        negative="",
        metavar="PERCENT,...",
        show_default=_show_levels,
    ),
]
Flag = Annotated[bool, Parameter(negative="", show_default=False)]


def check_table_name(path: Path) -> None:
    """Refuse a name for an output table that says no known format.

    Raises:
        InputError: It does.
    """
    if path.suffix not in (".csv", ".tsv", ".parquet"):
        raise InputError(f"--out is {path}; expected a name that ends in .csv, .tsv or .parquet")
    if not path.parent.is_dir():
        raise InputError(f"--out is {path}; there is no folder {path.parent}")
