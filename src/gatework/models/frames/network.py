"""Frames to the distribution of the next one: an LSTM stack, and a head on top of it."""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Generator, Tensor, nn

from gatework.errors import InputError
from gatework.layers import LSTM
from gatework.layers.dropout import dropout_mask
from gatework.models.frames.clock import clock
from gatework.models.frames.head import AbstractHead, FrameShape
from gatework.models.frames.joint import JointHead
from gatework.models.frames.keys import BernoulliHead
from gatework.models.frames.mixture import MixtureHead


class State(NamedTuple):
    """Between two frames: how many were read, and the LSTM's own state."""

    step: int
    memory: tuple[Tensor, ...]


@dataclass(frozen=True)
class FrameRegularisation:
    """What acts in training alone; all off by default.

    Args:
        dropout: Part of the features dropped before and after each LSTM, the same at all steps of a
            sequence.
        weight_drop: Part of the recurrent weights dropped.
        head_dropout: Part of the features dropped inside the heads of keys.

    Raises:
        InputError: A number is out of range.
    """

    dropout: float = 0.0
    weight_drop: float = 0.0
    head_dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("dropout", "weight_drop", "head_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; expected from 0 to below 1")


@final
class FrameNetwork(nn.Module):
    """Frames to what a head needs to tell the next one, with the state carried in and out.

    Frames come in the units of the data; inside, each column is standardised. Before the first
    frame stands one of zeros, so that it is foretold too.

    Args:
        shape: Sizes.
        regularisation: What acts in training.
        mean: (D,) of each column; None is 0.
        scale: (D,) deviation of each column, above 0; None is 1.

    Example:
        >>> network = FrameNetwork(FrameShape(88, "bernoulli", hidden_size=8)).eval()
        >>> frames = torch.randint(2, (6, 3, 88)).float()
        >>> network.nats(frames, torch.tensor([6, 2, 4])).shape
        torch.Size([6, 3])
        >>> states, state = network.read(frames[:4])
        >>> network.draw(states[-1], frames[3], 1.0, Generator().manual_seed(0)).shape
        torch.Size([3, 88])
    """

    def __init__(
        self,
        shape: FrameShape,
        regularisation: FrameRegularisation = FrameRegularisation(),
        mean: Tensor | None = None,
        scale: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.regularisation = shape, regularisation
        size = shape.frame_size
        self.register_buffer("mean", torch.zeros(size) if mean is None else mean.float())
        self.register_buffer("scale", torch.ones(size) if scale is None else scale.float())
        self.lstm = LSTM(
            size + 2 * len(shape.periods),
            shape.hidden_size,
            shape.num_layers,
            input_dropout=regularisation.dropout,
            weight_drop=regularisation.weight_drop,
            forget_bias=1.0,  # Jozefowicz et al. 2015
        )
        self.head = _head(shape, regularisation.head_dropout)

    def standardise(self, frames: Tensor) -> Tensor:
        """Return frames, (..., D), as the LSTM and the head have them."""
        return (frames - self.get_buffer("mean")) / self.get_buffer("scale")

    def inputs(self, frames: Tensor, start: int = 0) -> Tensor:
        """Return what the LSTM reads: standardised frames, (T, B, D), and the clock beside them."""
        if not self.shape.periods:
            return frames
        hands = clock(self.shape.periods, start, len(frames)).to(frames)
        return torch.cat([frames, hands[:, None].expand(-1, frames.shape[1], -1)], 2)

    def nats(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Return (T, B) the loss of each frame, given those before; 0 past a length.

        Args:
            frames: (T, B, D).
            lengths: (B,).
        """
        own = self.standardise(frames)
        last = torch.cat([torch.zeros_like(own[:1]), own[:-1]])
        states, _ = self.lstm(self.inputs(last), lengths=lengths)
        if self.training and self.regularisation.dropout:
            states = states * dropout_mask(states[0], self.regularisation.dropout)
        inside = torch.arange(len(frames), device=frames.device)[:, None] < lengths
        found = self.head(states[inside], last[inside], own[inside])
        return found.new_zeros(inside.shape).masked_scatter(inside, found)

    def loss(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean loss of a frame of a batch, in nats."""
        return self.nats(frames, lengths).sum() / lengths.sum()

    def begin(self, count: int) -> tuple[Tensor, Tensor, State]:
        """Return what foretells the first frame of B sequences: states, the frame before, state."""
        nothing = self.get_buffer("mean").expand(count, -1)
        states, state = self.read(nothing[None])
        return states[-1], nothing, state

    def read(self, frames: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return (T, B, H) states after frames, (T, B, D), and what to go on from."""
        start, memory = (0, None) if state is None else state
        states, after = self.lstm(self.inputs(self.standardise(frames), start), memory)
        return states, State(start + len(frames), after)

    def draw(
        self, states: Tensor, last: Tensor, temperature: float, generator: Generator
    ) -> Tensor:
        """Draw (B, D) frames, given (B, H) and the frames before."""
        own = self.head.sample(states, self.standardise(last), temperature, generator)
        return own * self.get_buffer("scale") + self.get_buffer("mean")


def _head(shape: FrameShape, dropout: float) -> AbstractHead:
    match shape.head:
        case "bernoulli":
            return BernoulliHead(shape, dropout)
        case "joint":
            return JointHead(shape, dropout)
        case "mdn":
            return MixtureHead(shape)
