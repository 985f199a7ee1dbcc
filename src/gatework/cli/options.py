"""The options that several verbs share."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter, Token

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
OUTPUT = Group.create_ordered("The run")


@Parameter(name="*", group=OUTPUT)
@dataclasses.dataclass(frozen=True)
class RunOptions:
    """Where the run goes.

    Args:
        out: Folder of the run; runs/ and the file's name if left out.
        overwrite: Replace another fit in that folder.
        quiet: Print nothing but errors.
        debug: Show where in the code an error came from.
    """

    out: Path | None = None
    overwrite: Flag = False
    quiet: Flag = False
    debug: Flag = False


TO_DEFAULT = RunOptions()


def default_run(file: Path) -> Path:
    """Return where the run of a file goes if nothing is said: runs/ and the name up to a point."""
    return Path("runs") / (file.name.split(".")[0] or "run")


def write_options(*groups: Any) -> list[str]:
    """Write dataclasses of options as words of a command: those that are not the default."""
    return [word for group in groups for word in _written(group)]


def _written(group: Any) -> Iterator[str]:
    for field in dataclasses.fields(group):
        value, name = getattr(group, field.name), field.name.replace("_", "-")
        if value == field.default:
            continue
        if isinstance(value, bool):
            yield f"--{name}" if value else f"--no-{name}"
        else:
            yield from (f"--{name}", str(value))


def check_output(path: Path, suffixes: Sequence[str], *, option: str = "out") -> None:
    """Refuse a name for an output file that says none of these formats, or is in no folder.

    Raises:
        InputError: It does, or is.
    """
    if path.suffix not in suffixes:
        *most, last = suffixes
        known = f"{', '.join(most)} or {last}" if most else last
        raise InputError(f"--{option} is {path}; expected a name that ends in {known}")
    if not path.parent.is_dir():
        raise InputError(f"--{option} is {path}; there is no folder {path.parent}")


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given: those that are not None."""
    return {name: value for name, value in options.items() if value is not None}
