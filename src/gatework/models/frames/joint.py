"""The joint head: a chord is told from its lowest key up, each key on those below it."""

from typing import Final, NamedTuple, final

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from gatework.layers.dropout import dropout_mask
from gatework.models.frames.head import AbstractHead, FrameShape
from gatework.models.frames.intervals import WINDOW, around, spread

_BARRED: Final = float("-inf")


class Chords(NamedTuple):
    """The choices that make N chords, from the lowest key up: each next key, then that it is done.

    Attributes:
        frame: (C,) which chord a choice is of.
        below: (C, D) the keys chosen before it.
        highest: (C,) the highest of those, -1 where there is none.
        chosen: (C,) the key; D where the chord is done.
    """

    frame: Tensor
    below: Tensor
    highest: Tensor
    chosen: Tensor

    @classmethod
    def of(cls, frames: Tensor) -> "Chords":
        """Take apart (N, D) frames of zeros and ones.

        Example:
            >>> chords = Chords.of(torch.tensor([[0.0, 1, 1], [0, 0, 0]]))
            >>> chords.frame.tolist(), chords.highest.tolist(), chords.chosen.tolist()
            ([0, 0, 0, 1], [-1, 1, 2, -1], [1, 2, 3, 3])
        """
        count, keys = frames.shape
        on = frames > 0.5
        frame = torch.arange(count, device=frames.device).repeat_interleave(on.sum(1) + 1)
        of_note, key = on.nonzero(as_tuple=True)
        # Before the choice of a note stand the notes before it, and one end for each chord before.
        rows = torch.arange(len(key), device=frames.device) + of_note
        chosen = torch.full_like(frame, keys).index_copy(0, rows, key)
        highest = torch.full_like(frame, -1).index_copy(0, rows + 1, key)
        order = torch.arange(keys, device=frames.device)
        below = frames[frame] * (order <= highest[:, None])
        return cls(frame, below, highest, chosen)


class _Given(NamedTuple):
    """What the choices of N chords stand on, the same for all choices of a chord.

    Attributes:
        hidden: (N, W) of the states and the frame before.
        last: (N, D) the frame before.
        ranks: (N, D) each of its keys numbered from below, from 1; 0 for those that are up.
        lowest: (N,) the lowest of its keys, or the middle of all keys where there is none.
    """

    hidden: Tensor
    last: Tensor
    ranks: Tensor
    lowest: Tensor


@final
class JointHead(AbstractHead):
    """A chord from its lowest key up: each choice sees the keys below it, as in NADE (Larochelle &
    Murray 2011), and what an LSTM says of the time before, as in RNN-NADE (Boulanger-Lewandowski et
    al. 2012, arXiv:1206.6392).

    What is chosen is the next key that sounds, or that there is none above: a chord of n keys takes
    n + 1 softmaxes over what is left, and the probabilities of all chords add up to 1. Beside keys
    by their number, a choice sees and weighs intervals, the same wherever on the keyboard they are:
    from the key chosen before it, and from the key that has its own place in the last frame.

    Args:
        shape: Sizes.
        dropout: Part of its features dropped in training.

    Example:
        >>> head = JointHead(FrameShape(3, "joint", hidden_size=8, head_size=4))
        >>> chords = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3)
        >>> nats = head(torch.randn(1, 8).expand(8, 8), torch.zeros(8, 3), chords)
        >>> round((-nats).exp().sum().item(), 5)
        1.0
    """

    def __init__(self, shape: FrameShape, dropout: float = 0.0) -> None:
        super().__init__()
        keys, width = shape.frame_size, shape.head_size
        self.keys, self.dropout = keys, dropout
        self.state = nn.Linear(shape.hidden_size, width)
        self.last = nn.Linear(keys, width, bias=False)
        self.below = nn.Linear(keys, width, bias=False)
        self.highest = nn.Embedding(keys + 1, width)
        self.around = nn.Linear(4 * WINDOW, width, bias=False)
        self.key = nn.Linear(width, keys + 1)
        self.interval = nn.Linear(width, 2 * WINDOW)
        nn.init.normal_(self.highest.weight, std=0.05)

    def forward(self, states: Tensor, last: Tensor, targets: Tensor) -> Tensor:
        """Return the nats of each frame; see AbstractHead."""
        chords = Chords.of(targets)
        logits = self._logits(self._given(states, last), chords)
        nats = functional.cross_entropy(logits, chords.chosen, reduction="none")
        return nats.new_zeros(len(targets)).index_add(0, chords.frame, nats)

    def sample(
        self, states: Tensor, last: Tensor, temperature: float, generator: Generator
    ) -> Tensor:
        """Draw frames; see AbstractHead."""
        given, frames = self._given(states, last), torch.zeros_like(last)
        going = torch.arange(len(last))
        highest = torch.full_like(going, -1)
        while len(going):
            chords = Chords(going, frames[going], highest[going], going)
            logits = self._logits(given, chords).double()
            if temperature == 0:
                key = logits.argmax(1)
            else:
                chances = (logits / temperature).softmax(1)
                key = torch.multinomial(chances, 1, generator=generator).squeeze(1)
            going, key = going[key < self.keys], key[key < self.keys]
            frames[going, key] = 1.0
            highest[going] = key
        return frames

    def _given(self, states: Tensor, last: Tensor) -> _Given:
        on = last.any(1)
        lowest = torch.where(on, last.argmax(1), self.keys // 2)
        return _Given(self.state(states) + self.last(last), last, last.cumsum(1) * last, lowest)

    def _logits(self, given: _Given, chords: Chords) -> Tensor:
        """Return (C, D + 1) log odds of each key, and of there being none, barred where it is."""
        frame, below, highest, _ = chords
        last, lowest = given.last[frame], given.lowest[frame]
        below_it = torch.where(highest < 0, lowest, highest)
        # The key that has the next place in the last frame; its highest where it had fewer.
        ranks = given.ranks[frame]
        place = torch.minimum(below.sum(1) + 1, ranks.amax(1))
        voice = torch.where(place > 0, (ranks == place[:, None]).int().argmax(1), lowest)
        seen = [around(roll, key) for key in (below_it, voice) for roll in (last, below)]
        hidden = given.hidden[frame] + self.below(below) + self.highest(highest + 1)
        hidden = (hidden + self.around(torch.cat(seen, 1))).relu()
        if self.training and self.dropout:
            hidden = hidden * dropout_mask(hidden, self.dropout)
        from_below, from_voice = self.interval(hidden).chunk(2, 1)
        steps = spread(from_below, below_it, self.keys) + spread(from_voice, voice, self.keys)
        logits = self.key(hidden) + functional.pad(steps, (0, 1))
        order = torch.arange(self.keys + 1, device=last.device)
        return logits.masked_fill(order <= highest[:, None], _BARRED)
