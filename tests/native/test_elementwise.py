"""Dropout, changes of dtype and cross-entropy of the core: beside torch, and beside float64."""

import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn import functional

from gatework.errors import InputError
from gatework.ops import core, cross_entropy, drop
from gatework.ops.elementwise import DROPOUT, convert
from gatework.ops.noise import hits

pytestmark = pytest.mark.skipif(core.UNAVAILABLE is not None, reason=str(core.UNAVAILABLE))

NUMBERS = [torch.float32, torch.bfloat16]
SHAPES = [(1, 1), (7, 13), (5, 7, 300), (64, 4, 32), (2, 3, 5, 16), (3, 0, 4)]
SEED = torch.tensor((1 << 62) + 12345)


def by_torch(x: Tensor, probability: float, seed: Tensor = SEED) -> Tensor:
    """The same masks, by the hash in torch."""
    hit = hits(int(seed), DROPOUT, probability, torch.arange(x.shape[-2]), x.shape[-1])
    return (x.float() * torch.where(hit, 0.0, 1 / (1 - probability))).to(x.dtype)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_drop_is_the_hash_in_torch(shape: tuple[int, ...], dtype: torch.dtype):
    x = torch.randn(shape).to(dtype)
    for probability in (0.1, 0.25, 0.9):
        assert torch.equal(drop(x, probability, SEED), by_torch(x, probability))
    strided = torch.randn(*shape[:-1], 2 * shape[-1]).to(dtype)[..., ::2]
    assert torch.equal(drop(strided, 0.5, SEED), by_torch(strided, 0.5))


EVERY_SET = """
import sys, torch
sys.path.insert(0, sys.argv[2])
from native.test_elementwise import *
assert core.setting().isa == sys.argv[1], core.setting()
for shape in SHAPES:
    for dtype in NUMBERS:
        test_drop_is_the_hash_in_torch(shape, dtype)
for dtype in NUMBERS:
    test_convert_rounds_as_torch_does(dtype)
    for size in SIZES:
        test_cross_entropy_beside_float64(*size, dtype)
"""


@pytest.mark.parametrize("isa", ["generic", "avx2", "avx512"])
def test_every_instruction_set_does_the_same(isa: str):
    tests = os.path.dirname(os.path.dirname(__file__))
    result = subprocess.run(
        [sys.executable, "-c", EVERY_SET, isa, tests],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"GATEWORK_ISA": isa},
    )
    if "this machine runs" in result.stderr:
        pytest.skip(result.stderr.splitlines()[-1])
    assert result.returncode == 0, result.stderr


def test_the_rate_is_met_and_one_mask_holds_for_all_steps():
    torch.manual_seed(0)
    y = drop(torch.ones(3, 1_000, 1_001), 0.3)
    assert torch.equal(y[0], y[1])
    assert torch.equal(y[0], y[2])
    dropped = (y[0] == 0).double()
    assert float(dropped.mean()) == pytest.approx(0.3, abs=5 * (0.3 * 0.7 / 1e6) ** 0.5)
    for other in (dropped.roll(1, 0), dropped.roll(1, 1)):  # neighbours know nothing of each other
        assert abs(float(((dropped - 0.3) * (other - 0.3)).mean())) < 5 * 0.21 / 1e3
    assert y.unique().tolist() == pytest.approx([0, 1 / 0.7])


def test_a_seed_of_torch_repeats_a_mask_on_any_number_of_threads():
    x, before, found = torch.randn(64, 32, 96), torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            torch.manual_seed(5)
            found.append(drop(x, 0.5))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], drop(x, 0.5))


@pytest.mark.parametrize("dtype", NUMBERS)
def test_gradients_of_drop_meet_the_same_mask(dtype: torch.dtype):
    x = torch.randn(5, 4, 33).to(dtype).requires_grad_()
    dy = torch.randn(5, 4, 33).to(dtype).requires_grad_()
    (dx,) = torch.autograd.grad(drop(x, 0.4, SEED), x, dy, create_graph=True)
    assert torch.equal(dx, by_torch(dy, 0.4))
    (again,) = torch.autograd.grad(dx, dy, torch.ones_like(dx))
    assert torch.equal(again, by_torch(torch.ones_like(dx), 0.4))


def test_drop_compiles_and_transforms_with_the_same_masks():
    x = torch.randn(5, 4, 33)

    def run(x: Tensor, seed: Tensor) -> Tensor:
        return drop(x, 0.4, seed)

    compiled = torch.compile(run, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x, SEED), drop(x, 0.4, SEED))
    found = grad(lambda x: run(x, SEED).square().sum())(x)
    torch.testing.assert_close(found, 2 * drop(drop(x, 0.4, SEED), 0.4, SEED))
    each = vmap(run, in_dims=(0, None))(x, SEED)
    torch.testing.assert_close(each, drop(x, 0.4, SEED))


