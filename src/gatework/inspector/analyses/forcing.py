"""Making a gate a constant: its rows of every weight become zero, its bias the sum that gives it.

No equation of a cell is written again, so the step runs in the cell's own mathematics, on any
backend, and can be differentiated.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from gatework.cells import LSTM, AbstractCell, Params
from gatework.errors import InputError

FAR = 1e4  # the sum at which a sigmoid or tanh is exactly at its end in float64 and float32


class _Inverse(NamedTuple):
    """The range of an activation, and the sum that gives a value in it."""

    low: float
    high: float
    of: Callable[[Tensor], Tensor]


def _ends(sums: Tensor) -> Tensor:
    return sums.clamp(-FAR, FAR)


_INVERSES: Mapping[str, _Inverse] = MappingProxyType(
    {
        "sigmoid": _Inverse(0.0, 1.0, lambda value: _ends(torch.logit(value))),
        "tanh": _Inverse(-1.0, 1.0, lambda value: _ends(torch.atanh(value))),
        "hard_sigmoid": _Inverse(0.0, 1.0, lambda value: 6 * value - 3),
        "relu": _Inverse(0.0, math.inf, lambda value: value),
        "identity": _Inverse(-math.inf, math.inf, lambda value: value),
    }
)


def force(
    cell: AbstractCell, params: Params, gate: str, units: Tensor, values: Tensor
) -> dict[str, Tensor]:
    """The weights with which `gate` of `units` is `values` whatever the cell reads.

    Raises:
        InputError: the activation cannot give a value, or the cell is one we cannot do this to.
    """
    kind = cell.activation_of(gate)
    inverse = _INVERSES[kind]
    if bool((values < inverse.low).any() or (values > inverse.high).any()):
        raise InputError(
            f"gate {gate} was to be held at {values.tolist()}; its {kind} gives "
            f"{inverse.low:g} to {inverse.high:g}."
        )
    hidden = cell.hidden_size(params)
    rows = units + cell.gates.index(gate) * hidden
    changed = _with_biases(cell, params)

    def put(name: str, at: Tensor, value: Tensor | float) -> None:
        filling = torch.as_tensor(value, dtype=values.dtype, device=values.device)
        shape = (len(at), *changed[name].shape[1:])
        changed[name] = changed[name].index_copy(0, at, filling.expand(shape))

    normed = "norm_ih_weight" in params  # the norm looks at all rows: only what comes after changes
    for name in ("norm_ih_weight", "norm_hh_weight") if normed else ("weight_ih", "weight_hh"):
        put(name, rows, 0.0)
    bias_ih, bias_hh = ("norm_ih_bias", "norm_hh_bias") if normed else ("bias_ih", "bias_hh")
    put(bias_ih, rows, inverse.of(values))
    put(bias_hh, rows, 0.0)
    if f"weight_c{gate}" in params:
        put(f"weight_c{gate}", units, 0.0)
    if "weight_gg" in params and isinstance(cell, LSTM) and gate in cell.switches:
        put("weight_gg", units + cell.switches.index(gate) * hidden, 0.0)
    return changed


def _with_biases(cell: AbstractCell, params: Params) -> dict[str, Tensor]:
    """The weights with biases of zero where there are none."""
    weight = params["weight_ih"]
    shapes = cell.parameter_shapes(
        weight.shape[1],
        cell.hidden_size(params),
        bias=True,
        proj_size=params["weight_hr"].shape[0] if "weight_hr" in params else 0,
    )
    return {
        name: params[name] if name in params else weight.new_zeros(shape)
        for name, shape in shapes.items()
    }
