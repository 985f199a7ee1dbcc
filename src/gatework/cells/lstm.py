"""Long short-term memory and its variants: one cell, whose options are the search space."""

import math
from dataclasses import dataclass, field
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn import functional

from gatework.cells.activations import ACTIVATIONS, check_activation
from gatework.cells.base import AbstractCell, Activations, Params, Roles, State, dense_shapes
from gatework.errors import InputError


@final
@dataclass(frozen=True)
class LSTM(AbstractCell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000).

        i  = sigmoid(W_ii x + b_ii + W_hi h + b_hi)     f, o alike
        g  = tanh(W_ig x + b_ig + W_hg h + b_hg)
        c' = f * c + i * g
        h' = o * tanh(c')

    The options span the space of Greff et al. 2017 (arXiv:1503.04069); the published cells are
    points in it. The 1997 cell is `LSTM(forget_gate=False)`, with `full_recurrence=True` as in its
    own experiments.

    Args:
        input_gate: if False, i = 1, and its rows leave the weights (NIG).
        forget_gate: if False, f = 1 likewise (NFG).
        output_gate: if False, o = 1 likewise (NOG).
        peephole: gates also see the memory: i and f the old c, o the new one, each through its
            own vector weight_ci, weight_cf, weight_co (Gers et al. 2002).
        coupled: i = 1 - f, so the rows of i leave the weights (CIFG).
        full_recurrence: the gates also see all gates of the step before, through weight_gg; these
            activations join `states` (FGR).
        layer_norm: LN(W_hh h) and LN(W_ih x), each over all its row blocks together, and LN(c')
            under the last tanh (Ba et al. 2016, eqs 20-22). Their shifts stand in for the biases.
        projection: h' = W_hr (o * tanh(c')), narrower than c (Sak et al. 2014; torch's proj_size).
        cell_clip: keeps c' within -cell_clip and cell_clip, before anything reads it (Sak et al.
            2014; so does cuDNN, whereas the clip of ONNX is that of the sums in the gates).
        gate_activation: sigmoid, tanh, hard_sigmoid, relu or identity.
        candidate_activation: that of g.
        output_activation: that of c'.

    Raises:
        InputError: the options contradict each other.

    Example:
        >>> LSTM(coupled=True).gates
        ('f', 'g', 'o')
        >>> LSTM(peephole=True).parameter_shapes(3, 8)["weight_cf"]
        (8,)
    """

    input_gate: bool = True
    forget_gate: bool = True
    output_gate: bool = True
    peephole: bool = False
    coupled: bool = False
    full_recurrence: bool = False
    layer_norm: bool = False
    projection: bool = False
    cell_clip: float | None = None
    gate_activation: str = "sigmoid"
    candidate_activation: str = "tanh"
    output_activation: str = "tanh"

    # Asked for at every call, so worked out once.
    _gates: tuple[str, ...] = field(init=False, repr=False, compare=False)

    name: ClassVar[str] = "lstm"
    memory: ClassVar[str] = "c"
    candidate: ClassVar[str] = "g"

    def __post_init__(self) -> None:
        check_activation("gate_activation", self.gate_activation)
        check_activation("candidate_activation", self.candidate_activation)
        check_activation("output_activation", self.output_activation)
        if self.coupled and not (self.forget_gate and self.input_gate):
            raise InputError(
                "coupled=True means i = 1 - f, so it needs both gates; "
                "leave input_gate and forget_gate True."
            )
        if self.cell_clip is not None and not 0 < self.cell_clip < math.inf:
            raise InputError(
                f"cell_clip is {self.cell_clip}; expected a positive number, or None for no clip."
            )
        present = {
            "i": self.input_gate and not self.coupled,
            "f": self.forget_gate,
            "g": True,
            "o": self.output_gate,
        }
        gates = tuple(gate for gate, is_present in present.items() if is_present)
        object.__setattr__(self, "_gates", gates)
        if not self.switches and (self.peephole or self.full_recurrence):
            option = "peephole" if self.peephole else "full_recurrence"
            raise InputError(f"{option}=True has no gate to act on; keep at least one gate.")

    @property
    def gates(self) -> tuple[str, ...]:
        return self._gates

    @property
    def switches(self) -> tuple[str, ...]:
        """The gates proper: the row blocks but for the candidate g."""
        return tuple(gate for gate in self.gates if gate != "g")

    @property
    def states(self) -> tuple[str, ...]:
        return ("h", "c", *(self.switches if self.full_recurrence else ()))

    @property
    def keep_gate(self) -> str | None:
        return "f" if self.forget_gate else None

    @property
    def write_gate(self) -> str | None:
        return "i" if "i" in self.gates else None

    def activation_of(self, gate: str) -> str:
        return self.candidate_activation if gate == self.candidate else self.gate_activation

    def parameter_shapes(
        self, input_size: int, hidden_size: int, *, bias: bool = True, proj_size: int = 0
    ) -> dict[str, tuple[int, ...]]:
        if self.projection != (proj_size > 0):
            raise InputError(
                f"proj_size is {proj_size} for a cell with projection={self.projection}; "
                "give a positive proj_size exactly when the cell has a projection."
            )
        if proj_size >= hidden_size:
            raise InputError(
                f"proj_size is {proj_size}; expected less than hidden_size = {hidden_size}."
            )
        rows, width = len(self.gates) * hidden_size, hidden_size
        shapes = dense_shapes(
            rows, input_size, proj_size or width, bias=bias and not self.layer_norm
        )
        if self.projection:
            shapes["weight_hr"] = (proj_size, width)
        if self.peephole:
            shapes |= {f"weight_c{gate}": (width,) for gate in self.switches}
        if self.full_recurrence:
            shapes["weight_gg"] = (len(self.switches) * width,) * 2
        if self.layer_norm:
            for norm, size in (("ih", rows), ("hh", rows), ("c", width)):
                shapes[f"norm_{norm}_weight"] = (size,)
                if bias:
                    shapes[f"norm_{norm}_bias"] = (size,)
        return shapes

    def state_sizes(self, params: Params) -> tuple[int, ...]:
        width = self.hidden_size(params)
        return (params["weight_hh"].shape[1], *(width for _ in self.states[1:]))

    def update(
        self,
        params: Params,
        x_gates: Tensor,
        h_gates: Tensor,
        state: State,
        h_read: Tensor | None = None,
    ) -> tuple[State, Activations]:
        c = state[1]
        blocks = self._blocks(params, x_gates, h_gates, state)
        activations = {"g": ACTIVATIONS[self.candidate_activation](blocks["g"])}
        for gate in self.switches:
            if gate != "o":
                activations[gate] = self._switch(params, gate, blocks[gate], c)

        keep, write = self._keep_and_write(activations)
        kept = c if keep is None else keep * c
        new_c = kept + (activations["g"] if write is None else write * activations["g"])
        if self.cell_clip is not None:
            new_c = new_c.clamp(-self.cell_clip, self.cell_clip)

        shown = _layer_norm(params, "norm_c", new_c) if self.layer_norm else new_c
        new_h = ACTIVATIONS[self.output_activation](shown)
        if self.output_gate:
            activations["o"] = self._switch(params, "o", blocks["o"], new_c)
            new_h = activations["o"] * new_h
        if self.projection:
            new_h = functional.linear(new_h, params["weight_hr"])

        activations |= {"h": new_h, "c": new_c}
        return tuple(activations[name] for name in self.states), activations

    def roles(self, activations: Activations) -> Roles:
        everything = torch.ones_like(activations["c"])
        keep, write = self._keep_and_write(activations)
        return Roles(
            keep=everything if keep is None else keep,
            write=everything if write is None else write,
            read=activations.get("o", everything),
        )

    def _blocks(
        self, params: Params, x_gates: Tensor, h_gates: Tensor, state: State
    ) -> dict[str, Tensor]:
        """The sum that enters each row block's activation, but for the peepholes."""
        if self.layer_norm:
            x_gates = _layer_norm(params, "norm_ih", x_gates)
            h_gates = _layer_norm(params, "norm_hh", h_gates)
        sums = (x_gates + h_gates).chunk(len(self.gates), dim=-1)
        blocks = dict(zip(self.gates, sums, strict=True))
        if self.full_recurrence:
            from_gates = functional.linear(torch.cat(state[2:], dim=-1), params["weight_gg"])
            terms = from_gates.chunk(len(self.switches), dim=-1)
            for gate, term in zip(self.switches, terms, strict=True):
                blocks[gate] = blocks[gate] + term
        return blocks

    def _switch(self, params: Params, gate: str, block: Tensor, memory: Tensor) -> Tensor:
        """The activation of a gate that may peep at `memory`."""
        if self.peephole:
            block = block + params[f"weight_c{gate}"] * memory
        return ACTIVATIONS[self.gate_activation](block)

    def _keep_and_write(self, activations: Activations) -> tuple[Tensor | None, Tensor | None]:
        """The factors of the old memory and of the candidate; None stands for 1."""
        keep = activations.get("f")
        write = activations.get("i") if not self.coupled else 1 - activations["f"]
        return keep, write


def _layer_norm(params: Params, name: str, x: Tensor) -> Tensor:
    weight, bias = params[f"{name}_weight"], params.get(f"{name}_bias")
    return functional.layer_norm(x, weight.shape, weight, bias)
