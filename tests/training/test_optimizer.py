"""Our AdamW takes the steps of torch's, and its state goes to a file and back."""

import pytest
import torch
from torch import nn

from gatework.errors import InputError
from gatework.ops import core
from gatework.training.optimizer import AdamW, gradient_norm, shrinking
from training.toys import Pair, recurrent_model, squared_error


def backward(model: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    dtype = next(model.parameters()).dtype
    x = torch.randn(4, 10, 1, generator=generator, dtype=dtype)
    squared_error(model, Pair(x, x.sum(1))).backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("limit", [None, 0.1])
def test_its_steps_are_those_of_torch(dtype, limit):
    ours, theirs = (recurrent_model().to(dtype).eval() for _ in range(2))
    optimizer = AdamW(dict(ours.named_parameters()), weight_decay=0.3)
    torchs = torch.optim.AdamW(
        [
            {"params": [p for p in theirs.parameters() if p.ndim >= 2], "weight_decay": 0.3},
            {"params": [p for p in theirs.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ]
    )
    for rate in (0.1, 0.02, 0.05):
        for group in torchs.param_groups:
            group["lr"] = rate
        optimizer.clear()
        torchs.zero_grad()
        for model in (ours, theirs):
            backward(model, int(1000 * rate))
        norm = gradient_norm(ours.parameters())
        of_torch = nn.utils.clip_grad_norm_(theirs.parameters(), limit or float("inf"))
        assert norm == pytest.approx(float(of_torch), rel=1e-6)
        optimizer.step(rate, shrinking(norm, limit))
        torchs.step()
    for mine, torch_own in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, torch_own)


@pytest.mark.skipif(core.UNAVAILABLE is not None, reason=str(core.UNAVAILABLE))
def test_large_parameters_beside_float64_on_any_number_of_threads():
    shapes, before, found = [(300, 401), (1,), (70_000,), (0, 3)], torch.get_num_threads(), []
    exact = None
    try:
        for threads, dtype in (
            (1, torch.float32),
            (2, torch.float32),
            (3, torch.float32),
            (1, torch.float64),
        ):
            torch.set_num_threads(threads)
            torch.manual_seed(0)
            drawn = [(torch.randn(shape), torch.randn(shape)) for shape in shapes]
            parameters = {
                str(n): nn.Parameter(value.to(dtype)) for n, (value, _) in enumerate(drawn)
            }
            optimizer = AdamW(parameters, weight_decay=0.1)
            for step in (1, 2):
                for parameter, (_, gradient) in zip(parameters.values(), drawn, strict=True):
                    parameter.grad = (step * gradient).to(dtype)
                norm = gradient_norm(parameters.values())
                optimizer.step(0.01, shrinking(norm, 1.0))
            result = [norm, *parameters.values()]
            if dtype == torch.float64:
                exact = result
            else:
                found.append(result)
    finally:
        torch.set_num_threads(before)
    assert exact is not None
    for norm, *values in found:
        assert norm == found[0][0] == pytest.approx(exact[0], rel=1e-6)
        for value, first, right in zip(values, found[0][1:], exact[1:], strict=True):
            assert torch.equal(value, first)
            torch.testing.assert_close(value.double(), right, rtol=1e-5, atol=1e-6)


def test_a_backward_pass_through_weights_that_moved_is_refused():
    layer = nn.Linear(3, 3)
    loss = layer(layer(torch.ones(1, 3))).sum()
    loss.backward(retain_graph=True)
    AdamW(dict(layer.named_parameters()), 0.0).step(0.1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_gradients_of_other_layouts():
    layer, other = nn.Linear(5, 5, bias=False), nn.Linear(5, 5, bias=False)
    other.load_state_dict(layer.state_dict())
    gradient = torch.randn(5, 5)
    layer.weight.grad, other.weight.grad = gradient.t(), gradient.t().contiguous()
    assert gradient_norm(layer.parameters()) == gradient_norm(other.parameters())
    for each in (layer, other):
        AdamW(dict(each.named_parameters()), 0.0).step(0.1)
    assert torch.equal(layer.weight, other.weight)


def test_a_parameter_without_gradient_stays_and_counts_no_step():
    model = recurrent_model()
    optimizer = AdamW(dict(model.named_parameters()), weight_decay=0.3)
    before = model.readout.weight.detach().clone()
    model.lstm(torch.ones(1, 2, 1))[0].sum().backward()
    optimizer.step(0.1)
    assert torch.equal(model.readout.weight, before)
    steps = {name: t.item() for name, t in optimizer.tensors().items() if name.endswith(":steps")}
    assert steps["readout.weight:steps"] == 0
    assert steps["lstm.weight_hh_l0:steps"] == 1


def test_its_state_goes_on_in_another():
    one, two = recurrent_model().eval(), recurrent_model().eval()
    first = AdamW(dict(one.named_parameters()), weight_decay=0.0)
    backward(one, 1)
    first.step(0.1)
    two.load_state_dict(one.state_dict())
    second = AdamW(dict(two.named_parameters()), weight_decay=0.0)
    second.load(first.tensors(), "optimizer.safetensors")
    for model, optimizer in ((one, first), (two, second)):
        optimizer.clear()
        backward(model, 2)
        optimizer.step(0.1)
    for mine, other in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_the_state_of_other_parameters_is_refused():
    small = AdamW(dict(nn.Linear(2, 1).named_parameters()), weight_decay=0.0)
    large = AdamW(dict(nn.Linear(3, 1).named_parameters()), weight_decay=0.0)
    with pytest.raises(InputError, match=r"optimizer\.safetensors does not fit"):
        large.load(small.tensors(), "optimizer.safetensors")
