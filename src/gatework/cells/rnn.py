"""The vanilla recurrent network."""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from gatework.cells.activations import ACTIVATIONS, check_activation
from gatework.cells.base import AbstractCell, Activations, Params, Roles, State, dense_shapes
from gatework.errors import InputError


@final
@dataclass(frozen=True)
class RNN(AbstractCell):
    """Simple recurrent network (Elman 1990), as in torch.nn.RNN: h' = tanh(W_ih x + W_hh h + b).

    Args:
        nonlinearity: "tanh" or "relu".

    Example:
        >>> RNN().parameter_shapes(3, 8, bias=False)
        {'weight_ih': (8, 3), 'weight_hh': (8, 8)}
    """

    nonlinearity: str = "tanh"

    name: ClassVar[str] = "rnn"
    memory: ClassVar[str] = "h"
    candidate: ClassVar[str] = "n"

    def __post_init__(self) -> None:
        check_activation("nonlinearity", self.nonlinearity, ("tanh", "relu"))

    @property
    def gates(self) -> tuple[str, ...]:
        return ("n",)

    @property
    def states(self) -> tuple[str, ...]:
        return ("h",)

    @property
    def keep_gate(self) -> None:
        return None

    @property
    def write_gate(self) -> None:
        return None

    def activation_of(self, gate: str) -> str:
        return self.nonlinearity

    def parameter_shapes(
        self, input_size: int, hidden_size: int, *, bias: bool = True, proj_size: int = 0
    ) -> dict[str, tuple[int, ...]]:
        if proj_size:
            raise InputError(f"proj_size is {proj_size}; an RNN has no projection, only an LSTM.")
        return dense_shapes(hidden_size, input_size, hidden_size, bias=bias)

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
        new_h = ACTIVATIONS[self.nonlinearity](x_gates + h_gates)
        return (new_h,), {"n": new_h, "h": new_h}

    def roles(self, activations: Activations) -> Roles:
        everything = torch.ones_like(activations["h"])
        return Roles(keep=torch.zeros_like(everything), write=everything, read=everything)
