"""memory="recompute": the same numbers without a tape."""

import subprocess
import sys

import pytest
import torch

from cases import Shape, make_inputs
from gatework.ops import core, native, scan_directions
from native_calls import RUNS, call_of, gradients
from tolerances import assert_close

pytestmark = pytest.mark.skipif(core.UNAVAILABLE is not None, reason=str(core.UNAVAILABLE))

SHAPES = {
    "one_stretch": Shape(5, 3, 7),
    "a_step_more": Shape(17, 2, 20),
    "many": Shape(70, 4, 24),
    "ragged": Shape(70, 7, 24, (70, 0, 16, 17, 1, 33, 70)),
    "ends_before": Shape(40, 3, 9, (15, 0, 16)),
}
# Sums over steps in another order, in float32.
BOUND = 2e-5


@pytest.mark.parametrize("noise", ["plain", "zoneout", "dropout"])
@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", RUNS)
def test_recompute_is_the_tape(cell: str, shape: str, direction: str, noise: str):
    inputs = make_inputs(RUNS[cell], SHAPES[shape]).to(torch.float32)
    results = []
    for memory in ("tape", "recompute"):
        result = native.run(
            call_of(inputs, reverse=direction == "reverse", noise=noise, memory=memory)
        )
        values = [result.output, *result.state]
        results.append((values, gradients(values, list(inputs.leaves().values()))))
    (values, found), (others, again) = results
    assert all(torch.equal(a, b) for a, b in zip(values, others, strict=True))
    for name, a, b in zip(inputs.leaves(), found, again, strict=True):
        assert_close(f"d {name}", b, a, BOUND)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", RUNS)
def test_two_directions(cell: str, shape: str):
    ahead = make_inputs(RUNS[cell], SHAPES[shape]).to(torch.float32)
    back = make_inputs(RUNS[cell], SHAPES[shape], seed=1).to(torch.float32)
    leaves = [*ahead.leaves().values(), *list(back.leaves().values())[1:]]
    results = []
    for memory in ("tape", "recompute"):
        output, state, _ = scan_directions(
            ahead.cell, (ahead.params, back.params), ahead.x, (ahead.state, back.state),
            ahead.lengths, memory=memory, backend="native",
        )  # fmt: skip
        values = [output, *state]
        results.append((values, gradients(values, leaves)))
    (values, found), (others, again) = results
    assert all(torch.equal(a, b) for a, b in zip(values, others, strict=True))
    for a, b in zip(found, again, strict=True):
        assert_close("gradient", b, a, BOUND)


def test_a_frozen_layer_and_an_input_without_gradient():
    inputs = make_inputs(RUNS["lstm"], SHAPES["many"]).to(torch.float32)
    result = native.run(call_of(inputs._replace(x=inputs.x.detach()), memory="recompute"))
    gradients([result.output], list(inputs.params.values()))
    for tensor in inputs.params.values():
        tensor.requires_grad_(False)
    (dx,) = gradients([native.run(call_of(inputs, memory="recompute")).output], [inputs.x])
    (known,) = gradients([native.run(call_of(inputs)).output], [inputs.x])
    assert_close("dx", dx, known, BOUND)


# Peak memory over what the process holds before, in bytes, for one training step.
PEAK = """
import resource, sys, torch
from gatework.cells import LSTM
from gatework.ops import scan
steps, batch, size = 4000, 16, 256
x = torch.randn(steps, batch, size)
def train(run):
    run().sum().backward()
if sys.argv[1] == "torch":
    layer = torch.nn.LSTM(size, size)
    run = lambda x: layer(x)[0]
else:
    shapes = LSTM().parameter_shapes(size, size)
    params = {k: (0.05 * torch.randn(v)).requires_grad_() for k, v in shapes.items()}
    run = lambda x: scan(LSTM(), params, x, memory=sys.argv[1], backend="native").output
run(x[:20]).sum().backward()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run(x).sum().backward()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.slow
def test_a_long_sequence_trains_in_a_quarter_of_the_memory():
    def peak(memory: str) -> int:
        command = [sys.executable, "-c", PEAK, memory]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    output = 4000 * 16 * 256 * 4  # y, which all must keep
    assert (peak("recompute") - output) * 4 < peak("torch") - output
