"""Recording: the trace is what the reference computes, and torch's layers are replayed."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import gatework
from gatework.errors import InputError
from gatework.inspector import label, recording, require_same_model
from gatework.ops import scan

LENGTHS = [5, 0, 9, 1]


class Tagger(nn.Module):
    """A small model as a stranger writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.rnn = nn.LSTM(6, 7, batch_first=True, bidirectional=True)
        self.out = nn.Linear(14, 3)

    def forward(self, tokens):
        return self.out(self.rnn(self.embed(tokens))[0])


def layers():
    torch.manual_seed(0)
    return [
        gatework.LSTM(3, 7),
        gatework.LSTM(3, 7, num_layers=2, bidirectional=True),
        gatework.LSTM(3, 7, peephole=True, proj_size=4),
        gatework.LSTM(3, 7, coupled=True, layer_norm=True),
        gatework.LSTM(3, 7, forget_gate=False, output_gate=False),
        gatework.LSTM(3, 7, zoneout=(0.1, 0.3)),
        gatework.GRU(3, 7, bidirectional=True, zoneout=0.2),
        gatework.GRU(3, 7, reset_after=False),
        gatework.RNN(3, 7, num_layers=2, nonlinearity="relu"),
        gatework.LSTM(3, 7, dtype=torch.float64),
    ]


@pytest.mark.parametrize("layer", layers(), ids=repr)
def test_values_are_those_of_the_reference(layer):
    x = torch.randn(9, 4, 3, dtype=next(layer.parameters()).dtype)
    layer.eval()
    recorded = gatework.trace(layer, x, lengths=LENGTHS)[""]
    output, _ = layer(x, lengths=torch.tensor(LENGTHS))
    assert recorded.lengths.tolist() == LENGTHS
    for b, n in enumerate(LENGTHS):
        np.testing.assert_allclose(
            recorded.hidden[recorded.rows(b)], output[:n, b].detach().numpy(), atol=1e-6
        )
    for which, made in zip(layer.passes, recorded.passes, strict=True):
        assert (made.layer, made.reverse) == (which.layer, which.reverse)
        padded = torch.zeros(9, 4, made.inputs.shape[1], dtype=x.dtype)
        for b, n in enumerate(LENGTHS):
            padded[:n, b] = torch.from_numpy(made.inputs[recorded.rows(b)])
        with torch.no_grad():
            truth = scan(
                layer.cell, layer.params(which), padded, lengths=torch.tensor(LENGTHS),
                reverse=which.reverse, trace=True, backend="reference",
                regularisation=layer.regularisers.of_scan(layer.cell, 0, 0, training=False),
            ).trace  # fmt: skip
        assert truth is not None
        assert set(made.values) == set(truth)
        for name, values in made.values.items():
            for b, n in enumerate(LENGTHS):
                np.testing.assert_allclose(
                    values[recorded.rows(b)], truth[name][:n, b].numpy(), atol=2e-6, err_msg=name
                )


@pytest.mark.parametrize("layer", layers(), ids=repr)
def test_roles_explain_the_memory(layer):
    x = torch.randn(9, 4, 3, dtype=next(layer.parameters()).dtype)
    state = [
        torch.randn(len(layer.passes), 4, width, dtype=x.dtype)
        for width in layer.cell.state_sizes(layer.params(layer.passes[0]))
    ]
    hx = tuple(state) if len(state) > 1 else state[0]
    recorded = gatework.trace(layer, x, hx, lengths=LENGTHS)[""]
    for made in recorded.passes:
        for b, n in enumerate(LENGTHS):
            one = made.sequence(b)
            assert len(one) == n
            np.testing.assert_allclose(
                one.roles.keep * one.before(made.cell.memory) + one.roles.write * one.candidate,
                one.memory,
                atol=2e-6,
            )


def test_a_strangers_model_is_replayed_and_left_as_it_was():
    torch.manual_seed(1)
    model = Tagger().train()
    before = copy.deepcopy(model.state_dict())
    tokens = torch.randint(0, 11, (2, 6))
    recorded = gatework.trace(model, tokens, steps=[list("abcdef"), list("ghijkl")])
    made = recorded["rnn"]
    assert made.replay_error is not None
    assert made.replay_error < 1e-6
    assert made.step_names(1) == tuple("ghijkl")
    assert type(model.rnn) is nn.LSTM
    assert model.training
    assert model.rnn.training
    assert not model.rnn._forward_hooks
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    output = model.rnn(model.embed(tokens))[0].detach().numpy()
    np.testing.assert_allclose(made.hidden[made.rows(1)], output[1], atol=1e-6)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_torchs_layers_take_lengths(kind):
    layer = kind(3, 7, 2, bidirectional=True)
    recorded = gatework.trace(layer, torch.randn(9, 3, 3), lengths=[4, 9, 2])[""]
    assert recorded.lengths.tolist() == [4, 9, 2]
    assert recorded.replay_error is not None
    assert recorded.replay_error < 1e-6


