"""The operator boundary: opcheck, whole-graph compile, export, second derivatives."""

import pytest
import torch
from torch import Tensor, nn

from gatework.errors import InputError
from gatework.layers import LSTM
from gatework.ops import core

pytestmark = [
    pytest.mark.skipif(core.UNAVAILABLE is not None, reason=str(core.UNAVAILABLE)),
    # Raised inside torch's own tracing of any autograd.Function.
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]
RAGGED = torch.tensor([4, 0, 2])


def arguments(lengths: Tensor | None) -> tuple[object, ...]:
    layer = LSTM(5, 6)
    weights = [each.detach() for each in layer.parameters()]
    state = torch.randn(3, 6), torch.randn(3, 6)
    return (torch.randn(4, 3, 5), *state, *weights, lengths, True)


@pytest.mark.parametrize("lengths", [None, RAGGED])
def test_forward_operator_is_well_formed(lengths: Tensor | None):
    for keep_tape in (False, True):
        # Equality is not asked of the tape: padded lanes and rows hold whatever they hold.
        torch.library.opcheck(
            torch.ops.gatework.lstm_forward.default,
            (*arguments(lengths), keep_tape),
            test_utils=("test_schema", "test_faketensor"),
        )


@pytest.mark.parametrize("lengths", [None, RAGGED])
def test_backward_operator_is_well_formed(lengths: Tensor | None):
    inputs = arguments(lengths)
    y, h_n, c_n, tape = torch.ops.gatework.lstm_forward(*inputs, True)
    cotangents = torch.randn_like(y), torch.randn_like(h_n), torch.randn_like(c_n)
    for want_x, want_weights in ((True, True), (False, True), (True, False)):
        torch.library.opcheck(
            torch.ops.gatework.lstm_backward.default,
            (*inputs, y, tape, *cotangents, want_x, want_weights),
            test_utils=("test_schema", "test_faketensor"),
        )


def test_compiles_whole_with_gradients():
    layer = LSTM(5, 6, num_layers=2, bidirectional=True)
    x = torch.randn(4, 3, 5, requires_grad=True)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    wanted = [x, *layer.parameters()]
    eager = torch.autograd.grad(layer(x)[0].sin().sum(), wanted)
    found = torch.autograd.grad(compiled(x)[0].sin().sum(), wanted)
    assert all(torch.equal(a, b) for a, b in zip(eager, found, strict=True))


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.linear = LSTM(5, 6), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.lstm(x)[0][-1])


def test_exports_as_one_node_with_any_time():
    model = Head().eval()
    with torch.no_grad():
        time = torch.export.Dim("time", min=2, max=512)
        program = torch.export.export(model, (torch.randn(7, 3, 5),), dynamic_shapes=({0: time},))
        x = torch.randn(31, 3, 5)
        assert torch.equal(program.module()(x), model(x))
    targets = [str(node.target) for node in program.graph.nodes]
    assert targets.count("gatework.lstm_forward.default") == 1


@pytest.mark.parametrize("lengths", [None, RAGGED])
def test_second_derivatives_are_those_of_the_reference(lengths: Tensor | None):
    layer, x = LSTM(5, 6), torch.randn(4, 3, 5, requires_grad=True)
    penalties = []
    for backend in ("native", "reference"):
        layer.backend = backend
        y, (_, c_n) = layer(x, lengths=lengths)
        (dx,) = torch.autograd.grad(y.sin().sum() + c_n.square().sum(), x, create_graph=True)
        penalties.append(torch.autograd.grad(dx.square().sum(), [x, *layer.parameters()]))
    for a, b in zip(*penalties, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (0, torch.zeros(4, 3, 6)),
        (0, torch.zeros(4, 3)),
        (1, torch.zeros(2, 6)),
        (2, torch.zeros(3, 7)),
        (3, torch.zeros(23, 5)),
        (4, torch.zeros(24, 6, dtype=torch.float64)),
        (5, torch.zeros(6)),
        (7, torch.tensor([4, 0])),
        (7, torch.tensor([4, 0, 2], dtype=torch.int32)),
    ],
)
def test_a_direct_call_cannot_read_past_a_buffer(place: int, wrong: Tensor):
    inputs = list(arguments(RAGGED))
    inputs[place] = wrong
    with pytest.raises(InputError, match="expected"):
        torch.ops.gatework.lstm_forward(*inputs, True)


def test_a_length_out_of_range_and_a_foreign_tape_are_refused():
    inputs = list(arguments(RAGGED))
    y, h_n, c_n, tape = torch.ops.gatework.lstm_forward(*inputs, True)
    with pytest.raises(InputError, match="tape is"):
        torch.ops.gatework.lstm_backward(*inputs, y, tape[:-1], y, h_n, c_n, True, True)
    inputs[7] = torch.tensor([4, 0, 5])
    with pytest.raises(ValueError, match="length"):
        torch.ops.gatework.lstm_forward(*inputs, True)
