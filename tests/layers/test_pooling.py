"""Pooling, decay and convolutions: what lies past a length never counts, gradients hold."""

import copy

import pytest
import torch
from torch import Tensor

from gatework.errors import InputError
from gatework.layers import GRU, LSTM
from gatework.layers.convolution import StepConvolution, convolve
from gatework.layers.decay import GRUD, InputDecay
from gatework.layers.pooling import KINDS, Pooling

LENGTHS = torch.tensor([4, 1, 0, 6])


def output(steps: int = 6) -> Tensor:
    y = torch.randn(steps, 4, 6, dtype=torch.float64)
    return y * (torch.arange(steps)[:, None] < LENGTHS)[..., None]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_what_it_says(kind) -> None:
    pooling = Pooling(kind, 6, bidirectional=True).double()
    y = output()
    found = pooling(y, LENGTHS)
    assert found.shape == (4, 6)
    assert not found[2].any()
    for column, length in enumerate(LENGTHS.tolist()):
        if length == 0:
            continue
        real = y[:length, column]
        if kind == "mean":
            expected = real.mean(0)
        elif kind == "max":
            expected = real.max(0).values
        elif kind == "last":
            expected = torch.cat([real[-1, :3], real[0, 3:]])
        else:
            weights = torch.softmax(pooling.score(torch.tanh(pooling.hidden(real))), 0)
            expected = (weights * real).sum(0)
        torch.testing.assert_close(found[column], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_more_padding_changes_nothing(kind) -> None:
    pooling = Pooling(kind, 6).double()
    y = output()
    padded = torch.cat([y, torch.zeros(5, 4, 6, dtype=torch.float64)])
    torch.testing.assert_close(pooling(padded, LENGTHS), pooling(y, LENGTHS))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind) -> None:
    pooling = Pooling(kind, 6, bidirectional=True).double()
    y = output().requires_grad_()
    assert torch.autograd.gradcheck(lambda y: pooling(y, LENGTHS), (y,))


def test_last_is_the_final_state_of_the_layer() -> None:
    lstm = LSTM(3, 5, bidirectional=True)
    y, (h, _) = lstm(torch.randn(6, 4, 3), lengths=LENGTHS)
    found = Pooling("last", 10, bidirectional=True)(y, LENGTHS)
    torch.testing.assert_close(found, torch.cat([h[0], h[1]], 1))


def test_weights_are_a_share_of_each_real_step() -> None:
    weights = Pooling("attention", 6).double().weights(output(), LENGTHS)
    torch.testing.assert_close(weights.sum(0), (LENGTHS > 0).double())
    assert not weights[4:, 0].any()
    with pytest.raises(InputError, match="only 'attention' has"):
        Pooling("mean", 6).weights(output(), LENGTHS)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match="pooling is 'sum'; expected one of last, mean"):
        Pooling("sum", 6)  # type: ignore[arg-type]


def test_decay_is_the_papers_equation() -> None:
    torch.manual_seed(0)
    decay = InputDecay(3).double()
    with torch.no_grad():
        decay.rate.copy_(torch.tensor([0.5, -0.3, 2.0]))
        decay.bias.copy_(torch.tensor([0.1, 0.0, -1.0]))
    x, gap = torch.randn(7, 3).double(), 3 * torch.rand(7, 3).double()
    seen = (torch.rand(7, 3) < 0.5).double()
    gamma = torch.exp(-torch.clamp(decay.rate * gap + decay.bias, min=0))
    expected = seen * x + (1 - seen) * gamma * x  # eq. 11, the mean being zero
    torch.testing.assert_close(decay(x, seen, gap), expected)
    assert (decay.gamma(gap)[:, 1] == 1).all()  # it never grows
    assert torch.autograd.gradcheck(decay, (x.requires_grad_(), seen, gap))


