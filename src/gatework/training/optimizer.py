"""AdamW for named parameters: torch's fused kernel, without torch's Optimizer around it.

Making any torch.optim.Optimizer imports the compiler (a second or more, for nothing), and its
bookkeeping takes longer than the arithmetic of a small model.
"""

from collections.abc import Mapping
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from gatework.errors import InputError

BETAS = (0.9, 0.999)
EPSILON = 1e-8


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
        matrices = [name for name, parameter in parameters.items() if parameter.ndim >= 2]
        others = [name for name, parameter in parameters.items() if parameter.ndim < 2]
        self._groups = ((weight_decay, matrices), (0.0, others))

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move the parameters that have gradients, at a learning rate."""
        for weight_decay, names in self._groups:
            parameters: list[Tensor] = []
            gradients: list[Tensor] = []
            moments: list[Moments] = []
            for name in names:
                parameter = self._parameters[name]
                if parameter.grad is not None:
                    parameters.append(parameter)
                    gradients.append(parameter.grad)
                    moments.append(self._moments[name])
            if not parameters:
                continue
            adamw(
                parameters,
                gradients,
                [moment.first for moment in moments],
                [moment.second for moment in moments],
                [],
                [moment.steps for moment in moments],
                fused=True,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=rate,
                weight_decay=weight_decay,
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
