"""What a user may give for settings and levels: checked by type, and made plain Python values."""

import numbers
import typing
from collections.abc import Iterable, Mapping, Sequence
from types import NoneType
from typing import Any, Final, NamedTuple

from gatework.errors import InputError
from gatework.tasks.forecast.settings import ForecastSettings

_MOST: Final = 2**63 - 1  # what 64 bits hold, as torch and safetensors count


class _Kind(NamedTuple):
    accepts: type
    words: str


_KINDS: Final[Mapping[type, _Kind]] = {
    bool: _Kind(bool, "True or False"),
    int: _Kind(numbers.Integral, "a whole number"),
    float: _Kind(numbers.Real, "a number"),
}


def to_settings(values: Mapping[str, Any]) -> ForecastSettings:
    """Make settings of what was given, such as a NumPy integer for an integer.

    Raises:
        InputError: A value is of a wrong type, or out of its range.

    Example:
        >>> to_settings({"horizon": 7.5})
        Traceback (most recent call last):
        gatework.errors.InputError: horizon is 7.5; expected a whole number
    """
    hints = typing.get_type_hints(ForecastSettings)
    return ForecastSettings(**{name: _plain(name, x, hints[name]) for name, x in values.items()})


def check_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Return interval levels in rising order.

    Raises:
        InputError: One is not between 0 and 100, or is there twice.
    """
    wanted = _numbers("levels", levels, "[80, 95]")
    for level in wanted:
        if not 0 < level < 100:
            raise InputError(f"level {level:g} is no percentage between 0 and 100, such as 80")
        if level < 1:
            raise InputError(f"level {level:g} is in percent: write {100 * level:g}")
    if len(set(wanted)) < len(wanted):
        raise InputError(f"a level is given twice: {', '.join(f'{x:g}' for x in wanted)}")
    return tuple(sorted(wanted))


def check_quantiles(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Return quantiles as given.

    Raises:
        InputError: One is not between 0 and 1.
    """
    wanted = _numbers("quantiles", quantiles, "[0.1, 0.9]")
    for quantile in wanted:
        if not 0 < quantile < 1:
            raise InputError(f"quantile {quantile:g} is not between 0 and 1")
    return wanted


def _plain(name: str, value: Any, hint: Any) -> Any:
    allowed = typing.get_args(hint) or (hint,)
    if value is None and NoneType in allowed:
        return None
    wanted: Any = next(kind for kind in allowed if kind is not NoneType)
    kind = _KINDS[wanted]
    is_stray_bool = isinstance(value, bool) and wanted is not bool
    if value is None or is_stray_bool or not isinstance(value, kind.accepts):
        raise InputError(f"{name} is {value!r}; expected {kind.words}")
    if wanted is int and value > _MOST:
        raise InputError(f"{name} is {value}; expected at most 2**63 - 1")
    return wanted(value)


def _numbers(name: str, values: Sequence[float], example: str) -> tuple[float, ...]:
    if isinstance(values, Iterable) and not isinstance(values, str):
        given = tuple(values)
        if all(isinstance(value, numbers.Real) for value in given):
            return tuple(map(float, given))
    raise InputError(f"{name} is {values!r}; expected numbers such as {example}")
