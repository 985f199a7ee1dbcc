"""What the settings of all tasks share: choices made from the data, and values checked by type."""

import numbers
import typing
from collections.abc import Mapping
from types import NoneType
from typing import Any, Final, Literal, NamedTuple, TypeVar

from gatework.errors import InputError

Settings = TypeVar("Settings")
# As gatework.training has it, which would load torch.
Precision = Literal["float32", "bfloat16"]

_MOST: Final = 2**63 - 1  # what 64 bits hold, as torch and safetensors count


class Choice(NamedTuple):
    """A setting that was chosen from the data: its name, value, and why, in words."""

    name: str
    value: object
    reason: str


class _Kind(NamedTuple):
    accepts: type
    words: str


_KINDS: Final[Mapping[type, _Kind]] = {
    bool: _Kind(bool, "True or False"),
    int: _Kind(numbers.Integral, "a whole number"),
    float: _Kind(numbers.Real, "a number"),
    str: _Kind(str, "a text"),
}


def to_settings(kind: type[Settings], values: Mapping[str, Any]) -> Settings:
    """Make settings of what was given, such as a NumPy integer for an integer.

    Args:
        kind: A dataclass of fields that are bool, int, float, str, a Literal of texts, or None.
        values: By name.

    Raises:
        InputError: A value is of a wrong type, or out of its range.
    """
    hints = typing.get_type_hints(kind)
    return kind(**{name: _plain(name, value, hints[name]) for name, value in values.items()})


def _plain(name: str, value: Any, hint: Any) -> Any:
    literal = typing.get_origin(hint) is Literal
    allowed = (hint,) if literal else typing.get_args(hint) or (hint,)
    if value is None and NoneType in allowed:
        return None
    wanted: Any = next(kind for kind in allowed if kind is not NoneType)
    if typing.get_origin(wanted) is Literal:
        return _one_of(name, value, typing.get_args(wanted))
    kind = _KINDS[wanted]
    is_stray_bool = isinstance(value, bool) and wanted is not bool
    if value is None or is_stray_bool or not isinstance(value, kind.accepts):
        raise InputError(f"{name} is {value!r}; expected {kind.words}")
    if wanted is int and value > _MOST:
        raise InputError(f"{name} is {value}; expected at most 2**63 - 1")
    return wanted(value)


def _one_of(name: str, value: Any, words: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in words:
        raise InputError(f"{name} is {value!r}; expected one of {', '.join(words)}")
    return str(value)
