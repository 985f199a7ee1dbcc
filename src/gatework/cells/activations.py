"""The activation functions that a cell may name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from gatework.errors import InputError


def hard_sigmoid(x: Tensor) -> Tensor:
    """Return clamp(x / 6 + 1/2, 0, 1), as torch and Keras 3 define it.

    Torch's own operator has no second derivative.
    """
    return torch.clamp(x / 6 + 0.5, 0, 1)


def identity(x: Tensor) -> Tensor:
    """Return `x` itself."""
    return x


ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "hard_sigmoid": hard_sigmoid,
        "relu": torch.relu,
        "identity": identity,
    }
)


def check_activation(
    argument: str, name: str, allowed: tuple[str, ...] = tuple(ACTIVATIONS)
) -> None:
    """Raise InputError unless `name`, given for `argument`, is one of `allowed`."""
    if name not in allowed:
        raise InputError(f"{argument} is {name!r}; expected one of {', '.join(allowed)}.")
