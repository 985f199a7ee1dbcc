"""Averages of a model's weights, which are validated and kept in their place."""

import abc
import contextlib
from collections.abc import Iterator, Mapping
from typing import final

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


class AbstractAverage(abc.ABC):
    """The average of some parameters, updated after every step.

    Args:
        parameters: The parameters by name.
    """

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self._parameters = dict(parameters)
        self._average = {name: value.detach().clone() for name, value in parameters.items()}

    @property
    @abc.abstractmethod
    def has_begun(self) -> bool:
        """Whether there is an average; before, the model's own weights stand for it."""

    @abc.abstractmethod
    def update(self, step: int) -> None:
        """Take in the parameters as they are after `step` (from 1)."""

    @abc.abstractmethod
    def notice(self, validation: float) -> None:
        """Hear how the average, or what stands for it, was validated."""

    @abc.abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Return all there is to know by name, for a checkpoint."""

    @abc.abstractmethod
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from a checkpoint's tensors."""

    @final
    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Give the model the average for a while, then its own weights back, bit for bit."""
        own = {name: value.detach().clone() for name, value in self._parameters.items()}
        self.apply()
        try:
            yield
        finally:
            self._copy(own, self._parameters)

    @final
    def apply(self) -> None:
        """Give the model the average for good, if it has begun."""
        if self.has_begun:
            self._copy(self._average, self._parameters)

    @final
    def _values(self) -> tuple[list[Tensor], list[Tensor]]:
        """The average and the parameters, in the same order."""
        own = [value.detach() for value in self._parameters.values()]
        return list(self._average.values()), own

    @staticmethod
    @torch.no_grad()
    def _copy(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
        for name, value in target.items():
            value.copy_(source[name])


@final
class MovingAverage(AbstractAverage):
    """An exponential moving average (after Polyak & Juditsky 1992).

    Args:
        parameters: The parameters by name.
        decay: Weight of the past in each update, once there is enough of a past.
    """

    def __init__(self, parameters: Mapping[str, Tensor], decay: float) -> None:
        super().__init__(parameters)
        self._decay = decay

    @property
    def has_begun(self) -> bool:
        """It begins at once."""
        return True

    def update(self, step: int) -> None:
        """Take in the parameters as they are after `step` (from 1)."""
        # A short past: or the initial weights would weigh for 1 / (1 - decay) steps.
        decay = min(self._decay, (1 + step) / (10 + step))
        average, values = self._values()
        with torch.no_grad():
            get_ema_multi_avg_fn(decay)(average, values, step)

    def notice(self, validation: float) -> None:
        """Nothing depends on it."""

    def tensors(self) -> dict[str, Tensor]:
        """Return the average by parameter name."""
        return self._average

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from a checkpoint's average."""
        self._copy(tensors, self._average)


@final
class TriggeredAverage(AbstractAverage):
    """The mean of the weights since validation last gained nothing: NT-ASGD.

    Merity et al. 2018 (arXiv:1708.02182), algorithm 1: it begins at the first validation that is
    worse than the best of all but the last few.

    Args:
        parameters: The parameters by name.
        interval: The last few: n.
    """

    def __init__(self, parameters: Mapping[str, Tensor], interval: int) -> None:
        super().__init__(parameters)
        self._interval = interval
        self._count = torch.tensor(-1)  # of steps in the mean; -1: it has not begun
        self._validations = torch.zeros(0, dtype=torch.float64)

    @property
    def has_begun(self) -> bool:
        """Whether there is a step in the mean."""
        return self._count.item() > 0

    def update(self, step: int) -> None:
        """Take in the parameters as they are, if validation has given the signal."""
        if self._count < 0:
            return
        self._count += 1
        for average, value in zip(*self._values(), strict=True):
            average.lerp_(value, 1 / self._count.item())

    def notice(self, validation: float) -> None:
        """Begin, if this is worse than the best of all but the last few."""
        before = self._validations[: -self._interval]
        if self._count < 0 and len(before) and validation > before.min().item():
            self._count.zero_()
        latest = torch.tensor([validation], dtype=torch.float64)
        self._validations = torch.cat([self._validations, latest])

    def tensors(self) -> dict[str, Tensor]:
        """Return the mean by parameter name, its steps, and what was validated."""
        return self._average | {":count": self._count, ":validations": self._validations}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from a checkpoint's tensors."""
        self._copy(tensors, self._average)
        self._count = tensors[":count"].clone()
        self._validations = tensors[":validations"].clone()
