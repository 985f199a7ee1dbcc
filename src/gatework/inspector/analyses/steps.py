"""All steps of one recorded sequence at once, each from the state that it had: for derivatives."""

from dataclasses import dataclass
from typing import Self, final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gatework.cells import AbstractCell, Params, State
from gatework.errors import InputError
from gatework.inspector.trace import Array, SequencePass


@final
@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of a sequence in the order in which the layer took them.

    Attributes:
        cell: the mathematics.
        params: the layer's weights.
        reverse: whether that order is from the end.
        x: (T, I) what the layer read.
        old: for each of the cell's states, (T, size) what it was before the step.
        new: likewise, after it.
    """

    cell: AbstractCell
    params: Params
    reverse: bool
    x: Tensor
    old: State
    new: State

    @classmethod
    def of(cls, made: SequencePass, dtype: torch.dtype | None = None) -> Self:
        """The steps of a sequence, computed in `dtype`; in that of the trace if None.

        Raises:
            InputError: the cell does not do what was recorded: there is something around it, such
                as zoneout.
        """

        def tensor(values: Array) -> Tensor:
            found = torch.from_numpy(np.array(values))
            return found if dtype is None else found.to(dtype)

        def ordered(values: Array) -> Tensor:
            return tensor(made.in_scan_order(values))

        steps = cls(
            made.cell,
            {name: tensor(value) for name, value in made.params.items()},
            made.reverse,
            ordered(made.inputs),
            tuple(ordered(made.before(name)) for name in made.cell.states),
            tuple(ordered(made.values[name]) for name in made.cell.states),
        )
        again = steps.update(steps.old)
        for name, new, recorded in zip(made.cell.states, again, steps.new, strict=True):
            apart = (new - recorded).abs() / (1 + recorded.abs())
            worst = float(apart.nan_to_num().max()) if len(new) else 0.0
            if worst > 1e-3:
                raise InputError(
                    f"{name} of the trace is up to {worst:.3g} (relative) from what its cell makes "
                    "of the step before: the layer did more than its cell (zoneout?), computed in "
                    "half precision, or the trace is damaged."
                )
        return steps

    def in_order(self, values: Tensor) -> Tensor:
        """Steps (T, ...) in the order of time, in this order; or back."""
        return values.flip(0) if self.reverse else values

    def update(self, old: State, params: Params | None = None, *, x: Tensor | None = None) -> State:
        """The new states, (T, size), from these old ones; with other weights or x, if given."""
        weights = self.params if params is None else params
        read = self.x if x is None else x
        x_gates = functional.linear(read, weights["weight_ih"], weights.get("bias_ih"))
        h_gates = functional.linear(old[0], weights["weight_hh"], weights.get("bias_hh"))
        return self.cell.update(weights, x_gates, h_gates, old)[0]
