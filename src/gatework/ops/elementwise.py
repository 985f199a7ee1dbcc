"""Dropout, changes of dtype, and the loss of a choice: by the native core where it can.

Around a small scan these take as long as the scan, for the memory that they go through. The core
makes each in one pass, in memory that it keeps; elsewhere torch makes the same.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatework.ops import core, transforms
from gatework.ops.noise import SEEDS, check_probability, hits

DROPOUT = 3  # its stream of masks; the others are those of zoneout and recurrent dropout

_NUMBERS = (torch.float32, torch.bfloat16)
_PLAIN = frozenset((Tensor, nn.Parameter))


def drop(x: Tensor, probability: float, seed: Tensor | None = None) -> Tensor:
    """Zero values of x, and scale the others by 1 / (1 - p); one mask holds for all steps.

    Srivastava et al. 2014; of a sequence's features, the same at all steps: Gal & Ghahramani 2016
    (arXiv:1512.05287). The mask is a hash of a seed, so a backward pass draws it again.

    Args:
        x: (..., rows, width): the mask is (rows, width).
        probability: from 0 to below 1.
        seed: () int64, 0 to 2^63 - 1; None draws one from torch's generator of the device.

    Returns:
        As x, in its dtype.

    Raises:
        InputError: the probability is out of range.

    Example:
        >>> y = drop(torch.ones(5, 40, 100), 0.25)
        >>> torch.equal(y[0], y[4]), 0.2 < float((y == 0).float().mean()) < 0.3
        (True, True)
    """
    check_probability("dropout", probability)
    if probability == 0:
        return x
    if seed is None:
        seed = torch.randint(SEEDS - 1, (), device=x.device)
    if x.dim() >= 2 and _is_for_core(x):
        return _Dropped.apply(x, probability, int(seed), x.dtype)  # pyright: ignore[reportReturnType]
    rows = torch.arange(x.shape[-2], device=x.device)
    hit = hits(seed, DROPOUT, probability, rows, x.shape[-1])
    mask = torch.where(hit, 0.0, 1 / (1 - probability))
    return (x * mask.to(torch.promote_types(x.dtype, torch.float32))).to(x.dtype)


def convert(x: Tensor, dtype: torch.dtype) -> Tensor:
    """x.to(dtype), and the gradient back in the dtype of x."""
    if x.dtype == dtype or dtype not in _NUMBERS or not _is_for_core(x):
        return x.to(dtype)
    return _Dropped.apply(x, 0.0, 0, dtype)  # pyright: ignore[reportReturnType]


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over N of -log softmax(logits)[target], in nats.

    Args:
        logits: (N, V).
        targets: (N,) int64, 0 to V - 1.

    Returns:
        A scalar of float32, or wider where the logits are.

    Raises:
        InputError: a target is no class.

    Example:
        >>> logits, targets = torch.randn(5, 9), torch.randint(9, (5,))
        >>> expected = functional.cross_entropy(logits, targets)
        >>> torch.allclose(cross_entropy(logits, targets), expected)
        True
    """
    if len(logits) and _is_for_core(logits):
        return _CrossEntropy.apply(logits, targets)  # pyright: ignore[reportReturnType]
    return _by_torch(logits, targets)


def _is_for_core(x: Tensor) -> bool:
    """Whether this is eager torch on a plain tensor that the core reads."""
    return (
        not torch.compiler.is_compiling()
        and core.UNAVAILABLE is None
        and x.is_cpu
        and x.dtype in _NUMBERS
        and 0 < x.dim() <= core.MOST_AXES
        and type(x) in _PLAIN
        and torch._C._len_torch_dispatch_stack() == 0
        and torch._C._get_tracing_state() is None
        and transforms.refusal("its kernels") is None
    )


def _by_torch(logits: Tensor, targets: Tensor) -> Tensor:
    wide = torch.promote_types(logits.dtype, torch.float32)
    return functional.cross_entropy(logits.to(wide), targets)


class _Dropped(torch.autograd.Function):
    # Linear in x: its gradient, and that of its gradient, is itself with the same mask.
    @staticmethod
    def forward(ctx: Any, x: Tensor, probability: float, seed: int, dtype: torch.dtype) -> Tensor:
        ctx.settings = probability, seed, x.dtype
        return core.drop(x.contiguous(), probability, seed, dtype)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None, None]:
        return _Dropped.apply(dy, *ctx.settings), None, None, None  # pyright: ignore[reportReturnType]


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        losses, gradient = core.choose(logits.contiguous(), targets)
        ctx.save_for_backward(logits, targets, gradient)
        return losses.mean()

    @staticmethod
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor, None]:
        logits, targets, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient must be differentiable too
            with torch.autocast(logits.device.type, enabled=False):
                loss = _by_torch(logits, targets)
            return torch.autograd.grad(loss, logits, d_loss, create_graph=True)[0], None
        return (gradient if d_loss == 1 else gradient * d_loss.to(gradient.dtype)), None
