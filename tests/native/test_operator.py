"""The operator boundary: opcheck, whole-graph compile, export, second derivatives."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gatework.errors import InputError
from gatework.layers import GRU, LSTM
from gatework.ops import core
from gatework.ops.operator import NOTHING, STRETCHES, TAPE

pytestmark = [
    pytest.mark.skipif(core.UNAVAILABLE is not None, reason=str(core.UNAVAILABLE)),
    # Raised inside torch's own tracing of any autograd.Function.
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]
RAGGED = torch.tensor([4, 0, 2])
forward, backward = torch.ops.gatework.scan_forward, torch.ops.gatework.scan_backward


def arguments(lengths: Tensor | None, *, directions: int = 1) -> list[object]:
    """What both operators begin with, for an LSTM."""
    layer = LSTM(5, 6, bidirectional=directions == 2)
    weights = [each.detach() for each in layer.parameters()]
    state = [torch.randn(3, 6) for _ in range(2 * directions)]
    x = torch.randn(4, 3, 5)
    seeds = [0] * directions
    return [
        x,
        state,
        weights,
        lengths,
        [],
        [0, 0, 0b1111, 0, 0],
        [0.0, 0.0, 0.0],
        seeds,
        directions == 1,
    ]


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("lengths", [None, RAGGED])
def test_forward_operator_is_well_formed(lengths: Tensor | None, directions: int):
    for keep in (NOTHING, TAPE, STRETCHES):
        # Equality is not asked of the tape: padded lanes and rows hold whatever they hold.
        torch.library.opcheck(
            forward.default,
            (*arguments(lengths, directions=directions), keep, directions == 1 and keep == TAPE),
            test_utils=("test_schema", "test_faketensor"),
        )


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("lengths", [None, RAGGED])
def test_backward_operator_is_well_formed(lengths: Tensor | None, directions: int):
    inputs = arguments(lengths, directions=directions)
    for keep in (TAPE, STRETCHES):
        y, *finals, kept = forward(*inputs, keep, False)
        cotangents = [torch.randn_like(y), [torch.randn_like(part) for part in finals]]
        for want_x, want_params in ((True, True), (False, True), (True, False)):
            torch.library.opcheck(
                backward.default,
                (*inputs, keep, y, kept, *cotangents, want_x, want_params),
                test_utils=("test_schema", "test_faketensor"),
            )


def agree(layer: nn.Module, compiled: Callable[..., Any], x: Tensor, **options: Any) -> None:
    """Outputs and gradients of the layer, compiled, are those of the layer, to the bit."""
    wanted = [x, *layer.parameters()]
    results = []
    for each in (layer, compiled):
        output = each(x, **options)[0]
        results.append([output, *torch.autograd.grad(output.sin().sum(), wanted)])
    for a, b in zip(*results, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("options", [{}, {"peephole": True, "coupled": True}, {"proj_size": 3}])
def test_compiles_whole_with_gradients(options):
    layer = LSTM(5, 6, num_layers=2, bidirectional=True, **options)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    agree(layer, compiled, torch.randn(4, 3, 5, requires_grad=True))


def test_compiles_whole_with_lengths():
    layer = GRU(5, 6, num_layers=2)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    agree(layer, compiled, torch.randn(4, 3, 5, requires_grad=True), lengths=RAGGED)


@pytest.mark.parametrize("lengths", [None, RAGGED])
def test_compiles_whole_for_inference(lengths: Tensor | None):
    layer, x = LSTM(5, 6, bidirectional=True), torch.randn(4, 3, 5)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    with torch.inference_mode():
        assert torch.equal(compiled(x, lengths=lengths)[0], layer(x, lengths=lengths)[0])


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
    assert targets.count("gatework.scan_forward.default") == 1


@pytest.mark.parametrize("lengths", [None, RAGGED])
@pytest.mark.parametrize("directions", [1, 2])
def test_second_derivatives_are_those_of_the_reference(lengths: Tensor | None, directions: int):
    layer, x = LSTM(5, 6, bidirectional=directions == 2), torch.randn(4, 3, 5, requires_grad=True)
    penalties = []
    for backend in ("native", "reference"):
        layer.backend = backend
        y, (_, c_n) = layer(x, lengths=lengths)
        (dx,) = torch.autograd.grad(y.sin().sum() + c_n.square().sum(), x, create_graph=True)
        penalties.append(torch.autograd.grad(dx.square().sum(), [x, *layer.parameters()]))
    for a, b in zip(*penalties, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


WRONG = {
    "x too wide": (0, torch.zeros(4, 3, 6)),
    "x without an axis": (0, torch.zeros(4, 3)),
    "another batch": (1, [torch.zeros(2, 6), torch.zeros(3, 6)]),
    "c too wide": (1, [torch.zeros(3, 6), torch.zeros(3, 7)]),
    "no c": (1, [torch.zeros(3, 6)]),
    "a row too few": (2, [torch.zeros(23, 5), torch.zeros(24, 6), *[torch.zeros(24)] * 2]),
    "a bias too short": (2, [torch.zeros(24, 5), torch.zeros(24, 6), *[torch.zeros(6)] * 2]),
    "float64": (2, [torch.zeros(24, 5).double(), torch.zeros(24, 6), *[torch.zeros(24)] * 2]),
    "params too few": (2, [torch.zeros(24, 5), torch.zeros(24, 6)]),
    "lengths too few": (3, torch.tensor([4, 0])),
    "lengths in int32": (3, torch.tensor([4, 0, 2], dtype=torch.int32)),
    "a scale too narrow": (4, [torch.zeros(3, 5)]),
    "no such cell": (5, [9, 0, 0b1111, 0, 0]),
    "no weight_hh": (5, [0, 0, 0b11101, 0, 0]),
    "a shift of no layer norm": (5, [0, 0, 0b100111, 0, 0]),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_direct_call_cannot_read_past_a_buffer(what: str):
    place, wrong = WRONG[what]
    inputs = arguments(RAGGED)
    inputs[place] = wrong
    with pytest.raises(InputError):
        forward(*inputs, TAPE, False)


def test_a_length_out_of_range_and_a_foreign_tape_are_refused():
    inputs = arguments(RAGGED)
    for keep in (TAPE, STRETCHES):
        y, h_n, c_n, kept = forward(*inputs, keep, False)
        with pytest.raises(InputError, match="expected"):
            backward(*inputs, keep, y, kept.new_zeros(7), y, [h_n, c_n], True, True)
    inputs[3] = torch.tensor([4, 0, 5])
    with pytest.raises(ValueError, match="length"):
        forward(*inputs, TAPE, False)


def test_a_missing_parameter_is_an_error():
    inputs = arguments(None)
    inputs[5] = [0, 16, 0b1111, 0, 0]  # peepholes without their weights
    with pytest.raises(ValueError, match="missing"):
        forward(*inputs, TAPE, False)


@pytest.mark.filterwarnings("ignore")  # the compiler's own, of its own doings
def test_compile_with_graph_breaks_trains():
    layer = LSTM(4, 8, bidirectional=True)
    x = torch.randn(5, 3, 4, requires_grad=True)
    torch._dynamo.reset()
    output, _ = torch.compile(layer, backend="aot_eager")(x)
    truth, _ = layer(x)
    assert output.equal(truth)
    (found,) = torch.autograd.grad(output.sum(), x)
    (expected,) = torch.autograd.grad(truth.sum(), x)
    torch.testing.assert_close(found, expected)
