"""Clamps are what a loop with the gates written out by hand gives; untouched steps stay as is."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.interventions import Clamp, Nudge
from gatework.inspector.analyses.rerun import run_stack
from gatework.inspector.analyses.subject import subject
from inspector.model import oracle

LSTM: Any = gatework.LSTM
GRU: Any = gatework.GRU
RNN: Any = gatework.RNN
DOUBLE: Any = {"dtype": torch.float64}
KINDS = {
    "plain": (LSTM, {}, "ifgoch"),
    "no bias": (LSTM, {"bias": False}, "ifgoch"),
    "peephole": (LSTM, {"peephole": True}, "ifgoch"),
    "coupled": (LSTM, {"coupled": True}, "fgoch"),
    "projection": (LSTM, {"proj_size": 3}, "ifgoch"),
    "norm": (LSTM, {"layer_norm": True}, "ifgoch"),
    "norm, no bias": (LSTM, {"layer_norm": True, "bias": False, "peephole": True}, "ifgoch"),
    "no forget gate": (LSTM, {"forget_gate": False}, "igoch"),
    "no input gate": (LSTM, {"input_gate": False}, "fgoch"),
    "no output gate": (LSTM, {"output_gate": False}, "ifgch"),
    "gru": (GRU, {}, "rznh"),
    "gru, reset before": (GRU, {"reset_after": False}, "rznh"),
    "rnn": (RNN, {}, "nh"),
    "relu": (RNN, {"nonlinearity": "relu"}, "nh"),
}


def made(kind: str, **more: Any) -> Any:
    make, options, _ = KINDS[kind]
    layer = make(2, 5, **options, **more, **DOUBLE)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.6)
    return layer


def state_of(layer: Any, batch: int) -> tuple[Tensor, ...]:
    sizes = layer.cell.state_sizes(layer.params(layer.passes[0]))
    return tuple(torch.randn(len(layer.passes), batch, size, **DOUBLE) for size in sizes)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, (_, _, names) in KINDS.items() for name in names]
)
def test_a_clamp_is_the_loop_by_hand(kind, name, reverse):
    layer = made(kind, bidirectional=True)
    x, state = torch.randn(7, 3, 2, **DOUBLE), state_of(layer, 3)
    values = (0.0, 1.0) if name in "ifrz" else (0.25, 0.5)
    clamp = Clamp(name, units=(2, 0), value=values, steps=(2, 5))
    output, final = run_stack(layer, x, state, None, {(0, reverse): [clamp]})

    hold = {name: dict(zip((2, 0), values, strict=True))}
    for which in layer.passes:

        def at(t: int, which: Any = which) -> Any:
            return hold if 2 <= t < 5 and which.reverse == reverse else {}

        own = tuple(part[which.index] for part in state)
        expected, ended = oracle.run(layer, which, x, own, at)
        part = output.chunk(2, dim=2)[which.index]
        torch.testing.assert_close(part, expected, rtol=1e-12, atol=1e-12)
        for mine, theirs in zip(final, ended, strict=True):
            torch.testing.assert_close(mine[which.index], theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [kind for kind, (make, *_) in KINDS.items() if make is LSTM])
def test_freezing_keeps_the_memory_to_the_bit(kind):
    layer = made(kind)
    x, (h, c) = torch.randn(6, 2, 2, **DOUBLE), state_of(layer, 2)
    _, (_, final) = run_stack(layer, x, (h, c), None, {(0, False): [Clamp("c")]})
    assert final.equal(c)


def test_freezing_by_lag_is_of_each_sequences_own_end():
    layer = made("gru")
    x, state = torch.randn(8, 4, 2, **DOUBLE), state_of(layer, 4)
    lengths = torch.tensor([8, 0, 3, 1])
    frozen = {(0, False): [Clamp("h", lags=(0, 2))]}
    output, (final,) = run_stack(layer, x, state, lengths, frozen)
    shorter, (expected,) = run_stack(layer, x, state, (lengths - 2).clamp(min=0), {})
    torch.testing.assert_close(final, expected)
    torch.testing.assert_close(output[:6, 0], shorter[:6, 0])
    assert not output[3:, 2].any()
    assert output[2, 2].equal(final[0, 2])


def test_no_edit_changes_nothing_in_a_ragged_stack():
    layer = made("plain", num_layers=2, bidirectional=True)
    x, lengths = torch.randn(6, 3, 2, **DOUBLE), torch.tensor([6, 2, 4])
    nothing = Clamp("f", value=1.0, steps=(0, 0))
    edits = {(each.layer, each.reverse): [nothing] for each in layer.passes}
    expected, states = layer(x, lengths=lengths)
    state = tuple(torch.zeros_like(part) for part in states)
    output, final = run_stack(layer, x, state, lengths, edits)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(final, states)


def test_a_nudge_has_the_gradient_of_the_state():
    layer = made("plain")
    x, state = torch.randn(5, 2, 2, **DOUBLE), state_of(layer, 2)
    by = torch.zeros(5, 2, 5, requires_grad=True, **DOUBLE)
    output, _ = run_stack(layer, x, state, None, {(0, False): [Nudge("c", by)]})
    (gradient,) = torch.autograd.grad(output[-1].sum(), by)
    assert torch.autograd.gradcheck(
        lambda by: run_stack(layer, x, state, None, {(0, False): [Nudge("c", by)]})[0][-1].sum(),
        by,
    )
    assert gradient[:4].abs().min() > 0
    assert not gradient[4].any()


@pytest.mark.parametrize(
    ("clamp", "words"),
    [
        (Clamp("q", value=0.0), "has no 'q'"),
        (Clamp("f", value=1.5), "its sigmoid gives 0 to 1"),
        (Clamp("f"), "no value"),
        (Clamp("f", units=(5,), value=1.0), "unit 5"),
        (Clamp("f", units=(1, 2), value=(1.0,)), "1 numbers for 2 units"),
    ],
)
def test_clamps_that_do_not_fit(clamp, words):
    layer = made("plain")
    with pytest.raises(InputError, match=words):
        run_stack(layer, torch.randn(3, 1, 2, **DOUBLE), state_of(layer, 1), None,
                  {(0, False): [clamp]})  # fmt: skip
    with pytest.raises(InputError, match="which the layer has not"):
        run_stack(layer, torch.randn(3, 1, 2, **DOUBLE), state_of(layer, 1), None, {(1, False): []})
    with pytest.raises(InputError, match="both steps and lags"):
        Clamp("f", value=1.0, steps=(0, 1), lags=(0, 1))


class Tagger(nn.Module):
    """A stranger's model: an embedding, a packed layer of torch's, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.rnn = nn.LSTM(6, 7, batch_first=True, bidirectional=True, num_layers=2, dropout=0.5)
        self.head = nn.Linear(14, 3)

    def forward(self, tokens, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embed(tokens), lengths, batch_first=True, enforce_sorted=False
        )
        output, _ = self.rnn(packed)
        padded, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
        return self.head(padded).sum(dim=(1, 2))


