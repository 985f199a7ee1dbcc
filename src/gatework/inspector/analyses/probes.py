"""Probes: what a linear map can read from a state, beside what it can read of anything."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatework.errors import InputError
from gatework.inspector.analyses.rows import per_step, sequence_of_rows, usable
from gatework.inspector.trace import Array, PassTrace

READING = (
    "The score says how well a linear map of the state tells the label, on sequences it was not "
    "fitted to; for classes the part that is right, for numbers R squared. Set it beside two "
    "others. The baseline always gives the commonest class, or the mean. The control gives every "
    "word a random label, which the map can only learn by heart: a state that scores as well on "
    "that lets a probe learn anything, so only the difference, the selectivity, speaks for the "
    "state. A label that can be read is not thereby used."
)
CONTROLS = 5  # draws of the control's labels


class Probe(NamedTuple):
    """What a linear map reads from a state on held-out sequences.

    Attributes:
        score: accuracy for classes, R^2 for numbers.
        baseline: that of the commonest class of the training steps, or of their mean.
        control: the mean score on random labels for each word, over 5 draws; None without words.
        selectivity: score - control; None without words.
        classes: (C,) the labels in the order of the weights; empty for numbers.
        weights: (F, C), or (F, 1), of the standardised state.
        train_steps: on how many steps it was fitted.
        test_steps: on how many it was scored.
    """

    score: float
    baseline: float
    control: float | None
    selectivity: float | None
    classes: tuple[str, ...]
    weights: Array
    train_steps: int
    test_steps: int

    def __str__(self) -> str:
        kind = "accuracy" if self.classes else "R2"
        control = "no words, so no control"
        if self.control is not None:
            control = f"control {self.control:.3f}, selectivity {self.selectivity:+.3f}"
        return (
            f"{kind} {self.score:.3f} on {self.test_steps} held-out steps; "
            f"baseline {self.baseline:.3f}; {control}"
        )


def probe(
    part: PassTrace,
    labels: ArrayLike,
    *,
    words: Sequence[str] | None = None,
    state: str | None = None,
    where: ArrayLike | None = None,
    ridge: float = 1.0,
    seed: int = 0,
) -> Probe:
    """Fit a ridge map from the state to the label of each step, and its control.

    W = argmin |X W - Y|^2 + ridge |W|^2 with X standardised and Y centred; classes are one-hot and
    the largest wins (Hupkes et al. 2018, arXiv:1711.10203). The control gives each word one label,
    drawn from the labels' own distribution (Hewitt & Liang 2019, arXiv:1909.03368). Whole sequences
    are held out, 3 of 10, so that no step is judged by its neighbours.

    Args:
        part: one layer and direction.
        labels: (N,) numbers (floats), or classes (bools, whole numbers, words).
        words: (N,) the words of the steps, for the control: `recording.steps`.
        state: which state or gate; None is the memory.
        where: (N,) bool, the steps to look at; all if None. Those with NaN are never looked at.
        ridge: the weight of the penalty, above 0.
        seed: of the split and of the control.

    Raises:
        InputError: a shape is wrong, fewer than two sequences are left, or labels do not vary.

    Example:
        >>> import torch, gatework
        >>> part = gatework.trace(gatework.LSTM(3, 8), torch.randn(10, 40, 3))[""].find()
        >>> found = probe(part, part.inputs[:, 0] > 0)
        >>> found.baseline < found.score <= 1
        True
    """
    if not ridge > 0:
        raise InputError(f"ridge is {ridge}; expected a number above 0.")
    states, used = usable(part, state, where)
    given = per_step(labels, len(states), "labels")
    is_number = np.issubdtype(given.dtype, np.floating)
    if is_number:
        used = used & np.isfinite(given)
    generator = np.random.default_rng(seed)
    train, test = _split(sequence_of_rows(part.offsets), used, generator)

    classes = () if is_number else tuple(np.unique(given[train]).tolist())
    if len(np.unique(given[train])) < 2:
        raise InputError("the labels of the training steps do not vary; choose other steps.")
    targets = given.astype(np.float64) if is_number else given
    found = _fit(states, targets, classes, train, test, ridge)
    control = None
    if words is not None:
        types = per_step(np.array(words, dtype=object), len(states), "words").astype(str)
        _, kinds = np.unique(types, return_inverse=True)
        scores = []
        for _ in range(CONTROLS):
            drawn = generator.choice(targets[np.flatnonzero(used)], size=kinds.max() + 1)
            names = () if is_number else tuple(np.unique(drawn[kinds][train]).tolist())
            scores.append(_fit(states, drawn[kinds], names, train, test, ridge).score)
        control = float(np.mean(scores))
    return Probe(
        found.score,
        found.baseline,
        control,
        None if control is None else found.score - control,
        tuple(str(each) for each in classes),
        found.weights,
        len(train),
        len(test),
    )


class _Fitted(NamedTuple):
    score: float
    baseline: float
    weights: Array


def _fit(
    states: Array,
    labels: NDArray,
    classes: tuple,
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    ridge: float,
) -> _Fitted:
    """Fit on `train`, score on `test`; no classes means numbers."""
    mean, spread = states[train].mean(0), states[train].std(0)
    scaled = (states - mean) / np.where(spread > 0, spread, 1.0)
    if classes:
        targets = (labels[train, None] == np.array(classes, labels.dtype)).astype(np.float64)
    else:
        targets = labels[train, None]
    level = targets.mean(0)
    gram = scaled[train].T @ scaled[train] + ridge * np.eye(states.shape[1])
    weights = np.linalg.solve(gram, scaled[train].T @ (targets - level))
    answers = scaled[test] @ weights + level
    if classes:
        names = np.array(classes, labels.dtype)
        commonest = names[level.argmax()]
        right = (names[answers.argmax(1)] == labels[test]).mean()
        return _Fitted(float(right), float((labels[test] == commonest).mean()), weights)
    actual = labels[test]
    whole = ((actual - actual.mean()) ** 2).sum()

    def r_squared(guesses: Array) -> float:
        return float(1 - ((actual - guesses) ** 2).sum() / whole) if whole > 0 else float("nan")

    return _Fitted(r_squared(answers[:, 0]), r_squared(np.full(len(test), level[0])), weights)


def _split(
    sequences: NDArray[np.intp], used: NDArray[np.bool_], generator: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows to fit and to score on: 7 and 3 of 10 sequences, at least one of each."""
    there = np.unique(sequences[used])
    if len(there) < 2:
        raise InputError(
            f"{len(there)} sequences have steps to look at; a probe needs at least 2, one to hold "
            "out."
        )
    shuffled = generator.permutation(there)
    held_out = np.isin(sequences, shuffled[: max(1, round(0.3 * len(there)))])
    return np.flatnonzero(used & ~held_out), np.flatnonzero(used & held_out)
