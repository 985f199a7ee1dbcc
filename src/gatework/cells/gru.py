"""The gated recurrent unit."""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn import functional

from gatework.cells.base import AbstractCell, Activations, Params, Roles, State, dense_shapes
from gatework.errors import InputError


@final
@dataclass(frozen=True)
class GRU(AbstractCell):
    """Gated recurrent unit (Cho et al. 2014), in torch's form: the reset acts after W_hn h + b_hn.

        r  = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
        z  = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
        n  = tanh(W_in x + b_in + r * (W_hn h + b_hn))
        h' = (1 - z) * n + z * h

    Args:
        reset_after: False resets h itself, as first published and as in Keras with the same
            argument: n = tanh(W_in x + b_in + W_hn (r * h) + b_hn). The parameters are the same.

    Example:
        >>> GRU().parameter_shapes(3, 8, bias=False)
        {'weight_ih': (24, 3), 'weight_hh': (24, 8)}
    """

    reset_after: bool = True

    name: ClassVar[str] = "gru"
    memory: ClassVar[str] = "h"
    candidate: ClassVar[str] = "n"

    @property
    def gates(self) -> tuple[str, ...]:
        return ("r", "z", "n")

    @property
    def states(self) -> tuple[str, ...]:
        return ("h",)

    @property
    def keep_gate(self) -> str:
        return "z"

    @property
    def write_gate(self) -> None:
        return None

    def activation_of(self, gate: str) -> str:
        return "tanh" if gate == self.candidate else "sigmoid"

    def parameter_shapes(
        self, input_size: int, hidden_size: int, *, bias: bool = True, proj_size: int = 0
    ) -> dict[str, tuple[int, ...]]:
        if proj_size:
            raise InputError(f"proj_size is {proj_size}; a GRU has no projection, only an LSTM.")
        return dense_shapes(3 * hidden_size, input_size, hidden_size, bias=bias)

    def state_sizes(self, params: Params) -> tuple[int, ...]:
        return (self.hidden_size(params),)

    def update(
        self,
        params: Params,
        x_gates: Tensor,
        h_gates: Tensor,
        state: State,
        h_read: Tensor | None = None,
    ) -> tuple[State, Activations]:
        (h,) = state
        x_r, x_z, x_n = x_gates.chunk(3, dim=-1)
        h_r, h_z, h_n = h_gates.chunk(3, dim=-1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        if self.reset_after:
            from_h = r * h_n
        else:
            from_h = _candidate_gate(params, r * (h if h_read is None else h_read))
        n = torch.tanh(x_n + from_h)
        new_h = n + z * (h - n)
        return (new_h,), {"r": r, "z": z, "n": n, "h": new_h}

    def roles(self, activations: Activations) -> Roles:
        z = activations["z"]
        return Roles(keep=z, write=1 - z, read=torch.ones_like(z))


def _candidate_gate(params: Params, h: Tensor) -> Tensor:
    """W_hn h + b_hn."""
    bias = params.get("bias_hh")
    return functional.linear(
        h, params["weight_hh"].chunk(3)[2], None if bias is None else bias.chunk(3)[2]
    )