def test_gru_d_is_the_papers_equations() -> None:
    torch.manual_seed(0)
    layer = GRUD(3, 4).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    last, gap = torch.randn(6, 4, 3).double(), 3 * torch.rand(6, 4, 3).double()
    seen = (torch.rand(6, 4, 3) < 0.5).double()
    output, h_n = layer(last, seen, gap, LENGTHS)
    (w_r, w_z, w_n), (u_r, u_z, u_n), (b_r, b_z, b_n), (c_r, c_z, c_n) = (
        layer.get_parameter(name).chunk(3)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    for column, length in enumerate(LENGTHS.tolist()):
        h = torch.zeros(4, dtype=torch.float64)
        for t in range(length):
            m, d = seen[t, column], gap[t, column]
            rates = layer.input_decay.rate * d + layer.input_decay.bias
            fading = torch.exp(-rates.clamp_min(0)) * last[t, column]  # eq. 10, 11; the mean is 0
            x = torch.cat([m * last[t, column] + (1 - m) * fading, m])
            h = torch.exp(-layer.memory_decay(d).clamp_min(0)) * h  # eq. 12
            r = torch.sigmoid(w_r @ x + b_r + u_r @ h + c_r)
            z = torch.sigmoid(w_z @ x + b_z + u_z @ h + c_z)
            n = torch.tanh(w_n @ x + b_n + r * (u_n @ h + c_n))
            h = (1 - z) * n + z * h
            torch.testing.assert_close(output[t, column], h)
        torch.testing.assert_close(h_n[column], h)
        assert not output[length:, column].any()


def test_without_decay_gru_d_is_a_gru() -> None:
    torch.manual_seed(0)
    layer, plain = GRUD(2, 5), GRU(4, 5)
    names = {f"{name}_l0": tensor for name, tensor in layer.named_parameters(recurse=False)}
    plain.load_state_dict(names)
    last, seen = torch.randn(6, 4, 2), torch.ones(6, 4, 2)
    output, h_n = layer(last, seen, torch.zeros(6, 4, 2), LENGTHS)
    expected, (h,) = plain(torch.cat([last, seen], -1), lengths=LENGTHS)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(h_n, h)


def test_convolution_is_torchs_on_each_sequence_alone() -> None:
    torch.manual_seed(0)
    layer = StepConvolution(2, 3, width=5).double().eval()
    with torch.no_grad():
        layer.norm.running_mean.normal_()  # type: ignore[union-attr]
        layer.norm.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    x = torch.randn(6, 4, 2, dtype=torch.float64)
    x = x * (torch.arange(6)[:, None] < LENGTHS)[..., None]
    found = layer(x, LENGTHS)
    for column, length in enumerate(LENGTHS.tolist()):
        assert not found[length:, column].any()
        if length:
            alone = layer.convolution(x[:length, column].T[None])
            expected = torch.relu(layer.norm(alone))[0].T
            torch.testing.assert_close(found[:length, column], expected)


def test_the_statistics_of_a_batch_are_those_of_its_real_steps() -> None:
    torch.manual_seed(0)
    x = torch.randn(6, 4, 2) * (torch.arange(6)[:, None] < LENGTHS)[..., None]
    short, long = (StepConvolution(2, 3, width=3) for _ in range(2))
    long.load_state_dict(short.state_dict())
    padded = torch.cat([x, torch.zeros(9, 4, 2)])
    torch.testing.assert_close(long(padded, LENGTHS)[:6], short(x, LENGTHS))
    torch.testing.assert_close(long.norm.running_var, short.norm.running_var)


def test_sequences_of_one_length_are_convolved_as_all_others() -> None:
    torch.manual_seed(0)
    x, lengths = torch.randn(6, 4, 2), torch.full((4,), 6)
    tight, padded = (StepConvolution(2, 3, width=3) for _ in range(2))
    padded.load_state_dict(tight.state_dict())
    found = padded(torch.cat([x, torch.zeros(1, 4, 2)]), lengths)
    torch.testing.assert_close(tight(x, lengths), found[:6])
    torch.testing.assert_close(tight.norm.running_var, padded.norm.running_var)


def test_a_single_step_is_no_reason_to_fail() -> None:
    layer = StepConvolution(2, 3, width=3)
    assert layer(torch.randn(1, 1, 2), torch.tensor([1])).isfinite().all()
    assert layer(torch.zeros(1, 2, 2), torch.tensor([0, 0])).shape == (1, 2, 3)


@pytest.mark.parametrize("steps", [1, 2, 6, 40])
@pytest.mark.parametrize("shared", [True, False])
def test_layers_side_by_side_are_each_alone(*, steps: int, shared: bool) -> None:
    torch.manual_seed(0)
    ours = [StepConvolution(2, 3, width=7).double() for _ in range(3)]
    alone = copy.deepcopy(ours)
    lengths = torch.tensor([steps, 0, max(steps - 1, 1), 1])
    inside = (torch.arange(steps)[:, None] < lengths)[..., None]
    x = torch.randn(steps, 4, 2 if shared else 6, dtype=torch.float64) * inside
    x, apart = (x.clone().requires_grad_() for _ in range(2))
    cotangent = torch.randn(steps, 4, 9, dtype=torch.float64)
    for _ in range(2):
        found = convolve(ours, x, lengths)
        parts = [apart] * 3 if shared else apart.chunk(3, -1)
        expected = [_as_torch_has_it(*each, inside) for each in zip(alone, parts, strict=True)]
        found.backward(cotangent)
        torch.cat(expected, -1).backward(cotangent)
        torch.testing.assert_close(found, torch.cat(expected, -1))
    torch.testing.assert_close(x.grad, apart.grad)
    for one, other in zip(ours, alone, strict=True):
        torch.testing.assert_close(one.state_dict(), other.state_dict())
        for parameter, same in zip(one.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(parameter.grad, same.grad)


def _as_torch_has_it(layer: StepConvolution, x: Tensor, inside: Tensor) -> Tensor:
    y = layer.convolution(x.permute(1, 2, 0)).permute(2, 0, 1)
    real = torch.relu(layer.norm(y[inside[..., 0]]))
    return torch.zeros_like(y).masked_scatter(inside, real)
