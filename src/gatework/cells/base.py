"""What every cell states about itself, and the one function it supplies.

Shapes: T time, B batch, I input, H hidden, P projection (P = H without one), G row blocks.
"""

import abc
import dataclasses
from collections.abc import Mapping
from typing import ClassVar, NamedTuple, final

from torch import Tensor

Params = Mapping[str, Tensor]
State = tuple[Tensor, ...]
Activations = dict[str, Tensor]


class Roles(NamedTuple):
    """What a step did to the memory m, the same for every cell: m' = keep * m + write * candidate.

    `read` scales what the step showed of m' to the outside. All have the shape of the memory.
    A clip of m' or a zoneout comes after that.
    """

    keep: Tensor
    write: Tensor
    read: Tensor


class AbstractCell(abc.ABC):
    """One recurrent cell: a few facts and the function `update`.

    Attributes:
        name: what backends, files and messages call it.
        memory: the state that `Roles` speaks of.
        candidate: the row block whose activation is written into the memory.
    """

    name: ClassVar[str]
    memory: ClassVar[str]
    candidate: ClassVar[str]

    @property
    @abc.abstractmethod
    def gates(self) -> tuple[str, ...]:
        """The row blocks of weight_ih and weight_hh, H rows each, in torch's order."""

    @property
    @abc.abstractmethod
    def states(self) -> tuple[str, ...]:
        """What a step hands to the next; "h", which the recurrent weights read, comes first."""

    @property
    @abc.abstractmethod
    def keep_gate(self) -> str | None:
        """The row block that decides how much of the memory stays, if there is one."""

    @property
    @abc.abstractmethod
    def write_gate(self) -> str | None:
        """The row block that decides how much is written, if it is not bound to `keep_gate`."""

    @abc.abstractmethod
    def activation_of(self, gate: str) -> str:
        """The name of the function, in `ACTIVATIONS`, that one of `gates` goes through."""

    @abc.abstractmethod
    def parameter_shapes(
        self, input_size: int, hidden_size: int, *, bias: bool = True, proj_size: int = 0
    ) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter, in torch's order, then this cell's own."""

    @abc.abstractmethod
    def state_sizes(self, params: Params) -> tuple[int, ...]:
        """The width of each of `states`."""

    @abc.abstractmethod
    def update(
        self,
        params: Params,
        x_gates: Tensor,
        h_gates: Tensor,
        state: State,
        h_read: Tensor | None = None,
    ) -> tuple[State, Activations]:
        """Take one step.

        Args:
            params: the tensors of `parameter_shapes`.
            x_gates: W_ih x + b_ih, (B, G*H).
            h_gates: W_hh h + b_hh, (B, G*H).
            state: one (B, size) tensor for each of `states`.
            h_read: the h that `h_gates` were made of, where it is not `state`'s own but, say, has
                units dropped; for a cell that reads it once more.

        Returns:
            The new state, and by name every row block after its activation and every new state.
        """

    @abc.abstractmethod
    def roles(self, activations: Activations) -> Roles:
        """Say what `activations`, of one step or of a whole trace, did to the memory."""

    @final
    def hidden_size(self, params: Params) -> int:
        """H, read off the recurrent weights."""
        return params["weight_hh"].shape[0] // len(self.gates)

    @final
    @property
    def options(self) -> tuple[str, ...]:
        """The options that are away from their defaults, each as "name=value"."""
        return tuple(
            f"{field.name}={getattr(self, field.name)}"
            for field in dataclasses.fields(self)  # pyright: ignore[reportArgumentType]
            if field.init and getattr(self, field.name) != field.default
        )


def dense_shapes(
    rows: int, input_size: int, recurrent_size: int, *, bias: bool
) -> dict[str, tuple[int, ...]]:
    """The parameters that all cells share: W_ih, W_hh and, as in torch, a bias for each."""
    shapes: dict[str, tuple[int, ...]] = {
        "weight_ih": (rows, input_size),
        "weight_hh": (rows, recurrent_size),
    }
    return shapes | ({"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {})
