"""A layer fed step by step: the same results as over whole sequences, and an honest state."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import gatework
from gatework.errors import InputError
from gatework.layers import GRU, LSTM, RNN, BatchStream, Stream, step
from gatework.ops import core
from tolerances import FLOOR, assert_close

STEPS, INPUTS = 12, 3
LAYERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "lstm": (LSTM, {}),
    "gru": (GRU, {}),
    "gru_reset_before": (GRU, {"reset_after": False}),
    "rnn": (RNN, {}),
    "rnn_relu": (RNN, {"nonlinearity": "relu"}),
    "lstm_no_bias": (LSTM, {"bias": False}),
    "lstm_stacked": (LSTM, {"num_layers": 3}),
    "gru_stacked": (GRU, {"num_layers": 2}),
    "lstm_projection": (LSTM, {"proj_size": 5, "num_layers": 2}),
    "lstm_peephole": (LSTM, {"peephole": True}),
    "lstm_coupled": (LSTM, {"coupled": True, "peephole": True}),
    "lstm_1997": (LSTM, {"forget_gate": False}),
    "lstm_no_output_gate": (LSTM, {"output_gate": False, "input_gate": False}),
    "lstm_layer_norm": (LSTM, {"layer_norm": True, "num_layers": 2}),
    "lstm_full_recurrence": (LSTM, {"full_recurrence": True, "num_layers": 2}),
    "lstm_cell_clip": (LSTM, {"cell_clip": 0.1}),
    "lstm_zoneout": (LSTM, {"zoneout": (0.2, 0.4), "num_layers": 2}),
    "gru_zoneout": (GRU, {"zoneout": 0.3}),
    "lstm_batch_first": (LSTM, {"batch_first": True}),
}
WITHOUT_KERNEL = ("lstm_full_recurrence",)
HIDDEN = (1, 8, 37)


def make(name: str, hidden_size: int = 8) -> Any:
    kind, options = LAYERS[name]
    if options.get("proj_size", 0) >= hidden_size:
        pytest.skip("a projection is narrower than the memory")
    return kind(INPUTS, hidden_size, **options)


def parts(state: Any) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


def run(stream: Stream, x: Tensor) -> Tensor:
    return torch.stack([stream.step(sample) for sample in x])


def whole(layer: Any, x: Tensor, hx: Any = None) -> tuple[Tensor, Any]:
    """The layer itself, in evaluation, without gradients."""
    was_training = layer.training
    with torch.no_grad():
        result = layer.eval()(x, hx)
    layer.train(was_training)
    return result


def assert_equal(state: Any, other: Any) -> None:
    for part, expected in zip(parts(state), parts(other), strict=True):
        assert torch.equal(part, expected)


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("hidden_size", HIDDEN)
@pytest.mark.parametrize("name", LAYERS)
def test_steps_equal_the_layer_over_the_sequence(name: str, hidden_size: int, backend: str):
    layer, x = make(name, hidden_size), torch.randn(STEPS, INPUTS)
    if backend == "native" and (core.UNAVAILABLE or name in WITHOUT_KERNEL):
        with pytest.raises(InputError, match="which refuses this stream"):
            Stream(layer, backend)
        return
    stream = Stream(layer, backend)
    assert stream.backend == backend
    layer.backend = "reference"
    truth, state = whole(layer.double(), x.double())
    assert_close("output", run(stream, x), truth, 10 * FLOOR[torch.float32])
    for part, expected in zip(parts(stream.state), parts(state), strict=True):
        # Absolute: with one unit a state can happen to be close to zero.
        torch.testing.assert_close(part.double(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "gru", "lstm_projection", "lstm_full_recurrence"])
def test_the_state_goes_out_and_in(name: str):
    layer, x = make(name), torch.randn(STEPS, INPUTS)
    stream = Stream(layer)
    first = run(stream, x[:5])
    kept = stream.state
    rest = run(stream, x[5:])

    other = Stream(layer)
    other.state = kept
    assert_equal(other.state, kept)
    assert torch.equal(run(other, x[5:]), rest)

    # What came out is a copy, and what went in is one too.
    other.state = kept
    for part in parts(kept):
        part.fill_(9)
    assert torch.equal(run(other, x[5:]), rest)

    stream.reset()
    assert all(part.eq(0).all() for part in parts(stream.state))
    assert torch.equal(run(stream, x[:5]), first)
    stream.state = None
    assert torch.equal(run(stream, x[:5]), first)


def test_a_stream_goes_on_where_the_layer_stopped():
    layer, x = make("lstm_stacked"), torch.randn(STEPS, INPUTS)
    y, _ = whole(layer, x)
    _, state = layer(x[:7])
    stream = Stream(layer)
    stream.state = state  # with its graph; a stream needs none
    after = run(stream, x[7:])
    assert_close("output", after, y[7:], FLOOR[torch.float32])
    assert not after.requires_grad


@pytest.mark.parametrize("backend", [None, "reference"])
def test_weights_are_copied_until_refresh(backend: str | None):
    layer, x = make("gru_stacked"), torch.randn(STEPS, INPUTS)
    stream, still = Stream(layer, backend), Stream(layer, backend)
    before = run(stream, x[:5])
    with torch.no_grad():
        for weight in layer.parameters():
            weight.mul_(0.5)
    assert torch.equal(run(still, x[:5]), before)
    stream.refresh()
    _, state = whole(layer, x[:1])
    stream.state = state
    assert_close("output", run(stream, x[1:]), whole(layer, x)[0][1:], FLOOR[torch.float32])
    kept = stream.state
    stream.refresh()
    assert_equal(stream.state, kept)
    assert not torch.equal(run(still, x[5:]), run(stream, x[5:]))


def test_refresh_follows_the_layer_to_another_dtype():
    layer, x = make("lstm"), torch.randn(STEPS, INPUTS)
    stream = Stream(layer)
    run(stream, x[:5])
    layer.double()
    with pytest.raises(InputError, match="float64"):
        stream.step(x[5].double())
    stream.refresh()
    assert stream.backend == "reference"
    assert "float32" in str(stream.explanation)
    assert_close("output", run(stream, x[5:].double()), whole(layer, x.double())[0][5:], 1e-5)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_layer_of_torch_streams_and_stays_torchs(kind: Any):
    layer, x = kind(INPUTS, 8, num_layers=2), torch.randn(STEPS, INPUTS)
    stream = Stream(layer)
    assert type(layer) is kind
    assert_close("output", run(stream, x), whole(layer, x)[0], FLOOR[torch.float32])
    with torch.no_grad():
        layer.weight_hh_l1.mul_(0.5)
    layer.bias_ih_l0 = nn.Parameter(torch.ones_like(layer.bias_ih_l0))
    stream.refresh()
    stream.reset()
    assert_close("output", run(stream, x), whole(layer, x)[0], FLOOR[torch.float32])


def test_what_a_step_takes():
    layer, x = make("lstm"), torch.randn(STEPS, INPUTS)
    stream, expected = Stream(layer), Stream(layer)
    read_only = x[2].numpy().copy()
    read_only.flags.writeable = False
    reversed_in_memory = np.array(x[3].tolist()[::-1])[::-1]
    strided = torch.stack([x[4], x[4]], dim=1)[:, 0]
    samples = (x[0].tolist(), tuple(x[1].tolist()), read_only, reversed_in_memory, strided)
    for t, sample in enumerate(samples):
        assert torch.equal(stream(sample), expected.step(x[t]))


def test_a_step_under_other_settings_of_torch():
    layer, x = make("lstm"), torch.randn(STEPS, INPUTS)
    expected = run(Stream(layer), x)
    stream = Stream(layer)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.inference_mode():
        first = run(stream, x[:4])
    torch.set_default_dtype(torch.float64)
    try:
        second = run(stream, x[4:8])
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("meta"):
        third = [stream.step(sample) for sample in x[8:]]
    assert torch.equal(torch.cat([first, second, torch.stack(third)]), expected)


WRONG_INPUTS: dict[str, tuple[Any, str]] = {
    "too wide": (torch.zeros(INPUTS + 1), r"x has shape \(4,\); expected \(input_size,\)"),
    "too narrow": (np.zeros(INPUTS - 1), r"x has shape \(2,\)"),
    "a batch": (torch.zeros(1, INPUTS), r"x has shape \(1, 3\)"),
    "a number": (1.0, r"x has shape \(\)"),
    "dtype": (torch.zeros(INPUTS, dtype=torch.float64), "x is torch.float64"),
    "device": (torch.zeros(INPUTS, device="meta"), "on meta"),
    "words": (["a", "b", "c"], "no row of numbers"),
    "ragged": ([[1.0], [2.0, 3.0]], "no row of numbers"),
    "objects": (np.array([None, 1, 2]), "no row of numbers"),
    "nothing": (None, "no row of numbers"),
}


@pytest.mark.parametrize("backend", [None, "reference"])
@pytest.mark.parametrize("wrong", WRONG_INPUTS)
def test_a_wrong_input_is_named_and_changes_nothing(wrong: str, backend: str | None):
    x, message = WRONG_INPUTS[wrong]
    stream = Stream(make("lstm_stacked"), backend)
    stream.step([1.0, 2.0, 3.0])
    before = stream.state
    with pytest.raises(InputError, match=message):
        stream.step(x)
    assert_equal(stream.state, before)


WRONG_STATES: dict[str, tuple[Any, str]] = {
    "h alone": (torch.zeros(2, 8), "state holds 1 tensors; expected 2: h, c"),
    "a batch": ((torch.zeros(2, 1, 8), torch.zeros(2, 1, 8)), r"state h has shape \(2, 1, 8\)"),
    "of one layer": ((torch.zeros(1, 8), torch.zeros(1, 8)), r"state h has shape \(1, 8\)"),
    "c too narrow": ((torch.zeros(2, 8), torch.zeros(2, 7)), r"state c has shape \(2, 7\)"),
    "dtype": ((torch.zeros(2, 8).double(), torch.zeros(2, 8)), "state h is torch.float64"),
    "arrays": ((np.zeros((2, 8)), np.zeros((2, 8))), "state holds a ndarray"),
}


@pytest.mark.parametrize("wrong", WRONG_STATES)
def test_a_wrong_state_is_named(wrong: str):
    state, message = WRONG_STATES[wrong]
    layer = LSTM(INPUTS, 8, num_layers=2)
    with pytest.raises(InputError, match=message):
        Stream(layer).state = state


class Chatty(nn.LSTM):
    """A subclass, whose own code a stream would not run."""


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (LSTM(INPUTS, 8, bidirectional=True), "the layer is bidirectional"),
        (nn.GRU(INPUTS, 8, bidirectional=True), "the layer is bidirectional"),
        (nn.LSTMCell(INPUTS, 8), "layer is a LSTMCell; expected"),
        (nn.Linear(INPUTS, 8), "layer is a Linear; expected"),
        (Chatty(INPUTS, 8), "cannot be streamed: it is a subclass"),
    ],
)
def test_what_cannot_stream_says_why(layer: nn.Module, message: str):
    with pytest.raises(InputError, match=message):
        Stream(layer)


def test_a_backend_that_was_named_and_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch):
    layer = LSTM(INPUTS, 8, full_recurrence=True)
    stream = Stream(layer)
    assert stream.backend == "reference"
    assert "refuses: " in str(stream.explanation)
    with pytest.raises(InputError, match="backend is 'native', which refuses this stream: "):
        Stream(layer, "native")
    with pytest.raises(InputError, match="backend is 'aten', which takes no single steps"):
        Stream(layer, "aten")
    with pytest.raises(InputError, match="backend is 'native', which refuses"):
        Stream(LSTM(INPUTS, 8, full_recurrence=True, backend="native"))
    monkeypatch.setenv("GATEWORK_BACKEND", "reference")
    assert Stream(LSTM(INPUTS, 8)).backend == "reference"
    monkeypatch.setenv("GATEWORK_BACKEND", "aten")
    with pytest.raises(InputError, match="GATEWORK_BACKEND is 'aten'"):
        Stream(LSTM(INPUTS, 8))


def test_a_copy_is_refused_in_words():
    stream = Stream(make("lstm"))
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(InputError, match="cannot be copied or pickled"):
            attempt(stream)


def test_no_dropout_acts():
    layer, x = GRU(INPUTS, 8, num_layers=2, dropout=0.5, weight_drop=0.5), torch.randn(4, INPUTS)
    assert_close("output", run(Stream(layer.train()), x), whole(layer, x)[0], FLOOR[torch.float32])


@pytest.mark.parametrize("name", LAYERS)
def test_step_runs_a_batch_and_is_differentiable(name: str):
    layer, x = make(name).double().eval(), torch.randn(STEPS, 2, INPUTS).double()
    time = 1 if layer.batch_first else 0
    y, last = layer(x.transpose(0, time))
    weights = list(layer.parameters())
    expected = torch.autograd.grad(y.sin().sum(), weights)
    outputs, state = [], None
    for sample in x:
        output, state = step(layer, sample, state)
        outputs.append(output)
    stepped = torch.stack(outputs, dim=time)
    assert_close("output", stepped, y, FLOOR[torch.float64])
    for part, truth in zip(parts(state), parts(last), strict=True):
        assert_close("state", part, truth, FLOOR[torch.float64])
    found = torch.autograd.grad(stepped.sin().sum(), weights)
    for gradient, truth in zip(found, expected, strict=True):
        assert_close("gradient", gradient, truth, 10 * FLOOR[torch.float64])


@pytest.mark.parametrize("layer", [LSTM(INPUTS, 8), nn.GRU(INPUTS, 8, batch_first=True)])
def test_step_of_one_sequence(layer: nn.Module):
    x = torch.randn(4, INPUTS)
    state = None
    for sample in x:
        y, state = step(layer, sample, state)
    truth, last = layer(x)
    assert y.shape == (8,)
    assert_close("output", y, truth[-1], FLOOR[torch.float32])
    for part, expected in zip(parts(state), parts(last), strict=True):
        assert_close("state", part, expected, FLOOR[torch.float32])


def test_step_says_what_is_wrong():
    with pytest.raises(InputError, match="bidirectional"):
        step(LSTM(INPUTS, 8, bidirectional=True), torch.zeros(INPUTS))
    with pytest.raises(InputError, match="expected one step"):
        step(LSTM(INPUTS, 8), torch.zeros(1, 1, INPUTS))
    with pytest.raises(InputError, match="layer is a Linear"):
        step(nn.Linear(INPUTS, 8), torch.zeros(INPUTS))


def test_the_public_name():
    assert gatework.Stream is Stream


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("name", ["lstm", "gru", "lstm_stacked", "lstm_projection"])
@pytest.mark.parametrize("batch", [1, 3, 40])
def test_a_batch_of_streams_is_the_layer(name: str, batch: int, backend: str) -> None:
    if backend == "native" and (core.UNAVAILABLE or name in WITHOUT_KERNEL):
        pytest.skip("no kernel")
    layer, x = make(name), torch.randn(STEPS, batch, INPUTS)
    stream = BatchStream(layer, batch, backend)
    assert stream.explanation.chosen == backend
    outputs = torch.stack([stream.step(samples) for samples in x])
    truth, state = whole(layer, x)
    torch.testing.assert_close(outputs, truth, atol=1e-5, rtol=0)
    for part, expected in zip(parts(stream.state), parts(state), strict=True):
        torch.testing.assert_close(part, expected, atol=1e-5, rtol=0)

    # It goes on from a state, and is not moved by what was given or taken.
    kept = stream.state
    rest = torch.stack([stream.step(samples) for samples in x])
    stream.state = kept
    assert torch.equal(torch.stack([stream.step(samples) for samples in x]), rest)
    stream.state = None
    assert torch.equal(torch.stack([stream.step(samples) for samples in x]), outputs)


def test_rows_of_a_batch_depend_on_neither_mates_nor_threads() -> None:
    """Wide enough that threads share the rows."""
    layer, x = gatework.LSTM(16, 320).eval(), torch.randn(4, 64, 16)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            stream = BatchStream(layer, 64)
            found.append(torch.stack([stream.step(samples) for samples in x]))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    some = BatchStream(layer, 20)
    part = torch.stack([some.step(samples[7:27]) for samples in x])
    assert torch.equal(part, found[0][:, 7:27])


def test_a_batch_of_streams_keeps_its_weights_and_says_what_does_not_fit() -> None:
    layer, x = gatework.LSTM(3, 8).eval(), torch.randn(2, 3)
    stream = BatchStream(layer, 2)
    first = stream.step(x)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
    stream.state = None
    assert torch.equal(stream.step(x), first)
    with pytest.raises(InputError, match=r"x has shape \(3,\); expected \(B, input_size\)"):
        stream.step(x[0])
    with pytest.raises(InputError, match=r"expected \(num_layers, B, size\)"):
        stream.state = (torch.zeros(1, 8), torch.zeros(1, 8))
    with pytest.raises(InputError, match="batch_size is 0"):
        BatchStream(layer, 0)