def test_every_call_is_a_recording():
    layer = gatework.GRU(3, 4)
    with recording(layer) as recorder:
        _, h = layer(torch.randn(2, 1, 3))
        layer(torch.randn(5, 1, 3), h)
    first, second = label(recorder.trace(), features=["a", "b", "c"]).recordings
    assert (first.call, second.call) == (0, 1)
    assert second.lengths.tolist() == [5]
    np.testing.assert_array_equal(second.passes[0].initial["h"][0], first.passes[0].values["h"][-1])
    assert second.feature_names() == ("a", "b", "c")


def test_one_step_no_batch_axis_and_nothing_at_all():
    layer = gatework.LSTM(3, 4)
    assert gatework.trace(layer, torch.randn(1, 3))[""].lengths.tolist() == [1]
    empty = gatework.trace(layer, torch.randn(2, 2, 3), lengths=[0, 0])[""]
    assert empty.passes[0].values["c"].shape == (0, 4)


def test_what_is_nan_stays_in_its_sequence():
    x = torch.randn(4, 2, 3)
    x[1, 0] = float("nan")
    made = gatework.trace(gatework.LSTM(3, 4), x)[""].find()
    assert np.isnan(made.sequence(0).memory[1:]).all()
    assert np.isfinite(made.sequence(1).memory).all()


def test_loss_stands_beside_its_steps():
    layer = gatework.LSTM(3, 4)
    loss = torch.arange(12.0).reshape(4, 3)
    made = gatework.trace(layer, torch.randn(4, 3, 3), lengths=[4, 2, 0], loss=loss)[""]
    assert made.loss is not None
    assert made.loss.tolist() == [0, 3, 6, 9, 1, 4]


def test_outputs_and_attention_stand_beside_their_steps():
    trace = gatework.trace(gatework.LSTM(3, 4), torch.randn(4, 3, 3), lengths=[4, 2, 0])
    table = torch.arange(24.0).reshape(4, 3, 2)
    made = label(trace, outputs=table, attention=table.transpose(0, 1))[""]
    assert made.outputs is not None
    assert made.attention is not None
    assert made.outputs[:, 0].tolist() == [0, 6, 12, 18, 2, 8]
    assert made.attention[:, 1].tolist() == [1, 7, 13, 19, 3, 9]
    with pytest.raises(InputError, match=r"outputs has shape \(4, 3\); expected \(T, B, size\)"):
        label(trace, outputs=torch.zeros(4, 3))


def test_dropout_and_zoneout_are_off_and_the_mode_comes_back():
    layer = gatework.LSTM(3, 8, num_layers=2, dropout=0.5, input_dropout=0.5).train()
    x = torch.randn(5, 1, 3)
    first, second = (gatework.trace(layer, x)[""].hidden for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert layer.training
    assert layer.listener is None


def test_the_listener_is_gone_after_an_error():
    layer = gatework.LSTM(3, 8)
    with pytest.raises(InputError, match="input has 4 features"):
        gatework.trace(layer, torch.randn(5, 1, 4))
    assert layer.listener is None
    assert not layer._forward_hooks


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: gatework.trace(nn.Linear(2, 2), torch.zeros(1, 2)), "Linear has no recurrent"),
        (lambda: gatework.trace(nn.Sequential(nn.LSTMCell(2, 2)), None), "one by one"),
        (
            lambda: gatework.trace(gatework.LSTM(2, 2), torch.zeros(3, 1, 2), steps=[["a"]]),
            r"steps has \[1\] words a sequence; expected those of a layer: model \[3\]",
        ),
        (
            lambda: gatework.trace(gatework.LSTM(2, 2), torch.zeros(3, 1, 2), features=["a"]),
            "features has 1 words; layers read model 2",
        ),
        (
            lambda: gatework.trace(gatework.LSTM(2, 2), torch.zeros(3, 1, 2), sequences="ab"),
            "sequences names 2; the batch holds 1",
        ),
        (
            lambda: gatework.trace(
                gatework.LSTM(2, 2), torch.zeros(3, 1, 2), loss=torch.zeros(2, 1)
            ),
            "loss has shape",
        ),
        (lambda: gatework.trace(Tagger(), torch.zeros(1, 3).long(), lengths=[3]), "in its own way"),
    ],
)
def test_what_does_not_fit_is_said(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_nothing_recorded_is_said():
    with recording(gatework.LSTM(2, 2)) as recorder:
        pass
    with pytest.raises(InputError, match="no recurrent layer ran"):
        recorder.trace()


def test_a_trace_of_another_model_is_refused():
    first, second = gatework.LSTM(2, 2), gatework.LSTM(2, 2)
    recorded = gatework.trace(first, torch.zeros(3, 1, 2))
    require_same_model(recorded, first)
    with pytest.raises(InputError, match="another model"):
        require_same_model(recorded, second)
