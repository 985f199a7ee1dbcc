"""What torch does to functions: per-sample gradients, forward mode, autocast, copies, threads."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, vmap

from gatework.layers import GRU, LSTM, RNN, explain
from gatework.ops import core

pytestmark = pytest.mark.skipif(core.UNAVAILABLE is not None, reason=str(core.UNAVAILABLE))


@pytest.mark.parametrize("make", [LSTM, GRU])
def test_per_sample_gradients_are_those_of_a_loop(make: type[LSTM | GRU]):
    layer, x = make(4, 5, num_layers=2), torch.randn(6, 3, 4)
    params = {name: each.detach() for name, each in layer.named_parameters()}

    def loss(params: dict[str, Tensor], sample: Tensor) -> Tensor:
        return functional_call(layer, params, (sample.unsqueeze(1),))[0].square().sum()

    found = vmap(grad(loss), in_dims=(None, 1))(params, x)
    for index in range(3):
        layer.zero_grad()
        layer(x[:, index : index + 1])[0].square().sum().backward()
        for name, each in layer.named_parameters():
            torch.testing.assert_close(found[name][index], each.grad, rtol=1e-4, atol=1e-5)


def test_the_refusal_under_a_transform_is_in_words():
    layer, reasons = LSTM(4, 5), []

    def loss(x: Tensor) -> Tensor:
        reasons.append(explain(layer, x).verdicts[0].refusal)
        return layer(x)[0].sum()

    grad(loss)(torch.randn(2, 1, 4))
    assert "torch.func" in reasons[0]
    assert explain(layer, torch.randn(2, 1, 4)).chosen == "native"


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")  # torch's own
def test_forward_mode_goes_through_the_reference():
    layer, x, direction = (
        LSTM(4, 5).requires_grad_(False),
        torch.randn(3, 2, 4),
        torch.ones(3, 2, 4),
    )
    with forward_ad.dual_level():
        y, _ = layer(forward_ad.make_dual(x, direction))
        tangent = forward_ad.unpack_dual(y).tangent
    step = 1e-3
    wanted = (layer(x + step * direction)[0] - layer(x - step * direction)[0]) / (2 * step)
    torch.testing.assert_close(tangent, wanted, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("directions", [1, 2])
def test_autocast_gives_what_torch_gives(dtype: torch.dtype, directions: int):
    ours, theirs = (
        LSTM(4, 5, 2, bidirectional=directions == 2),
        nn.LSTM(4, 5, 2, bidirectional=directions == 2),
    )
    theirs.load_state_dict(ours.state_dict())
    results = []
    for layer in (ours, theirs):
        x = torch.randn(6, 3, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            y, (h_n, c_n) = layer(x.to(dtype))
            loss = y.float().sum()
        loss.backward()
        gradients = [x.grad, *(each.grad for each in layer.parameters())]
        results.append([y, h_n, c_n, *gradients])
    for a, b in zip(*results, strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b, rtol=5e-2, atol=5e-2)  # theirs computes in bfloat16


def test_autocast_runs_the_core():
    with torch.autocast("cpu", torch.bfloat16):
        assert explain(LSTM(4, 5), torch.randn(2, 1, 4).bfloat16()).chosen == "native"


needs_bfloat16 = pytest.mark.skipif(not core.has_bfloat16(), reason="no products of bfloat16 here")


def _rounded(values: Tensor) -> Tensor:
    return values.bfloat16().float()


@needs_bfloat16
def test_autocast_rounds_the_operands_of_products_and_nothing_else():
    layer, x = LSTM(40, 128), torch.randn(1, 9, 40)
    with torch.no_grad():
        exact, (_, c_exact) = layer(x)
        with torch.autocast("cpu", torch.bfloat16):
            assert 1e-4 < (layer(x)[1][1].float() - c_exact).abs().max() < 2e-2
        for each in (layer.get_parameter("weight_ih_l0"), x):
            each.copy_(_rounded(each))
        exact, (_, c_exact) = layer(x)
        with torch.autocast("cpu", torch.bfloat16):
            y, (_, c) = layer(x)
    # Of operands that are bfloat16 already, what autocast makes of the result is all the rounding.
    assert (y - exact.bfloat16()).abs().max() <= 2**-8
    assert (c - c_exact.bfloat16()).abs().max() <= 2**-7
    assert (y == exact.bfloat16()).float().mean() > 0.99


@needs_bfloat16
@pytest.mark.parametrize("kind", [LSTM, GRU, RNN])
@pytest.mark.parametrize("width", [64, 100])
def test_autocast_has_the_gradients_of_float32_within_its_rounding(kind: type, width: int):
    layer = kind(30, width, 2, bidirectional=True)
    lengths = torch.tensor([12, 0, 3, 12, 7] * 4)
    x = torch.randn(12, 20, 30, requires_grad=True)
    wanted, found = [], []
    for results, enabled in ((wanted, False), (found, True)):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            y = layer(x, lengths=lengths)[0]
        loss = (y.float() * torch.linspace(-1, 1, y.shape[2])).sum()
        results += [y.float(), *torch.autograd.grad(loss, [x, *layer.parameters()])]
    for a, b in zip(found, wanted, strict=True):
        assert 0 < (a - b).norm() < 2e-2 * b.norm()


@needs_bfloat16
def test_autocast_keeps_to_its_batch_and_its_threads():
    layer, x = LSTM(40, 128), torch.randn(12, 9, 40)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        whole = layer(x)[0]
        assert torch.equal(layer(x[:, 4:5])[0], whole[:, 4:5])
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        alone = layer(x)[0]
        torch.set_num_threads(threads)
        assert torch.equal(alone, whole)


def test_a_copy_is_independent():
    layer, x = LSTM(4, 64), torch.randn(3, 2, 4)
    twin = copy.deepcopy(layer)
    with torch.no_grad():
        before = layer(x)[0]
        twin.get_parameter("weight_hh_l0").zero_()
        assert torch.equal(layer(x)[0], before)
        assert not torch.equal(twin(x)[0], before)


def test_threads_do_not_disturb_each_other():
    layers = [LSTM(8, 64, bidirectional=True) for _ in range(4)]
    x = torch.randn(20, 3, 8)

    def work(layer: LSTM) -> list[Tensor]:
        y, _ = layer(x)
        return [y, *torch.autograd.grad(y.square().sum(), list(layer.parameters()))]

    alone = [work(layer) for layer in layers]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for found, known in zip(pool.map(work, layers), alone, strict=True):
                assert all(torch.equal(a, b) for a, b in zip(found, known, strict=True))