def test_what_drop_leaves_alone_or_refuses():
    x = torch.randn(4, 5)
    assert drop(x, 0.0) is x
    assert drop(x.double(), 0.5).dtype == torch.float64
    for probability in (-0.1, 1.0):
        with pytest.raises(InputError, match="dropout is"):
            drop(x, probability)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_convert_rounds_as_torch_does(dtype: torch.dtype):
    bits = torch.randint(-(1 << 31), 1 << 31, (100_000,), dtype=torch.int64).to(torch.int32)
    ends = [0.0, -0.0, float("inf"), -float("inf"), float("nan"), 1e-45, 3.4e38, 1.00390625]
    x = torch.cat([bits.view(torch.float32), torch.tensor(ends)]).to(dtype)
    for other in NUMBERS:
        found = convert(x, other)
        assert found.dtype == other
        torch.testing.assert_close(found, x.to(other), rtol=0, atol=0, equal_nan=True)


def test_the_gradient_of_convert_comes_back_in_its_dtype():
    x = torch.randn(3, 40, requires_grad=True)
    (dx,) = torch.autograd.grad(convert(x, torch.bfloat16), x, torch.ones(3, 40).bfloat16())
    assert dx.dtype == torch.float32
    assert torch.equal(dx, torch.ones(3, 40))


SIZES = [(1, 1), (5, 2), (33, 16), (64, 67), (7, 1_000)]


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize(("rows", "classes"), SIZES)
def test_cross_entropy_beside_float64(rows: int, classes: int, dtype: torch.dtype):
    torch.manual_seed(0)
    logits = (4 * torch.randn(rows, classes)).to(dtype).requires_grad_()
    exact = logits.detach().double().requires_grad_()
    targets = torch.randint(classes, (rows,))
    loss, wanted = cross_entropy(logits, targets), functional.cross_entropy(exact, targets)
    # Sums of float32, and a gradient that is rounded once to the dtype of the logits.
    assert float(loss.detach()) == pytest.approx(float(wanted.detach()), rel=2e-6, abs=1e-6)
    for factor in (1.0, 0.5):
        (found,) = torch.autograd.grad(loss, logits, torch.tensor(factor), retain_graph=True)
        (right,) = torch.autograd.grad(wanted, exact, torch.tensor(factor).double(), True)
        near = {torch.float32: 1e-6, torch.bfloat16: 2**-8}[dtype]
        torch.testing.assert_close(found.double(), right, rtol=near, atol=1e-6 / rows)


def test_cross_entropy_of_extremes():
    logits = torch.tensor([[-1e30, 5.0, 5.0], [0.0, -float("inf"), 0.0], [1e30, 0.0, 0.0]])
    targets = torch.tensor([1, 2, 0])
    wanted = functional.cross_entropy(logits, targets)
    torch.testing.assert_close(cross_entropy(logits, targets), wanted)
    assert cross_entropy(torch.tensor([[0.0, float("nan")]]), torch.tensor([0])).isnan()


def test_a_second_derivative_of_cross_entropy():
    logits = torch.randn(4, 5, requires_grad=True)
    targets = torch.randint(5, (4,))
    seconds = []
    for function in (cross_entropy, functional.cross_entropy):
        (first,) = torch.autograd.grad(function(logits, targets), logits, create_graph=True)
        seconds.append(torch.autograd.grad(first.square().sum(), logits)[0])
    torch.testing.assert_close(*seconds)


def test_cross_entropy_does_not_depend_on_the_number_of_threads():
    logits, targets = torch.randn(2_000, 67), torch.randint(67, (2_000,))
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(core.choose(logits, targets))
    finally:
        torch.set_num_threads(before)
    for losses, gradient in found[1:]:
        assert torch.equal(losses, found[0][0])
        assert torch.equal(gradient, found[0][1])


@pytest.mark.parametrize("target", [-1, 5])
def test_a_target_that_is_no_class(target: int):
    with pytest.raises(InputError, match=r"0\.\.classes - 1"):
        cross_entropy(torch.randn(2, 5), torch.tensor([0, target]))


@pytest.mark.parametrize("call", ["drop(torch.ones(9, 9), 0.5)", "cross_entropy(x, x.argmax(1))"])
def test_the_first_call_of_a_process_settles_what_the_core_runs_on(call: str) -> None:
    """Else its threads would not be torch's, and the two sets would stall each other."""
    code = f"""
import torch
from gatework import _native
from gatework.ops import core, cross_entropy, drop

x = torch.ones(9, 9)
{call}
assert core.setting.cache_info().currsize == 1
assert _native.isa_current() == "generic"
"""
    environment = os.environ | {core.ISA_VARIABLE: "generic"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
