"""Our AdamW takes the steps of torch's, and its state goes to a file and back."""

import pytest
import torch
from torch import nn

from gatework.errors import InputError
from gatework.training.optimizer import AdamW
from training.toys import Pair, recurrent_model, squared_error


def backward(model: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    dtype = next(model.parameters()).dtype
    x = torch.randn(4, 10, 1, generator=generator, dtype=dtype)
    squared_error(model, Pair(x, x.sum(1))).backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_its_steps_are_those_of_torch(dtype):
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
        optimizer.step(rate)
        torchs.step()
    for mine, torch_own in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, torch_own)


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
