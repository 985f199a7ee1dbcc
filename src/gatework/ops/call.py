"""One checked call of `scan`, as every backend receives it, and what it gives back."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from torch import Tensor

from gatework.cells import AbstractCell, Params, State
from gatework.ops.noise import Regularisation

Memory = Literal["tape", "recompute"]


class ScanCall(NamedTuple):
    """A call whose shapes, dtypes and devices `scan` has checked and made plain.

    Attributes:
        cell: what to run.
        params: the tensors of `cell.parameter_shapes`, by name.
        x: (T, B, I), T >= 1.
        state: the initial state, one (B, size) tensor for each of `cell.states`; None for zeros.
        lengths: None if every sequence has all T steps; else (B,) int64 on the CPU, in any order,
            from 0 to T, not all T. Steps past a length may hold anything, NaN included.
        reverse: each sequence is read from its own last step to its first.
        trace: return every activation and state as well.
        regularisation: zoneout and recurrent dropout; None where they change nothing.
        memory: what a backward pass may need: "tape" keeps the activations, "recompute" makes them
            again, more slowly. It changes no value, and a backend may ignore it.
    """

    cell: AbstractCell
    params: Params
    x: Tensor
    state: State | None
    lengths: Tensor | None
    reverse: bool
    trace: bool
    regularisation: Regularisation | None = None
    memory: Memory = "tape"

    def initial_state(self) -> State:
        """The state, or the zeros that stand for it."""
        if self.state is not None:
            return self.state
        batch = self.x.shape[1]
        return tuple(self.x.new_zeros(batch, size) for size in self.cell.state_sizes(self.params))


class ScanResult(NamedTuple):
    """What a scan gives.

    Attributes:
        output: (T, B, P), the h of every step at its place in time; zero past a length.
        state: each sequence's state after its own last step; the initial one at length 0.
        trace: by name, the cell's activations and states, (T, B, size), zero past a length;
            None if not asked for.
    """

    output: Tensor
    state: State
    trace: dict[str, Tensor] | None


class DirectionsResult(NamedTuple):
    """What the scans of a layer's D directions give, forward first.

    Attributes:
        output: (T, B, D * P), zero past a length.
        state: (D, B, size) for each of the cell's states, after each sequence's own last step.
        traces: of each direction as in `ScanResult`; empty if not asked for.
    """

    output: Tensor
    state: State
    traces: Sequence[dict[str, Tensor]]
