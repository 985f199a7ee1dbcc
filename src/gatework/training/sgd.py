"""Plain stochastic gradient descent for named parameters."""

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor, nn

from gatework.errors import InputError


@final
class SGD:
    """Steps against the gradient, with weight decay of matrices and nothing else in it.

    Args:
        parameters: What to train, by name; each once.
        weight_decay: The decay of those with two dimensions or more, as a part of the gradient.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], weight_decay: float) -> None:
        self._parameters, self._weight_decay = list(parameters.values()), weight_decay

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move the parameters that have gradients, at a learning rate."""
        for parameter in self._parameters:
            if parameter.grad is None:
                continue
            if self._weight_decay and parameter.ndim >= 2:
                parameter.mul_(1 - rate * self._weight_decay)
            parameter.add_(parameter.grad, alpha=-rate)

    def clear(self) -> None:
        """Drop the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """Return nothing: it has no state."""
        return {}

    def load(self, tensors: Mapping[str, Tensor], origin: str) -> None:
        """Continue from a checkpoint; `origin` is for messages.

        Raises:
            InputError: It is of another optimizer.
        """
        if tensors:
            raise InputError(f"{origin} is of another optimizer than SGD, which has no state.")
