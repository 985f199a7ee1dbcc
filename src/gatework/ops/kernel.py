"""What the native core calls a cell: numbers that follow native/include/gatework.h."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

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
    """A cell and its parameters as the core numbers them.

    Attributes:
        cell: a gw_cell.
        options: gw_option flags.
        clip: the bound of c, or 0.
        present: which of PARAMETERS there are, as bits.
        names: those, in that order.
        is_projected: whether weight_hr is among them.
    """

    cell: int
    options: int
    clip: float
    present: int
    names: tuple[str, ...]
    is_projected: bool


def kernel_of(cell: AbstractCell, params: Params) -> Kernel | None:
    """Number `cell`, or None if it is outside what the core has names for.

    Whether the core holds such a kernel is for `core.GATES` to say.
    """
    names = tuple(params)
    # torch.compile warns of any cache that it traces through.
    return _number(cell, names) if torch.compiler.is_compiling() else _known(cell, names)


def _number(cell: AbstractCell, given: tuple[str, ...]) -> Kernel | None:
    numbers = _numbers(cell)
    if numbers is None:
        return None
    names = tuple([name for name in PARAMETERS if name in given])
    present = sum([1 << PARAMETERS.index(name) for name in names])
    return Kernel(*numbers, present, names, "weight_hr" in names)


_known = functools.lru_cache(maxsize=512)(_number)


def _numbers(cell: AbstractCell) -> tuple[int, int, float] | None:
    if isinstance(cell, LSTM):
        return _lstm(cell)
    if isinstance(cell, GRU):
        return 1, 0 if cell.reset_after else 128, 0.0
    if isinstance(cell, RNN):
        return 2, 64 if cell.nonlinearity == "relu" else 0, 0.0
    return None


def _lstm(cell: LSTM) -> tuple[int, int, float] | None:
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
    return 0, int(options), cell.cell_clip or 0.0


@functools.cache
def places(present: int) -> tuple[int, ...]:
    """The places in PARAMETERS of those there are."""
    return tuple(place for place in range(len(PARAMETERS)) if present >> place & 1)


def state_sizes(kernel: Sequence[int], params: Sequence[Tensor]) -> tuple[int, ...]:
    """The widths of h and, where there is one, of c, from `kernel` and `params` of a Problem."""
    cell, _, present, *_ = kernel
    width = params[1].shape[1]
    if cell != 0:
        return (width,)
    projection = PARAMETERS.index("weight_hr")
    if not present >> projection & 1:
        return width, width
    return width, params[places(present).index(projection)].shape[1]
