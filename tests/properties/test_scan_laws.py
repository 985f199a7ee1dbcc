"""Laws that hold for every scan, whichever backend runs it."""

from typing import NamedTuple

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from cases import CELLS, INPUT_SIZE, PROMISES, Inputs, Shape, make_inputs
from gatework.ops import Backend, ScanResult
from gatework.ops.reference import REFERENCE
from tolerances import assert_close

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
# One law relates two runs that may sum in different orders, so a few roundings apart.
BOUND = {torch.float64: 1e-12, torch.float32: 2e-6}


class Run(NamedTuple):
    """Inputs in the most precise dtype that the backend promises, and how to run them."""

    backend: str
    inputs: Inputs
    reverse: bool

    def __call__(self, inputs: Inputs) -> ScanResult:
        with torch.no_grad():
            return inputs.scan(self.backend, reverse=self.reverse)

    def lengths(self) -> list[int]:
        steps, batch = self.inputs.x.shape[:2]
        given_lengths = self.inputs.lengths
        return [steps] * batch if given_lengths is None else given_lengths.tolist()

    def assert_same(self, name: str, value: Tensor, truth: Tensor) -> None:
        # A small value carries the rounding of the sums of order 1 behind it.
        size = float(truth.detach().square().mean().sqrt()) if truth.numel() else 1.0
        assert_close(name, value, truth, BOUND[truth.dtype] / min(size or 1.0, 1.0))


@st.composite
def runs(draw: st.DrawFn, backend: Backend) -> Run:
    promise = PROMISES[backend.name]
    steps, batch, hidden = (draw(st.integers(1, top)) for top in (6, 4, 9))
    lengths = None
    if promise.ragged and draw(st.booleans()):
        each = st.integers(0, steps)
        lengths = tuple(draw(st.lists(each, min_size=batch, max_size=batch)))
    cell = CELLS[draw(st.sampled_from(promise.cells))]
    shape = Shape(steps, batch, hidden, lengths, bias=draw(st.booleans()))
    inputs = make_inputs(cell, shape, seed=draw(st.integers(0, 99))).to(promise.dtypes[0])
    return Run(backend.name, inputs, draw(st.booleans()))


@given(data=st.data())
def test_scan_is_repeated_steps(backend, data):
    run = data.draw(runs(backend))
    inputs = run.inputs
    params = inputs.params
    result = run(inputs)
    for index, length in enumerate(run.lengths()):
        state = tuple(part[index : index + 1] for part in inputs.state)
        for time in reversed(range(length)) if run.reverse else range(length):
            x_gates = functional.linear(
                inputs.x[time, index : index + 1], params["weight_ih"], params.get("bias_ih")
            )
            h_gates = functional.linear(state[0], params["weight_hh"], params.get("bias_hh"))
            state, _ = inputs.cell.update(params, x_gates, h_gates, state)
            run.assert_same("output", result.output[time, index], state[0][0])
        assert not result.output[length:, index].any()
        for name, part, last in zip(inputs.cell.states, result.state, state, strict=True):
            run.assert_same(name, part[index], last[0])


@given(data=st.data(), fraction=st.floats(0, 1))
def test_split_and_carry_is_the_whole(backend, data, fraction):
    run = data.draw(runs(backend))
    inputs = run.inputs
    steps = inputs.x.shape[0]
    assume(steps > 1)
    cut = 1 + round(fraction * (steps - 2))
    whole = run(inputs)
    lengths = inputs.lengths
    early = inputs._replace(
        x=inputs.x[:cut], lengths=None if lengths is None else lengths.clamp(max=cut)
    )
    late = inputs._replace(
        x=inputs.x[cut:], lengths=None if lengths is None else (lengths - cut).clamp(min=0)
    )
    first, second = (late, early) if run.reverse else (early, late)
    one = run(first)
    two = run(second._replace(state=one.state))
    halves = (two, one) if run.reverse else (one, two)
    run.assert_same("output", torch.cat([half.output for half in halves]), whole.output)
    for name, part, truth in zip(inputs.cell.states, two.state, whole.state, strict=True):
        run.assert_same(name, part, truth)


