"""An exponential moving average of a model's weights (after Polyak & Juditsky 1992)."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import final

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


@final
class WeightAverage:
    """The average of some parameters, updated after every step.

    Args:
        parameters: The parameters by name.
        decay: Weight of the past in each update, once there is enough of a past.
    """

    def __init__(self, parameters: Mapping[str, Tensor], decay: float) -> None:
        self._parameters = dict(parameters)
        self._decay = decay
        self._average = {name: value.detach().clone() for name, value in parameters.items()}

    def update(self, step: int) -> None:
        """Take in the parameters as they are after `step` (from 1)."""
        # A short past: or the initial weights would weigh for 1 / (1 - decay) steps.
        decay = min(self._decay, (1 + step) / (10 + step))
        values = [value.detach() for value in self._parameters.values()]
        with torch.no_grad():
            get_ema_multi_avg_fn(decay)(list(self._average.values()), values, step)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Give the model the average for a while, then its own weights back, bit for bit."""
        own = {name: value.detach().clone() for name, value in self._parameters.items()}
        self.apply()
        try:
            yield
        finally:
            self._copy(own, self._parameters)

    def apply(self) -> None:
        """Give the model the average for good."""
        self._copy(self._average, self._parameters)

    def tensors(self) -> dict[str, Tensor]:
        """Return the average by parameter name, for a checkpoint."""
        return self._average

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from a checkpoint's average."""
        self._copy(tensors, self._average)

    @staticmethod
    @torch.no_grad()
    def _copy(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
        for name, value in target.items():
            value.copy_(source[name])
