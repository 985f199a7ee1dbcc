"""The masks: the bits of the hash, how they are distributed, and what a scan does with them."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from cases import CELLS, REGULARISATIONS, Inputs, Noise, Shape, make_inputs
from gatework.cells import GRU, LSTM, RNN
from gatework.errors import InputError
from gatework.ops import Regularisation, explain, scan
from gatework.ops.noise import hits, recurrent_scale

WORD = 2**32
ZONEOUT_H, ZONEOUT_C, DROPOUT = 0, 1, 2


def mix(word: int) -> int:
    word ^= word >> 16
    word = word * 0x7FEB352D % WORD
    word ^= word >> 15
    word = word * 0x846CA68B % WORD
    return word ^ (word >> 16)


def bits(seed: int, stream: int, row: int, unit: int) -> int:
    """The hash in whole numbers, as a kernel in C would write it."""
    high, low = divmod(seed, WORD)
    key = mix(mix((low + stream * 0x9E3779B9) % WORD) ^ high)
    return mix((mix(key ^ mix(row % WORD)) + unit * 0x9E3779B9) % WORD)


def is_hit(seed: int, stream: int, p: float, row: int, unit: int) -> bool:
    return bits(seed, stream, row, unit) < min(math.floor(p * WORD), WORD - 1)


@pytest.mark.parametrize(
    ("seed", "stream", "row", "unit", "word"),
    [
        (0, 0, 0, 0, 0x00000000),
        (0, 0, 0, 1, 0x01FCE552),
        (1, 0, 0, 0, 0x4DA918EF),
        (0x0123456789ABCDEF, 1, 5, 7, 0x9B15B6F2),
        (2**63 - 1, 2, 2**33 + 3, 511, 0x752824B5),
    ],
)
def test_the_hash_does_not_change(seed, stream, row, unit, word):
    """Runs that are resumed, and kernels in other languages, stand on these very words."""
    assert bits(seed, stream, row, unit) == word
    # The word itself is no part of the interface, so it is caught between two thresholds.
    row_numbers = torch.tensor([row])
    assert not hits(seed, stream, word / WORD, row_numbers, unit + 1)[0, unit]
    assert hits(seed, stream, (word + 1) / WORD, row_numbers, unit + 1)[0, unit]


@given(
    seed=st.integers(0, 2**63 - 1),
    stream=st.integers(0, 2),
    p=st.floats(0, 1, exclude_max=True),
    rows=st.lists(st.integers(0, 2**40), min_size=1, max_size=4),
    width=st.integers(1, 9),
)
def test_torch_draws_the_bits_of_the_hash(seed, stream, p, rows, width):
    expected = [[is_hit(seed, stream, p, row, unit) for unit in range(width)] for row in rows]
    assert hits(seed, stream, p, torch.tensor(rows), width).tolist() == expected


@pytest.mark.parametrize("p", [0.0, 0.01, 0.3, 0.5, 0.95])
@pytest.mark.parametrize("stream", [ZONEOUT_H, ZONEOUT_C, DROPOUT])
def test_hits_are_as_frequent_as_they_should_be(p, stream):
    mask = hits(3, stream, p, torch.arange(1024), 256).double()
    sigma = math.sqrt(p * (1 - p))
    assert abs(mask.mean() - p) <= 5 * sigma / math.sqrt(mask.numel())
    for axis, size in enumerate(mask.shape):  # no row and no unit is favoured
        assert (mask.mean(1 - axis) - p).abs().max() <= 5 * sigma / math.sqrt(mask.numel() / size)


def correlation(a: Tensor, b: Tensor) -> float:
    """In units of its own deviation where there is none."""
    a, b = a.flatten().double(), b.flatten().double()
    return float(torch.corrcoef(torch.stack([a, b]))[0, 1]) * math.sqrt(a.numel())


def test_hits_know_nothing_of_each_other():
    time, batch, width = 64, 32, 128

    def draw(seed: int, stream: int) -> Tensor:
        rows = torch.arange(time * batch)
        return hits(seed, stream, 0.5, rows, width).view(time, batch, width)

    mask = draw(3, ZONEOUT_H)
    for axis, distance in itertools.product(range(3), (1, 2, 3, 8, 16)):
        near = mask.narrow(axis, 0, mask.shape[axis] - distance)
        far = mask.narrow(axis, distance, mask.shape[axis] - distance)
        assert abs(correlation(near, far)) < 5, (axis, distance)
    for seed, stream in ((3, ZONEOUT_C), (3, DROPOUT), (4, ZONEOUT_H), (3 + WORD, ZONEOUT_H)):
        assert abs(correlation(mask, draw(seed, stream))) < 5, (seed, stream)


def test_recurrent_scale():
    like = torch.zeros(1, dtype=torch.float64)
    noise = Regularisation((0.0,), 0.25, seed=5, training=True)
    scale = recurrent_scale(noise, 300, 40, like)
    assert scale is not None
    assert scale.dtype == torch.float64
    assert scale.unique().tolist() == [0, 1 / 0.75]
    assert scale.equal(
        (~hits(5, DROPOUT, 0.25, torch.arange(300), 40)) / torch.tensor(0.75).double()
    )
    assert abs(scale.mean() - 1) < 5 * math.sqrt(0.25 / 0.75 / scale.numel())
    for idle in (None, Regularisation((0.5,), 0.0, 5, True), Regularisation((0.0,), 0.5, 5, False)):
        assert recurrent_scale(idle, 3, 4, like) is None


def loop(inputs: Inputs, noise: Noise, *, reverse: bool) -> tuple[Tensor, list[list[Tensor]]]:
    """Output (T, B, P) and last states: one sequence after the other, its masks from the hash."""
    cell, params = inputs.cell, inputs.params
    steps, batch = inputs.x.shape[:2]
    by_state = {"h": noise.zoneout_h, "c": noise.zoneout_c}
    output = torch.zeros(steps, batch, inputs.state[0].shape[1], dtype=inputs.x.dtype)
    last: list[list[Tensor]] = []
    for b in range(batch):
        state = [part[b] for part in inputs.state]
        length = steps if inputs.lengths is None else int(inputs.lengths[b])
        for t in reversed(range(length)) if reverse else range(length):
            h_read = state[0]
            if noise.training:
                p = noise.recurrent_dropout
                dropped = [is_hit(noise.seed, DROPOUT, p, b, u) for u in range(len(h_read))]
                h_read = h_read * (~torch.tensor(dropped)) / (1 - p)
            x_gates = functional.linear(inputs.x[t, b], params["weight_ih"], params.get("bias_ih"))
            h_gates = functional.linear(h_read, params["weight_hh"], params.get("bias_hh"))
            new, _ = cell.update(params, x_gates, h_gates, tuple(state), h_read)
            for stream, (name, value) in enumerate(zip(cell.states, new, strict=True)):
                p = by_state.get(name, 0.0)
                kept = [is_hit(noise.seed, stream, p, t * batch + b, u) for u in range(len(value))]
                mixed = p * state[stream] + (1 - p) * value
                zoned = torch.where(torch.tensor(kept), state[stream], value)
                state[stream] = zoned if noise.training else mixed
            output[t, b] = state[0]
        last.append(state)
    return output, last


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, (2, 6, 0, 5)], ids=["dense", "ragged"])
@pytest.mark.parametrize("noise", REGULARISATIONS)
@pytest.mark.parametrize("cell", CELLS)
@torch.no_grad()
def test_the_reference_is_the_loop(cell, noise, lengths, reverse):
    inputs = make_inputs(CELLS[cell], Shape(6, 4, 3, lengths))
    output, last = loop(inputs, REGULARISATIONS[noise], reverse=reverse)
    result = inputs.scan(reverse=reverse, noise=REGULARISATIONS[noise])
    torch.testing.assert_close(result.output, output, rtol=1e-12, atol=1e-12)
    for part, values in zip(result.state, zip(*last, strict=True), strict=True):
        torch.testing.assert_close(part, torch.stack(values), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cell", ["gru", "lstm", "lstm_projection"])
def test_a_unit_that_is_zoned_out_keeps_its_very_bits(cell):
    inputs = make_inputs(CELLS[cell], Shape(20, 3, 8))
    noise = Noise(zoneout_h=0.3, zoneout_c=0.6)
    trace = inputs.scan(trace=True, noise=noise).trace
    assert trace is not None
    rows = torch.arange(1 * 3, 20 * 3)
    for stream, (name, p) in enumerate(zip(inputs.cell.states, (0.3, 0.6), strict=False)):
        values = trace[name]
        kept = hits(noise.seed, stream, p, rows, values.shape[-1]).view_as(values[1:])
        assert values[1:].eq(values[:-1]).equal(kept)


def test_an_lstm_shows_the_memory_from_before_its_zoneout():
    inputs = make_inputs(LSTM(), Shape(5, 3, 8))
    trace = inputs.scan(trace=True, noise=Noise(zoneout_c=0.5)).trace
    assert trace is not None
    c_before = torch.cat([inputs.state[1][None], trace["c"][:-1]])
    raw = trace["f"] * c_before + trace["i"] * trace["g"]
    torch.testing.assert_close(trace["h"], trace["o"] * raw.tanh())
    assert not torch.allclose(trace["c"], raw)


def test_recurrent_dropout_hides_the_same_units_at_every_step():
    """With the identity for recurrent weights and nothing else, h_t is h_0 times scale^t."""
    weights = {"weight_ih": torch.zeros(50, 1), "weight_hh": torch.eye(50)}
    noise = Regularisation((0.0,), 0.5, seed=1, training=True)
    x, ones = torch.zeros(3, 8, 1), torch.ones(8, 50)
    output = scan(RNN("relu"), weights, x, (ones,), regularisation=noise).output
    scale = recurrent_scale(noise, 8, 50, ones)
    assert scale is not None
    assert output.equal(torch.stack([scale, scale**2, scale**3]))


@given(data=st.data(), reverse=st.booleans())
@pytest.mark.parametrize("noise", ["all", "zoneout_evaluated"])
def test_padding_changes_no_mask(noise, data, reverse):
    steps, batch, extra = (data.draw(st.integers(1, top)) for top in (6, 4, 4))
    each = st.integers(0, steps)
    lengths = tuple(data.draw(st.lists(each, min_size=batch, max_size=batch)))
    cell = CELLS[data.draw(st.sampled_from(list(CELLS)))]
    inputs = make_inputs(cell, Shape(steps, batch, 3, lengths))
    padded = inputs._replace(x=functional.pad(inputs.x, (0, 0, 0, 0, 0, extra), value=math.nan))
    truth = inputs.scan(reverse=reverse, noise=REGULARISATIONS[noise])
    result = padded.scan(reverse=reverse, noise=REGULARISATIONS[noise])
    assert result.output[:steps].equal(truth.output)
    assert not result.output[steps:].any()
    assert all(part.equal(other) for part, other in zip(result.state, truth.state, strict=True))


@pytest.mark.parametrize("reverse", [False, True])
def test_a_batch_mates_length_changes_no_mask(reverse):
    full = make_inputs(LSTM(), Shape(6, 4, 3, (6, 4, 2, 5)))
    assert full.lengths is not None
    cut = full._replace(lengths=torch.tensor([1, 4, 6, 0]))
    noise = REGULARISATIONS["all"]
    ours, theirs = (run.scan(reverse=reverse, noise=noise).output[:, 1] for run in (full, cut))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_the_seed_settles_everything():
    inputs = make_inputs(LSTM(), Shape(6, 4, 3))
    noise = REGULARISATIONS["all"]
    truth = inputs.scan(noise=noise).output
    assert truth.equal(inputs.scan(noise=noise).output)
    assert not truth.equal(inputs.scan(noise=noise._replace(seed=8)).output)


def test_noise_that_does_nothing_leaves_every_backend_free():
    inputs = make_inputs(GRU(), Shape(6, 4, 3))
    arguments = inputs.cell, inputs.params, inputs.x
    idle = Regularisation((0.0,), 0.5, seed=0, training=False)
    assert explain(*arguments, regularisation=idle).chosen == "aten"
    refused = explain(*arguments, regularisation=Regularisation((0.1,), 0.0, 0, True)).verdicts[1]
    assert refused.refusal == "torch's operators know neither zoneout nor recurrent dropout"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Regularisation((0.1, 1.0), 0.0, 0, True),
            "zoneout[1] is 1.0; expected a probability, at least 0 and below 1.",
        ),
        (lambda: Regularisation((), math.nan, 0, True), "recurrent_dropout is nan; expected a"),
        (lambda: Regularisation((), 0.0, 2**63, True), "seed is 9223372036854775808; expected"),
        (lambda: Regularisation((), 0.0, -1, True), "a whole number, 0 to 2^63 - 1."),
        (
            lambda: call(LSTM(), Regularisation((0.1,), 0.0, 0, True)),
            "zoneout holds 1 probabilities; expected 2, one for each of h, c.",
        ),
        (
            lambda: call(
                LSTM(full_recurrence=True), Regularisation((0.1, 0.1, 0.1, 0.0, 0.0), 0.0, 0, True)
            ),
            "zoneout of i is 0.1; expected 0.0: only h and c are zoned out.",
        ),
        (
            lambda: call(LSTM(), None, memory="disk"),
            "memory is 'disk'; expected one of tape, recompute.",
        ),
    ],
)
def test_what_cannot_be_asked_for_is_named(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)


def call(cell: LSTM, noise: Regularisation | None, **options: str) -> object:
    inputs = make_inputs(cell, Shape(2, 2, 3))
    return scan(cell, inputs.params, inputs.x, regularisation=noise, **options)  # type: ignore[arg-type]