@given(data=st.data(), extra=st.integers(0, 3))
def test_what_lies_past_a_length_changes_nothing(backend, data, extra):
    run = data.draw(runs(backend))
    inputs = run.inputs
    with torch.no_grad():
        poisoned = functional.pad(inputs.x, (0, 0, 0, 0, 0, extra))
        for index, length in enumerate(run.lengths()):
            poisoned[length:, index] = torch.nan
    result = run(inputs._replace(x=poisoned, lengths=torch.tensor(run.lengths())))
    truth = run(inputs)
    run.assert_same("output", result.output[: len(inputs.x)], truth.output)
    assert not result.output[len(inputs.x) :].any()
    for name, part, expected in zip(inputs.cell.states, result.state, truth.state, strict=True):
        run.assert_same(name, part, expected)


@given(data=st.data())
def test_the_order_of_the_batch_changes_nothing(backend, data):
    run = data.draw(runs(backend))
    inputs = run.inputs
    order = torch.tensor(data.draw(st.permutations(range(inputs.x.shape[1]))))
    shuffled = inputs._replace(
        x=inputs.x[:, order],
        state=tuple(part[order] for part in inputs.state),
        lengths=None if inputs.lengths is None else inputs.lengths[order],
    )
    result, truth = run(shuffled), run(inputs)
    run.assert_same("output", result.output, truth.output[:, order])
    for name, part, expected in zip(inputs.cell.states, result.state, truth.state, strict=True):
        run.assert_same(name, part, expected[order])


@given(data=st.data())
def test_a_sequence_is_alone_in_its_batch(backend, data):
    """NaN in one sequence leaves the others as they would be without it."""
    run = data.draw(runs(backend))
    inputs = run.inputs
    with torch.no_grad():
        poisoned = inputs.x.clone()
        poisoned[:, 0] = torch.nan
    result = run(inputs._replace(x=poisoned))
    for index, length in enumerate(run.lengths()):
        if index == 0:
            assert result.output[:length, 0].isnan().all()
            continue
        alone = run(
            inputs._replace(
                x=inputs.x[:, index : index + 1],
                state=tuple(part[index : index + 1] for part in inputs.state),
                lengths=None if inputs.lengths is None else inputs.lengths[index : index + 1],
            )
        )
        run.assert_same("output", result.output[:, index], alone.output[:, 0])
        for name, part, expected in zip(inputs.cell.states, result.state, alone.state, strict=True):
            run.assert_same(name, part[index], expected[0])


@given(data=st.data())
def test_without_weights_and_input_nothing_stirs(backend, data):
    """All parameters, states and inputs zero: every h is zero."""
    run = data.draw(runs(backend))
    inputs = run.inputs
    silent = inputs._replace(
        params={name: torch.zeros_like(tensor) for name, tensor in inputs.params.items()},
        state=tuple(torch.zeros_like(part) for part in inputs.state),
        x=torch.zeros(*inputs.x.shape[:2], INPUT_SIZE, dtype=inputs.x.dtype),
    )
    assert not run(silent).output.any()


@given(data=st.data())
def test_a_trace_holds_what_the_scan_returned(data):
    run = data.draw(runs(REFERENCE))
    inputs = run.inputs
    result = inputs.scan(reverse=run.reverse, trace=True)
    assert result.trace is not None
    assert result.trace.keys() == {*inputs.cell.gates, *inputs.cell.states}
    assert result.trace["h"].equal(result.output)
    for index, length in enumerate(run.lengths()):
        for values in result.trace.values():
            assert values.shape[:2] == inputs.x.shape[:2]
            assert not values[length:, index].any()
        if length:
            last = 0 if run.reverse else length - 1
            for name, part in zip(inputs.cell.states, result.state, strict=True):
                assert result.trace[name][last, index].equal(part[index])
