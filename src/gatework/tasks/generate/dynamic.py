"""Weights that follow the text that is read: dynamic evaluation.

Krause et al. 2018, "Dynamic evaluation of neural sequence models" (arXiv:1709.07432), section 4:
the gradient of each stretch is divided by its usual size (RMS), and the weights are drawn back to
where they began, those most that matter most. The usual size is measured on text that the model
writes, so that nothing of its training has to be kept. A copy learns; the model stays as it was.
"""

from typing import Final, final

import torch
from torch import Tensor

from gatework.models.language import State
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.settings import Sampling
from gatework.tasks.generate.writing import write_many

STRETCH: Final = 20  # tokens read between two changes of the weights
_PULL: Final = 0.02  # back to the first weights, at each change
_MOST: Final = 5.0  # times its usual size that a gradient counts, at most
_WRITTEN, _LENGTH = 8, 300  # texts that it is measured on, and tokens of each


@final
class Follower:
    """A copy of a network that learns from a text while it reads it.

    Args:
        fitted: The model.
        rate: How fast; 0 learns nothing.

    Attributes:
        network: The copy.
    """

    def __init__(self, fitted: Fitted, rate: float) -> None:
        self.network, self._rate = fitted.replica(), rate
        self._weights = [p for p in self.network.parameters() if p.requires_grad]
        self._first = [weight.detach().clone() for weight in self._weights]
        sizes = usual_gradients(fitted)
        mean = torch.cat([size.flatten() for size in sizes]).mean()
        self._pulls = [(_PULL * size / mean).clamp(max=1) for size in sizes]
        # What hardly ever has a gradient would be thrown far by its first one.
        self._sizes = [size + mean for size in sizes]

    def learn(self, loss: Tensor) -> None:
        """Take the step that a stretch asks for; `loss` is its mean, in nats a token."""
        gradients = torch.autograd.grad(loss, self._weights)
        with torch.no_grad():
            for weight, gradient, first, size, pull in zip(
                self._weights, gradients, self._first, self._sizes, self._pulls, strict=True
            ):
                weight += pull * (first - weight)
                weight -= self._rate * (gradient / size).clamp(-_MOST, _MOST)


def usual_gradients(fitted: Fitted) -> list[Tensor]:
    """Return the root mean square of each weight's gradient over stretches of the model's text."""
    network = fitted.network
    weights = [p for p in network.parameters() if p.requires_grad]
    sums = [torch.zeros_like(weight) for weight in weights]
    how, count = Sampling(temperature=1.0), 0
    for written in write_many(fitted, "", how, count=_WRITTEN, length=_LENGTH):
        ids = torch.from_numpy(fitted.primer(written.text))
        state: State | None = None
        for part in ids.split(STRETCH):
            if len(part) < 2:
                break
            loss = network.loss(part[:-1, None], part[1:, None], state)
            state = loss.state
            for total, gradient in zip(sums, torch.autograd.grad(loss.total, weights), strict=True):
                total += gradient.square()
            count += 1
    return [(total / count).sqrt() for total in sums]
