"""What the native core calls a cell: numbers that follow native/include/gatework.h."""

import functools
from typing import NamedTuple

from gatework.cells import GRU, LSTM, RNN, AbstractCell, Params

CELLS = 3  # of gw_cell
OPTION_BITS = 8  # of gw_option
# The order of gw_param.
PARAMETERS = (
    "weight_ih",
    "weight_hh",
    "bias_ih",
    "bias_hh",
    "weight_hr",
    "weight_ci",
    "weight_cf",
    "weight_co",
    "norm_ih_weight",
    "norm_ih_bias",
    "norm_hh_weight",
    "norm_hh_bias",
    "norm_c_weight",
    "norm_c_bias",
)


class Kernel(NamedTuple):
    """A cell as the core numbers it: gw_cell, gw_option flags, and the bound of c or 0."""

    cell: int
    options: int
    clip: float


def kernel_of(cell: AbstractCell) -> Kernel | None:
    """Number `cell`, or None if it is outside what the core has names for.

    Whether the core holds such a kernel is for `core.gates` to say.
    """
    if isinstance(cell, LSTM):
        return _lstm(cell)
    if isinstance(cell, GRU):
        return Kernel(1, 0 if cell.reset_after else 128, 0.0)
    if isinstance(cell, RNN):
        return Kernel(2, 64 if cell.nonlinearity == "relu" else 0, 0.0)
    return None


def _lstm(cell: LSTM) -> Kernel | None:
    activations = (cell.gate_activation, cell.candidate_activation, cell.output_activation)
    if cell.full_recurrence or activations != ("sigmoid", "tanh", "tanh"):
        return None
    options = (
        (not cell.input_gate)
        | (not cell.forget_gate) << 1
        | (not cell.output_gate) << 2
        | cell.coupled << 3
        | cell.peephole << 4
        | cell.layer_norm << 5
    )
    return Kernel(0, int(options), cell.cell_clip or 0.0)


def present(params: Params) -> int:
    """Which of PARAMETERS there are, as bits."""
    return sum(1 << place for place, name in enumerate(PARAMETERS) if name in params)


@functools.cache
def places(present: int) -> tuple[int, ...]:
    """The places in PARAMETERS of those there are."""
    return tuple(place for place in range(len(PARAMETERS)) if present >> place & 1)
