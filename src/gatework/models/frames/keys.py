"""The head of independent keys: each is on or off on its own."""

from typing import Final, final

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from gatework.layers.dropout import dropout_mask
from gatework.models.frames.head import AbstractHead, FrameShape
from gatework.models.frames.intervals import WINDOW, around, spread

_VOICES: Final = 8  # places in a chord that are told apart, from below and from above


@final
class BernoulliHead(AbstractHead):
    """Each key on its own: the probability of a frame is the product over its keys.

    The log odds of a key are a sum: of what the states say of it by its number, what each key of
    the last frame says by their numbers, and what each of those says by the interval, from the
    states, its place in the chord and the keys around it: where a voice may go is the same wherever
    on the keyboard it is.

    Args:
        shape: Sizes.
        dropout: Part of the features dropped in training.

    Example:
        >>> head = BernoulliHead(FrameShape(88, "bernoulli", hidden_size=8))
        >>> head(torch.randn(5, 8), torch.zeros(5, 88), torch.ones(5, 88)).shape
        torch.Size([5])
    """

    def __init__(self, shape: FrameShape, dropout: float = 0.0) -> None:
        super().__init__()
        keys, width = shape.frame_size, shape.head_size
        self.dropout = dropout
        self.key = nn.Linear(shape.hidden_size, keys)
        self.last = nn.Linear(keys, keys, bias=False)
        self.state = nn.Linear(shape.hidden_size, width)
        self.around = nn.Linear(WINDOW, width, bias=False)
        self.voice = nn.Embedding(keys, width)
        self.from_below = nn.Embedding(_VOICES, width)
        self.from_above = nn.Embedding(_VOICES, width)
        self.interval = nn.Linear(width, WINDOW)
        for table in (self.voice, self.from_below, self.from_above):
            nn.init.normal_(table.weight, std=0.05)
        for start in (self.last.weight, self.interval.bias):
            nn.init.zeros_(start)
        nn.init.constant_(self.key.bias, -3.0)  # few of many keys are down at once

    def logits(self, states: Tensor, last: Tensor) -> Tensor:
        """Return (N, D) log odds of each key."""
        frame, key = last.nonzero(as_tuple=True)
        below = last.cumsum(1)[frame, key] - 1
        above = last.sum(1)[frame] - 1 - below
        hidden = (
            self.state(states)[frame]
            + self.around(around(last[frame], key))
            + self.voice(key)
            + self.from_below(below.long().clamp_max(_VOICES - 1))
            + self.from_above(above.long().clamp_max(_VOICES - 1))
        )
        hidden = hidden.relu()
        if self.training and self.dropout:
            hidden = hidden * dropout_mask(hidden, self.dropout)
        steps = spread(self.interval(hidden), key, last.shape[1])
        return (self.key(states) + self.last(last)).index_add(0, frame, steps)

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
