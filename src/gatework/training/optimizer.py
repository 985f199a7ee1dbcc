"""AdamW for named parameters, by our core or by torch's fused kernel, and no Optimizer around it.

Making any torch.optim.Optimizer imports the compiler (a second or more, for nothing), and its
bookkeeping takes longer than the arithmetic of a small model. On a processor the core takes a step
with all parameters in one pass; elsewhere torch does.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim.adamw import adamw

from gatework.errors import InputError
from gatework.ops import core

BETAS = (0.9, 0.999)
EPSILON = 1e-8
NORM_EPSILON = 1e-6  # torch's, in clipping


def gradient_norm(parameters: Iterable[nn.Parameter]) -> float:
    """Return the 2-norm of all gradients that there are.

    Example:
        >>> layer = nn.Linear(2, 1, bias=False)
        >>> layer.weight.grad = torch.tensor([[3.0, 4.0]])
        >>> gradient_norm(layer.parameters())
        5.0
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    if _are_for_core(gradients):
        return core.norm([each.contiguous() for each in gradients])
    return get_total_norm(gradients, foreach=True).item()


def shrinking(norm: float, limit: float | None) -> float:
    """Return what gradients of a norm are multiplied by, so that it is `limit` at most."""
    return 1.0 if limit is None or norm <= limit else limit / (norm + NORM_EPSILON)


def _are_for_core(tensors: Iterable[Tensor]) -> bool:
    return core.UNAVAILABLE is None and all(
        [each.is_cpu and each.dtype == torch.float32 and not each.is_sparse for each in tensors]
    )


class Moments(NamedTuple):
    """What AdamW keeps of one parameter: its first and second moment, and its steps as a scalar."""

    first: Tensor
    second: Tensor
    steps: Tensor


@final
class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019), of matrices and nothing else.

    Args:
        parameters: What to train, by name; each once.
        weight_decay: The decay of those with two dimensions or more.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], weight_decay: float) -> None:
        self._parameters = dict(parameters)
        self._moments = {
            name: Moments(
                torch.zeros_like(parameter, memory_format=torch.preserve_format),
                torch.zeros_like(parameter, memory_format=torch.preserve_format),
                torch.zeros((), dtype=torch.float32, device=parameter.device),
            )
            for name, parameter in parameters.items()
        }
        self._decays = {
            name: weight_decay if parameter.ndim >= 2 else 0.0
            for name, parameter in parameters.items()
        }

    @torch.no_grad()
    def step(self, rate: float, shrink: float = 1.0) -> None:
        """Move the parameters that have gradients; those are multiplied by `shrink` first."""
        parts = [
            core.AdamWPart(parameter, parameter.grad, *self._moments[name], self._decays[name])
            for name, parameter in self._parameters.items()
            if parameter.grad is not None
        ]
        if _are_for_core([part.value for part in parts]) and all(
            [part.value.is_contiguous() for part in parts]
        ):
            parts = [part._replace(gradient=part.gradient.contiguous()) for part in parts]
            core.adamw(parts, core.AdamWSettings(rate, *BETAS, EPSILON, shrink))
            # Autograd must see that what it may have kept for a backward pass has changed.
            torch.autograd.graph.increment_version([part.value for part in parts])
            return
        for decay in sorted({part.decay for part in parts}):
            same = [part for part in parts if part.decay == decay]
            adamw(
                [part.value for part in same],
                [part.gradient if shrink == 1 else part.gradient * shrink for part in same],
                [part.first for part in same],
                [part.second for part in same],
                [],
                [part.steps for part in same],
                fused=True,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=rate,
                weight_decay=decay,
                eps=EPSILON,
                maximize=False,
            )

    def clear(self) -> None:
        """Drop the gradients."""
        for parameter in self._parameters.values():
            parameter.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """Return the moments as `<parameter>:<field>`, for a checkpoint."""
        return {
            f"{name}:{field}": tensor
            for name, moments in self._moments.items()
            for field, tensor in moments._asdict().items()
        }

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor], origin: str) -> None:
        """Continue from a checkpoint's moments; `origin` is for messages.

        Raises:
            InputError: They are of other parameters.
        """
        own = self.tensors()
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        if shapes != {name: tensor.shape for name, tensor in own.items()}:
            raise InputError(f"{origin} does not fit the trainable parameters of this model.")
        for name, tensor in own.items():
            tensor.copy_(tensors[name])