def test_a_strangers_model_runs_through_our_cells():
    model = Tagger()
    tokens, lengths = torch.randint(11, (4, 9)), torch.tensor([5, 9, 1, 5])
    whole = subject(model, tokens, lengths)
    assert model.training
    torch.testing.assert_close(whole.run(), model.eval()(tokens, lengths))
    assert whole.entry.x.shape == (9, 4, 6)
    assert whole.lengths.tolist() == [5, 9, 1, 5]
    held = whole.run(edits={(1, True): [Clamp("h", value=0.0)]})
    assert (held - whole.run()).abs().min() > 1e-4
    assert "_stack" not in vars(model.rnn)
    assert not model.rnn._forward_hooks


@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU, nn.RNN, LSTM, GRU, RNN])
@pytest.mark.parametrize("shape", [(7, 3, 2), (7, 2)])
def test_the_default_score_of_a_layer_is_its_last_output(make, shape):
    layer, x = make(2, 4, bidirectional=True, num_layers=2), torch.randn(shape)
    output, _ = layer(x)
    ends = torch.cat([output[-1, ..., :4], output[0, ..., 4:]], -1).sum(-1).reshape(-1)
    torch.testing.assert_close(subject(layer, x).run(), ends)


def test_subjects_that_cannot_be():
    with pytest.raises(InputError, match="has no recurrent layer"):
        subject(nn.Linear(2, 2), torch.randn(3, 2))
    with pytest.raises(InputError, match="'b'; it has ''"):
        subject(gatework.GRU(2, 3), torch.randn(3, 1, 2), path="b")
    with pytest.raises(InputError, match="not called 2 times"):
        subject(gatework.GRU(2, 3), torch.randn(3, 1, 2), call=1)

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(2, 3)

        def forward(self, x):
            return self.rnn(x)[0]

    with pytest.raises(InputError, match=r"shape \(5, 2, 3\); say what number"):
        subject(Reader(), torch.randn(5, 2, 2))
    with pytest.raises(InputError, match=r"expected \(B,\)"):
        subject(Reader(), torch.randn(5, 2, 2), score=lambda output: output).run()
    with pytest.raises(InputError, match="1 numbers for 2 sequences"):
        subject(Reader(), torch.randn(5, 2, 2), score=torch.sum).require_scores_by_sequence()


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_gates_are_held_at_their_ends_to_the_bit_in_float32(backend):
    layer = gatework.LSTM(2, 9, backend=backend)
    h, c = torch.randn(1, 2, 9), torch.randn(1, 2, 9)
    _, (_, final) = run_stack(layer, torch.randn(6, 2, 2), (h, c), None, {(0, False): [Clamp("c")]})
    assert final.equal(c)


class Decoder(nn.Module):
    """Calls its layer once a step, each time with the state it got."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(2, 3)

    def forward(self, x):
        h = torch.zeros(1, x.shape[1], 3)
        for step in x:
            _, h = self.rnn(step.unsqueeze(0), h)
        return h[0], "a word beside"


def test_one_call_of_a_layer_that_is_called_often():
    model, x = Decoder(), torch.randn(4, 2, 2)
    whole = subject(model, x, call=2, score=lambda answer: answer[0].sum(dim=1))
    assert whole.entry.x.equal(x[2:3])
    other = x.clone()
    other[2] = 0
    expected = model(other)[0].sum(dim=1)
    torch.testing.assert_close(whole.run(x=torch.zeros(1, 2, 2)), expected)
    with pytest.raises(InputError, match="a tuple of 2; say what number"):
        subject(model, x)
