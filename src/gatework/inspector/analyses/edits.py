"""What if this step had been another: how long the memory goes on being different.

delta s_t = s_t(edited input) - s_t(input), for every state and gate; the edit's own step is lag 0
(the what-if edits of Seq2Seq-Vis, Strobelt et al. 2019, arXiv:1804.09299, by lag).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from gatework.errors import InputError
from gatework.inspector.record import recording
from gatework.inspector.trace import Array, Recording, SequencePass

READING = (
    "Each line is how far the memory (c), the output (h) or a gate is from what it was before the "
    "edit, by the steps that have passed since. A line that falls at once says the step was soon "
    "forgotten; a plateau says that some units hold on to it, and which, the table by unit says. "
    "A line that grows is a network that amplifies small differences. It starts at the edit in the "
    "order in which the layer reads: in a backward layer it runs towards the first step."
)


class PassDifference(NamedTuple):
    """What an edit did to one layer and direction.

    Attributes:
        name: `l0`, `l1_reverse`.
        first: the first step, in the order of reading, at which this layer read something else;
            None if it never did.
        steps: (K,) the steps in the order of time, by lag.
        differences: by gate and state, (K, size): with the edit, less without it; lag 0 first.
    """

    name: str
    first: int | None
    steps: NDArray[np.int64]
    differences: dict[str, Array]

    def norms(self, name: str) -> Array:
        """The length of the difference of a gate or state, by lag, (K,)."""
        return np.linalg.norm(self.differences[name], axis=1)


class WhatIf(NamedTuple):
    """What an edit of one sequence did to a layer of the model.

    Attributes:
        path: the layer.
        sequence: which sequence.
        edited: (E,) the steps at which the layer read something else.
        passes: each layer and direction of the stack.
        output: (T, D * P) the difference of what the stack gave.
    """

    path: str
    sequence: int
    edited: NDArray[np.int64]
    passes: tuple[PassDifference, ...]
    output: Array


def what_if(
    model: nn.Module,
    inputs: tuple[Any, ...],
    edited: tuple[Any, ...],
    *,
    sequence: int = 0,
    path: str | None = None,
) -> WhatIf:
    """Run a model on its inputs and on edited ones, and compare what a layer did.

    Args:
        model: any module that holds recurrent layers, ours or torch's, or is one.
        inputs: what it is called with.
        edited: the same, changed at one step or more; see `with_step`.
        sequence: the sequence to look at.
        path: the layer; the first that is called if None.

    Raises:
        InputError: the sequence has not the same length in both, or reads the same in both.

    Example:
        >>> import torch, gatework
        >>> x = torch.randn(10, 2, 3)
        >>> found = what_if(gatework.LSTM(3, 8), (x,), (with_step(x, 4, torch.zeros(3)),))
        >>> found.edited, found.passes[0].norms("c").shape
        (array([4]), (6,))
    """
    before, after = (_record(model, each, path) for each in (inputs, edited))
    rows, other = before.rows(sequence), after.rows(sequence)
    lengths = rows.stop - rows.start, other.stop - other.start
    if lengths[0] != lengths[1]:
        raise InputError(
            f"sequence {sequence} has {lengths[0]} steps and, edited, {lengths[1]}; change steps, "
            "and add or remove none."
        )
    differs = _differs(before.inputs[rows], after.inputs[other])
    if not differs.any():
        raise InputError(
            f"{before.name} reads the same in both for sequence {sequence}: the edit is of another "
            "sequence, of padding, or of nothing that the layer sees."
        )
    return WhatIf(
        before.path,
        sequence,
        differs.nonzero()[0],
        tuple(
            _compared(a.sequence(sequence), b.sequence(sequence), a.name)
            for a, b in zip(before.passes, after.passes, strict=True)
        ),
        after.hidden[other] - before.hidden[rows],
    )


def with_step(
    x: Tensor, step: int, value: Tensor | float, *, sequence: int = 0, batch_first: bool = False
) -> Tensor:
    """A copy of x with another value at one step of one sequence.

    Args:
        x: (T, B, ...) or, if batch_first, (B, T, ...): features, or whole numbers of tokens.
        step: which step.
        value: what to put there, a number or (I,).
        sequence: of which sequence.
        batch_first: the layout.

    Raises:
        InputError: there is no such step or sequence.
    """
    steps = x.shape[1 if batch_first else 0]
    sequences = x.shape[0 if batch_first else 1]
    for name, at, count in (("step", step, steps), ("sequence", sequence, sequences)):
        if not 0 <= at < count:
            raise InputError(f"{name} {at} was to be edited; x has {count}, from 0.")
    changed = x.clone()
    changed[(sequence, step) if batch_first else (step, sequence)] = value
    return changed


def _record(model: nn.Module, inputs: tuple[Any, ...], path: str | None) -> Recording:
    with recording(model) as recorder:
        model(*inputs)
    trace = recorder.trace()
    return trace.recordings[0] if path is None else trace[path]


def _differs(before: Array, after: Array) -> NDArray[np.bool_]:
    """Which rows are not the same; NaN is the same as NaN."""
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    return ~same.all(axis=1)


def _compared(before: SequencePass, after: SequencePass, name: str) -> PassDifference:
    """From the first step read that differs on, by lag."""
    changed = _differs(before.in_scan_order(before.inputs), after.in_scan_order(after.inputs))
    at = int(changed.argmax()) if changed.any() else len(before)
    steps = np.arange(len(before))
    order = (steps[::-1] if before.reverse else steps)[at:]
    differences = {
        key: before.in_scan_order(after.values[key] - value)[at:]
        for key, value in before.values.items()
    }
    return PassDifference(name, int(order[0]) if len(order) else None, order, differences)
