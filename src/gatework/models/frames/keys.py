"""The head of independent keys: each is on or off on its own."""

from typing import final

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from gatework.models.frames.head import AbstractHead, FrameShape
from gatework.models.frames.intervals import REACH, WINDOW


@final
class BernoulliHead(AbstractHead):
    """Each key on its own: the probability of a frame is the product over its keys.

    Beside the states, a key sees the last frame: by the number of each key and, with weights that
    the states choose, by the interval to it, which is the same wherever on the keyboard it is.

    Args:
        shape: Sizes.

    Example:
        >>> head = BernoulliHead(FrameShape(88, "bernoulli", hidden_size=8))
        >>> head(torch.randn(5, 8), torch.zeros(5, 88), torch.ones(5, 88)).shape
        torch.Size([5])
    """

    def __init__(self, shape: FrameShape) -> None:
        super().__init__()
        self.state = nn.Linear(shape.hidden_size, shape.frame_size)
        self.last = nn.Linear(shape.frame_size, shape.frame_size, bias=False)
        self.interval = nn.Linear(shape.hidden_size, WINDOW)
        for start in (self.last.weight, self.interval.weight, self.interval.bias):
            nn.init.zeros_(start)

    def logits(self, states: Tensor, last: Tensor) -> Tensor:
        """Return (N, D) log odds of each key."""
        windows = functional.pad(last, (REACH, REACH)).unfold(1, WINDOW, 1)
        steps = (windows @ self.interval(states)[..., None]).squeeze(-1)
        return self.state(states) + self.last(last) + steps

    def forward(self, states: Tensor, last: Tensor, targets: Tensor) -> Tensor:
        """Return the nats of each frame; see AbstractHead."""
        logits = self.logits(states, last)
        return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)

    def sample(
        self, states: Tensor, last: Tensor, temperature: float, generator: Generator
    ) -> Tensor:
        """Draw frames; see AbstractHead."""
        logits = self.logits(states, last).double()
        if temperature == 0:
            return (logits > 0).to(states)
        chances = (logits / temperature).sigmoid()
        return torch.bernoulli(chances, generator=generator).to(states)
