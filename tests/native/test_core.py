"""The core from Python: every instruction set, threads, strides, memory, fork."""

import multiprocessing
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from gatework.layers import LSTM
from gatework.ops import core

pytestmark = pytest.mark.skipif(core.UNAVAILABLE is not None, reason=str(core.UNAVAILABLE))


def gradients(layer: LSTM, x: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
    x = x.detach().requires_grad_()
    y, (h_n, c_n) = layer(x, lengths=lengths)
    loss = y.square().sum() + h_n.sin().sum() + c_n.cos().sum()
    return [y, h_n, c_n, *torch.autograd.grad(loss, [x, *layer.parameters()])]


RUN = """
import sys, torch
from gatework.layers import LSTM
from gatework.ops import core
torch.manual_seed(0)
layer, x = LSTM(5, 37), torch.randn(13, 6, 5, requires_grad=True)
truth = torch.nn.LSTM(5, 37).double()
truth.load_state_dict(layer.state_dict())
y = layer(x, )[0]
z = truth(x.double())[0]
found = torch.autograd.grad(y.sin().sum(), [x, *layer.parameters()])
known = torch.autograd.grad(z.sin().sum(), [x, *truth.parameters()])
assert core.setting().isa == sys.argv[1], core.setting()
for a, b in zip([y, *found], [z, *known], strict=True):
    assert torch.allclose(a.double(), b.double(), rtol=1e-4, atol=1e-5)
"""


@pytest.mark.parametrize("isa", ["generic", "avx2", "avx512"])
def test_every_instruction_set_agrees_with_float64(isa: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GATEWORK_ISA", isa)
    command = [sys.executable, "-c", RUN, isa]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if "this machine runs" in result.stderr:
        pytest.skip(result.stderr.splitlines()[-1])
    assert result.returncode == 0, result.stderr


def test_an_unknown_instruction_set_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GATEWORK_ISA", "z80")
    result = subprocess.run(
        [sys.executable, "-c", RUN, "z80"], capture_output=True, text=True, check=False
    )
    assert "GATEWORK_ISA is 'z80'; this machine runs" in result.stderr


def test_results_do_not_depend_on_the_number_of_threads():
    layer, x = LSTM(24, 96), torch.randn(20, 40, 24)
    lengths = torch.randint(0, 21, (40,))
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(gradients(layer, x, lengths))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_strided_inputs_are_read_in_place():
    layer = LSTM(6, 10)
    whole = torch.randn(4, 9, 12)
    for view in (whole[..., :6].transpose(0, 1), whole[::2, :, 3:9], whole[:1, :1, :6]):
        for a, b in zip(gradients(layer, view), gradients(layer, view.clone()), strict=True):
            assert torch.equal(a, b)


def test_backward_twice_gives_the_same_gradients():
    layer, x = LSTM(3, 20), torch.randn(7, 2, 3)
    y, _ = layer(x)
    first = torch.autograd.grad(y.sum(), list(layer.parameters()), retain_graph=True)
    second = torch.autograd.grad(y.sum(), list(layer.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_only_the_gradients_that_are_needed_are_made():
    layer, x = LSTM(3, 5), torch.randn(4, 2, 3, requires_grad=True)
    layer.requires_grad_(False)
    (dx,) = torch.autograd.grad(layer(x)[0].sum(), [x])
    assert dx.shape == x.shape
    layer.requires_grad_(True)
    layer.bias_hh_l0.requires_grad_(False)
    layer(x.detach())[0].sum().backward()
    assert layer.weight_hh_l0.grad is not None
    assert layer.bias_hh_l0.grad is None


def test_a_changed_output_is_noticed():
    layer, x = LSTM(3, 5), torch.randn(4, 2, 3)
    y, _ = layer(x)
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def _in_child(queue: "multiprocessing.Queue[bool]", layer: LSTM, x: Tensor) -> None:
    # Small, so that only the core uses threads: torch's own parallel loops hang after a fork.
    y, _ = layer(x)
    queue.put(bool(y[-1, -1, :4].isfinite().all()))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    layer, x = LSTM(64, 64).requires_grad_(False), torch.ones(4, 64, 64)
    layer(x)  # the parent's team is running
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue, layer, x))
    child.start()
    try:
        assert queue.get(timeout=30)
    finally:
        child.join(10)
        child.kill()
        torch.set_num_threads(before)
    assert child.exitcode == 0


def test_a_tape_is_not_handed_out_twice():
    layer, x = LSTM(64, 64), torch.randn(50, 40, 64)  # its tape is large enough to be kept
    alone = gradients(layer, x)
    first, second = layer(x)[0], layer(2 * x)[0]  # two tapes at once
    of_second = torch.autograd.grad(second.sum(), list(layer.parameters()))
    of_first = torch.autograd.grad(first.sum(), list(layer.parameters()))
    for given, factor in ((of_first, 1), (of_second, 2)):
        again = torch.autograd.grad(layer(factor * x)[0].sum(), list(layer.parameters()))
        assert all(torch.equal(a, b) for a, b in zip(given, again, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(gradients(layer, x), alone, strict=True))
