"""Which sequences are trained on, which choose the weights, which judge: stratified and seeded."""

from collections.abc import Iterator

import numpy as np

from gatework.data.labels import Label
from gatework.errors import InputError


def strata(labels: list[Label]) -> np.ndarray:
    """Return (n,) a number for each different label, or set of labels."""
    numbers: dict[Label, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], np.int64)


def hold_out(
    groups: np.ndarray, share: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Split (n,) places into those kept and about a `share` of each group held out, both sorted.

    A group of one stays; of a larger one, at least one is held out and at least one kept.
    """
    held = []
    for members in _members(groups, generator):
        count = round(share * len(members))
        if len(members) > 1:
            held.append(members[: min(max(count, 1), len(members) - 1)])
    if not held:
        raise InputError("every class is there only once: nothing can be held out")
    out = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(groups)), out), out


def folds(
    groups: np.ndarray, count: int, generator: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield `count` splits into kept and held out; each place is held out once.

    Raises:
        InputError: There are fewer places than folds.
    """
    if len(groups) < count:
        raise InputError(f"folds is {count}, and there are only {len(groups)} labelled sequences")
    fold = np.empty(len(groups), np.int64)
    start = 0
    for members in _members(groups, generator):
        # Groups follow on each other, so that small ones do not all land in the first fold.
        fold[members] = (start + np.arange(len(members))) % count
        start += len(members)
    for number in range(count):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def _members(groups: np.ndarray, generator: np.random.Generator) -> Iterator[np.ndarray]:
    for group in range(groups.max(initial=-1) + 1):
        yield generator.permutation(np.flatnonzero(groups == group))
