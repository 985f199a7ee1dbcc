"""What a user may give for levels and quantiles: checked, and made plain Python values."""

import numbers
from collections.abc import Iterable, Sequence

from gatework.errors import InputError


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


def _numbers(name: str, values: Sequence[float], example: str) -> tuple[float, ...]:
    if isinstance(values, Iterable) and not isinstance(values, str):
        given = tuple(values)
        if all(isinstance(value, numbers.Real) for value in given):
            return tuple(map(float, given))
    raise InputError(f"{name} is {values!r}; expected numbers such as {example}")
