"""The cells, shapes and promises that the tests go through; awkward on purpose."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gatework.cells import GRU, LSTM, RNN, AbstractCell
from gatework.ops import Regularisation, ScanCall, ScanResult, scan

INPUT_SIZE = 5

CELLS: dict[str, AbstractCell] = {
    "rnn_tanh": RNN(),
    "rnn_relu": RNN("relu"),
    "gru": GRU(),
    "gru_reset_before": GRU(reset_after=False),
    "lstm": LSTM(),
    "lstm_projection": LSTM(projection=True),
    "lstm_no_input_gate": LSTM(input_gate=False),
    "lstm_no_forget_gate": LSTM(forget_gate=False),
    "lstm_no_output_gate": LSTM(output_gate=False),
    "lstm_no_gates": LSTM(input_gate=False, forget_gate=False, output_gate=False),
    "lstm_peephole": LSTM(peephole=True),
    "lstm_coupled": LSTM(coupled=True),
    "lstm_layer_norm": LSTM(layer_norm=True),
    "lstm_layer_norm_projection": LSTM(layer_norm=True, projection=True),
    "lstm_full_recurrence": LSTM(full_recurrence=True),
    "lstm_1997": LSTM(forget_gate=False, full_recurrence=True),
    "lstm_cell_clip": LSTM(cell_clip=0.5),  # about a third of the memories reach it
    "lstm_activations": LSTM(
        gate_activation="hard_sigmoid", candidate_activation="relu", output_activation="identity"
    ),
    "lstm_everything": LSTM(
        peephole=True, coupled=True, full_recurrence=True, layer_norm=True, projection=True
    ),
}
NOT_NATIVE = (
    "lstm_full_recurrence",
    "lstm_1997",
    "lstm_activations",
    "lstm_everything",
)
NATIVE = tuple(name for name in CELLS if name not in NOT_NATIVE)
PLAIN = ("rnn_tanh", "rnn_relu", "gru", "lstm", "lstm_projection")  # those torch.nn has


class Noise(NamedTuple):
    """A regularisation, but for the number of states that a cell has."""

    zoneout_h: float = 0.0
    zoneout_c: float = 0.0
    recurrent_dropout: float = 0.0
    training: bool = True
    seed: int = 0x0123456789ABCDEF  # with bits in both of its words

    def of(self, cell: AbstractCell) -> Regularisation:
        """That of `cell`."""
        by_state = {"h": self.zoneout_h, "c": self.zoneout_c}
        zoneout = tuple(by_state.get(name, 0.0) for name in cell.states)
        return Regularisation(zoneout, self.recurrent_dropout, self.seed, self.training)


REGULARISATIONS = {
    "zoneout_h": Noise(zoneout_h=0.3),
    "zoneout": Noise(zoneout_h=0.2, zoneout_c=0.6),
    "zoneout_evaluated": Noise(zoneout_h=0.2, zoneout_c=0.6, training=False),
    "recurrent_dropout": Noise(recurrent_dropout=0.4),
    "all": Noise(zoneout_h=0.1, zoneout_c=0.5, recurrent_dropout=0.3, seed=7),
}


class Shape(NamedTuple):
    """T, B, H, the lengths if they differ from T, and whether there are biases."""

    steps: int
    batch: int
    hidden_size: int
    lengths: tuple[int, ...] | None = None
    bias: bool = True

    def cut(self, steps: int) -> "Shape":
        """The same with so many steps at most."""
        lengths = self.lengths and tuple(min(length, steps) for length in self.lengths)
        return self._replace(steps=min(self.steps, steps), lengths=lengths)


SHAPES = {
    "smallest": Shape(1, 1, 1),
    "one_step": Shape(1, 17, 7),
    "two_steps": Shape(2, 3, 100),
    "long": Shape(63, 3, 64),
    "no_bias": Shape(2, 17, 7, bias=False),
    "ties": Shape(5, 3, 7, (2, 5, 2)),
    "empty": Shape(3, 3, 7, (0, 3, 0)),
    "all_empty": Shape(2, 3, 7, (0, 0, 0)),
    "equal": Shape(63, 3, 7, (2, 2, 2)),
    "ragged": Shape(63, 17, 64, (63, 0, 1, 62, 7, 7, 7, 30, 63, 2, 0, 15, 16, 17, 1, 31, 33)),
    "ragged_no_bias": Shape(5, 3, 100, (1, 5, 3), bias=False),
}


@dataclass(frozen=True)
class Promise:
    """What a backend runs: exactly these cells, dtypes and kinds of call, on the CPU."""

    cells: tuple[str, ...]
    dtypes: tuple[torch.dtype, ...]
    ragged: bool
    trace: bool
    regularised: bool

    def covers(
        self, cell: str, dtype: torch.dtype, *, ragged: bool, trace: bool, regularised: bool
    ) -> bool:
        """Whether the backend must run such a call; it must refuse all others."""
        return (
            cell in self.cells
            and dtype in self.dtypes
            and (self.ragged or not ragged)
            and (self.trace or not trace)
            and (self.regularised or not regularised)
        )


DTYPES = (torch.float64, torch.float32, torch.bfloat16)
PROMISES = {
    "native": Promise(NATIVE, (torch.float32,), ragged=True, trace=True, regularised=True),
    "aten": Promise(PLAIN, DTYPES, ragged=False, trace=False, regularised=False),
    "reference": Promise(tuple(CELLS), DTYPES, ragged=True, trace=True, regularised=True),
}


class Inputs(NamedTuple):
    """The arguments of one scan, in float64; every tensor but `lengths` wants its gradient."""

    cell: AbstractCell
    params: dict[str, Tensor]
    x: Tensor
    state: tuple[Tensor, ...]
    lengths: Tensor | None

    def to(self, dtype: torch.dtype) -> "Inputs":
        """The same numbers, rounded to `dtype`, as fresh leaves."""

        def leaf(tensor: Tensor) -> Tensor:
            return tensor.detach().to(dtype).requires_grad_()

        params = {name: leaf(tensor) for name, tensor in self.params.items()}
        state = tuple(leaf(part) for part in self.state)
        return Inputs(self.cell, params, leaf(self.x), state, self.lengths)

    def call(
        self, *, reverse: bool = False, trace: bool = False, noise: Noise | None = None
    ) -> ScanCall:
        """As a backend would receive it, where the lengths differ and reach T."""
        regularisation = None if noise is None else noise.of(self.cell)
        return ScanCall(
            self.cell,
            self.params,
            self.x,
            self.state,
            self.lengths,
            reverse,
            trace,
            regularisation,
        )

    def scan(
        self,
        backend: str = "reference",
        *,
        reverse: bool = False,
        trace: bool = False,
        noise: Noise | None = None,
    ) -> ScanResult:
        """Run it."""
        return scan(
            self.cell,
            self.params,
            self.x,
            self.state,
            self.lengths,
            reverse=reverse,
            trace=trace,
            regularisation=None if noise is None else noise.of(self.cell),
            backend=backend,
        )

    def leaves(self) -> dict[str, Tensor]:
        """Everything that has a gradient, by name."""
        states = {
            f"{name}_0": part for name, part in zip(self.cell.states, self.state, strict=True)
        }
        return {"x": self.x, **states, **self.params}


def make_inputs(cell: AbstractCell, shape: Shape, *, seed: int = 0) -> Inputs:
    """Draw inputs at the scale of torch's own initialisation.

    Without a forget gate the memory sums up and saturates, and rounding errors grow with every
    step: without any gate 5000-fold in 63. Such a cell gets half the recurrent weights and 16
    steps, which grow them 6-fold, so that it is held to the same bound as the others.
    """
    is_open = isinstance(cell, LSTM) and not cell.forget_gate
    shape = shape.cut(16) if is_open else shape
    generator = torch.Generator().manual_seed(seed)

    def draw(*size: int, scale: float = 1.0) -> Tensor:
        values = torch.randn(*size, generator=generator, dtype=torch.float64)
        return (scale * values).requires_grad_()

    hidden = shape.hidden_size
    proj_size = 0
    if isinstance(cell, LSTM) and cell.projection:
        hidden = max(hidden, 2)
        proj_size = hidden // 2
    shapes = cell.parameter_shapes(INPUT_SIZE, hidden, bias=shape.bias, proj_size=proj_size)
    params = {
        name: draw(*size, scale=hidden**-0.5 * (0.5 if is_open and name == "weight_hh" else 1.0))
        for name, size in shapes.items()
    }
    state = tuple(draw(shape.batch, size, scale=0.5) for size in cell.state_sizes(params))
    lengths = None if shape.lengths is None else torch.tensor(shape.lengths)
    return Inputs(cell, params, draw(shape.steps, shape.batch, INPUT_SIZE), state, lengths)


def results_and_gradients(inputs: Inputs, result: ScanResult) -> dict[str, Tensor]:
    """Outputs, final states, and the gradient of every leaf, with cotangents on all of them."""
    values = {"output": result.output}
    values |= {
        f"{name}_n": part for name, part in zip(inputs.cell.states, result.state, strict=True)
    }
    generator = torch.Generator().manual_seed(1)
    loss = sum(
        (value * torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value)).sum()
        for value in values.values()
    )
    leaves = inputs.leaves()
    assert isinstance(loss, Tensor)
    gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    for (name, leaf), gradient in zip(leaves.items(), gradients, strict=True):
        values[f"d {name}"] = torch.zeros_like(leaf) if gradient is None else gradient
    return values
