"""Every cell and option of the core, every way a call can go, against the reference in float64."""

import dataclasses
import functools

import pytest
import torch

from cases import SHAPES, Shape, make_inputs
from gatework import cells
from gatework.ops import core, native
from gatework.ops.reference import REFERENCE
from native_calls import (
    BOUND,
    NOISES,
    RAGGED,
    RUNS,
    agree,
    call_of,
    gradients,
    on_threads,
)
from tolerances import assert_close

pytestmark = pytest.mark.skipif(core.UNAVAILABLE is not None, reason=str(core.UNAVAILABLE))


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", RUNS)
def test_cell_is_the_reference(cell: str, shape: str, direction: str):
    if shape == "smallest" and "layer_norm" in cell:
        pytest.skip("the norm of one unit is constant: its gradient is rounding alone")
    agree(make_inputs(RUNS[cell], SHAPES[shape]), reverse=direction == "reverse")


@pytest.mark.parametrize("features", [1, 2, 3, 20])
@pytest.mark.parametrize("cell", ["rnn_tanh", "gru", "gru_reset_before", "lstm", "lstm_layer_norm"])
def test_width_of_the_input_changes_nothing_but_the_kernel(cell: str, features: int):
    inputs = make_inputs(RUNS[cell], RAGGED)
    generator = torch.Generator().manual_seed(features)
    draw = functools.partial(torch.randn, generator=generator, dtype=torch.float64)
    rows = inputs.params["weight_ih"].shape[0]
    params = inputs.params | {"weight_ih": draw(rows, features)}
    agree(inputs._replace(x=draw(*inputs.x.shape[:2], features), params=params))


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("noise", [name for name in NOISES if name != "plain"])
@pytest.mark.parametrize("cell", RUNS)
def test_noise_is_that_of_the_reference(cell: str, noise: str, direction: str):
    agree(make_inputs(RUNS[cell], RAGGED), noise=noise, reverse=direction == "reverse")
    agree(make_inputs(RUNS[cell], Shape(3, 2, 33)), noise=noise, reverse=direction == "reverse")


@pytest.mark.parametrize("noise", ["plain", "zoneout"])
@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("cell", RUNS)
def test_trace_is_the_reference_and_so_are_its_gradients(cell: str, direction: str, noise: str):
    inputs = make_inputs(RUNS[cell], RAGGED)
    agree(inputs, trace=True, reverse=direction == "reverse", noise=noise)
    rounded = inputs.to(torch.float32)
    with torch.no_grad():
        found = native.run(
            call_of(rounded, trace=True, reverse=direction == "reverse", noise=noise)
        ).trace
        known = REFERENCE.run(
            call_of(rounded, trace=True, reverse=direction == "reverse", noise=noise)
        ).trace
    assert found is not None
    assert known is not None
    assert found.keys() == known.keys()
    for name, values in found.items():
        assert_close(name, values, known[name], BOUND)
        assert values[3:, 2].eq(0).all()


def test_a_loss_on_h_alone_keeps_the_fast_gradient(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gatework.ops.differentiable.REFERENCE", None)
    inputs = make_inputs(RUNS["lstm"], RAGGED).to(torch.float32)
    trace = native.run(call_of(inputs, trace=True)).trace
    assert trace is not None
    trace["h"].sum().backward()
    assert inputs.x.grad is not None


@pytest.mark.parametrize("cell", RUNS)
def test_untouched_inputs_get_no_gradient(cell: str):
    inputs = make_inputs(RUNS[cell], RAGGED).to(torch.float32)
    result = native.run(call_of(inputs))
    gradients([result.output], [inputs.x])
    for tensor in inputs.params.values():
        tensor.requires_grad_(False)
    result = native.run(call_of(inputs))
    result.state[-1].sum().backward()  # and no cotangent on the output
    assert inputs.x.grad is not None
    assert all(tensor.grad is None for tensor in inputs.params.values())


def test_every_option_of_a_cell_has_its_number():
    # A new option must not run as if it were not there: give it a flag in ops/kernel.py, or a None.
    fields = {
        cell: {field.name for field in dataclasses.fields(cell) if field.init}
        for cell in (cells.RNN, cells.GRU, cells.LSTM)
    }
    assert fields == {
        cells.RNN: {"nonlinearity"},
        cells.GRU: {"reset_after"},
        cells.LSTM: {
            "input_gate", "forget_gate", "output_gate", "peephole", "coupled", "full_recurrence",
            "cell_clip", "layer_norm", "projection", "gate_activation", "candidate_activation",
            "output_activation",
        },
    }  # fmt: skip


@pytest.mark.parametrize("cell", RUNS)
def test_results_do_not_depend_on_threads_or_batch_mates(cell: str):
    shape = Shape(7, 24, 64, tuple(torch.randint(0, 8, (24,)).tolist()))
    inputs = make_inputs(RUNS[cell], shape).to(torch.float32)
    results = on_threads(inputs, (1, 2, 3))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))

    assert inputs.lengths is not None
    chosen = torch.tensor([5, 17, 3])
    with torch.no_grad():
        few = inputs._replace(
            x=inputs.x[:, chosen],
            state=tuple(part[chosen] for part in inputs.state),
            lengths=inputs.lengths[chosen],
        )
        result = native.run(call_of(few))
        for alone, among in zip((result.output, *result.state), results[0], strict=False):
            axis = 1 if alone.dim() == 3 else 0
            assert torch.equal(alone, among.index_select(axis, chosen))
