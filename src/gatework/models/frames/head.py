"""What a head is: a distribution of the next frame, given what the LSTM says and the last frame."""

import abc
from dataclasses import dataclass
from typing import Literal, final

from torch import Generator, Tensor, nn

from gatework.errors import InputError

Kind = Literal["bernoulli", "joint", "mdn"]
Covariance = Literal["full", "diagonal"]


@final
@dataclass(frozen=True)
class FrameShape:
    """What the weights' shapes follow from; part of a saved model.

    Args:
        frame_size: D, the numbers of a frame.
        head: "bernoulli" (each key on its own), "joint" (each key sees those below it) or "mdn" (a
            mixture of Gaussians).
        hidden_size: Width of each LSTM.
        num_layers: LSTMs, one on top of the other.
        head_size: Width of the heads of keys.
        components: Gaussians of the mixture.
        covariance: "full", or "diagonal" for columns that know nothing of each other.
        binary: Which columns of the mixture's frames are 0 or 1.
        periods: Of the clock that is read beside the frames, in frames; none is no clock.

    Raises:
        InputError: A column that is 0 or 1 is none of the frame's.
    """

    frame_size: int
    head: Kind
    hidden_size: int
    num_layers: int = 1
    head_size: int = 256
    components: int = 20
    covariance: Covariance = "full"
    binary: tuple[int, ...] = ()
    periods: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if any(not 0 <= column < self.frame_size for column in self.binary):
            raise InputError(f"binary is {self.binary}; expected columns below {self.frame_size}")


class AbstractHead(nn.Module, abc.ABC):
    """The distribution of the next frame. N frames are taken at once, each for itself."""

    @abc.abstractmethod
    def forward(self, states: Tensor, last: Tensor, targets: Tensor) -> Tensor:
        """Return (N,) the nats of each frame: its negative log probability, or log density.

        Args:
            states: (N, H) what the LSTM says.
            last: (N, D) the frame before.
            targets: (N, D) the frame.
        """

    @abc.abstractmethod
    def sample(
        self, states: Tensor, last: Tensor, temperature: float, generator: Generator
    ) -> Tensor:
        """Draw (N, D) next frames.

        Args:
            states: (N, H).
            last: (N, D).
            temperature: Below 1 keeps to what is likely, 0 takes the likeliest.
            generator: Where all chance comes from.
        """
