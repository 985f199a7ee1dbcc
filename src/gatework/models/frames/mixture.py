"""The mixture-density head: frames of any numbers, such as the path of a pen."""

import math
from typing import Final, NamedTuple, final

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from gatework.models.frames.head import AbstractHead, FrameShape

FLOOR: Final = 1e-3  # least deviation of a component, as a part of its column's own
_LOG_LARGEST: Final = -math.log(FLOOR)


class Mixture(NamedTuple):
    """M Gaussians for each of N frames of C columns, and the log odds of its B binary columns.

    Attributes:
        weights: (N, M) logits.
        means: (N, M, C).
        factors: (N, M, C, C) lower triangular: `factor @ (x - mean)` is standard normal.
        odds: (N, B).
    """

    weights: Tensor
    means: Tensor
    factors: Tensor
    odds: Tensor


@final
class MixtureHead(AbstractHead):
    """A mixture of Gaussians, and a Bernoulli for each binary column (Bishop 1994; Graves 2013,
    arXiv:1308.0850, sections 4.1 and 5.4).

    For two columns with full covariance it is Graves' bivariate density. A covariance is held as
    the triangular factor of its inverse, which serves any number of columns: its logarithm is a sum
    over the diagonal, and no deviation given the columns before is below `FLOOR`, so that no point
    of the data can be told with endless certainty. Temperature t is Graves' bias 1 / t - 1.

    Args:
        shape: Sizes.

    Example:
        >>> head = MixtureHead(FrameShape(3, "mdn", hidden_size=8, components=4, binary=(2,)))
        >>> head(torch.randn(5, 8), torch.zeros(5, 3), torch.ones(5, 3)).shape
        torch.Size([5])
    """

    def __init__(self, shape: FrameShape) -> None:
        super().__init__()
        self.shape = shape
        self.free = [each for each in range(shape.frame_size) if each not in shape.binary]
        self.binary = list(shape.binary)
        columns = len(self.free)
        below = columns * (columns - 1) // 2 if shape.covariance == "full" else 0
        self.sizes = (1, columns, columns, below)
        width = shape.components * sum(self.sizes) + len(self.binary)
        self.state = nn.Linear(shape.hidden_size, width)
        self.last = nn.Linear(shape.frame_size, width, bias=False)
        nn.init.zeros_(self.last.weight)
        # Components that start at one place would never part.
        with torch.no_grad():
            self._split(self.state.bias[None])[0][1].normal_()

    def mixture(self, states: Tensor, last: Tensor) -> Mixture:
        """Return the density of the frames after `last`, (N, D), given states, (N, H)."""
        (weights, means, scales, below), odds = self._split(self.state(states) + self.last(last))
        # Of a deviation the logarithm is bounded below, smoothly: it never leaves its gradient.
        diagonal = _LOG_LARGEST - functional.softplus(_LOG_LARGEST - scales)
        factors = torch.diag_embed(diagonal.exp())
        if below.shape[-1]:
            columns = len(self.free)
            row, column = torch.tril_indices(columns, columns, -1)
            # In units of the row's own deviation, a factor stays in step with its diagonal.
            factors[..., row, column] = below * diagonal.exp()[..., row]
        return Mixture(weights.squeeze(-1), means, factors, odds)

    def forward(self, states: Tensor, last: Tensor, targets: Tensor) -> Tensor:
        """Return the nats of each frame; see AbstractHead."""
        said = self.mixture(states, last)
        off = targets[:, None, self.free] - said.means
        standard = (said.factors @ off[..., None]).squeeze(-1)
        heights = said.factors.diagonal(dim1=-2, dim2=-1).log() - 0.5 * math.log(2 * math.pi)
        each = (heights - 0.5 * standard.square()).sum(-1)
        density = torch.logsumexp(said.weights.log_softmax(-1) + each, -1)
        bits = functional.binary_cross_entropy_with_logits(
            said.odds, targets[:, self.binary], reduction="none"
        )
        return bits.sum(1) - density

    def sample(
        self, states: Tensor, last: Tensor, temperature: float, generator: Generator
    ) -> Tensor:
        """Draw frames; see AbstractHead."""
        said = Mixture(*(part.double() for part in self.mixture(states, last)))
        frames = said.means.new_zeros(len(states), self.shape.frame_size)
        rows = torch.arange(len(states))
        if temperature == 0:
            frames[:, self.free] = said.means[rows, said.weights.argmax(1)]
            frames[:, self.binary] = (said.odds > 0).double()
            return frames.to(states)
        chances = (said.weights / temperature).softmax(-1)
        drawn = torch.multinomial(chances, 1, generator=generator).squeeze(1)
        noise = torch.randn(
            len(states), len(self.free), 1, generator=generator, dtype=torch.float64
        )
        spread = torch.linalg.solve_triangular(said.factors[rows, drawn], noise, upper=False)
        narrow = math.exp(1 - 1 / temperature)
        frames[:, self.free] = said.means[rows, drawn] + narrow * spread.squeeze(-1)
        odds = (said.odds / temperature).sigmoid()
        frames[:, self.binary] = torch.bernoulli(odds, generator=generator)
        return frames.to(states)

    def _split(self, out: Tensor) -> tuple[list[Tensor], Tensor]:
        """Cut (N, width) into what describes M components, (N, M, .) each, and the odds."""
        mixed, odds = out.split([out.shape[1] - len(self.binary), len(self.binary)], 1)
        each = mixed.unflatten(1, (self.shape.components, sum(self.sizes)))
        return list(each.split(self.sizes, -1)), odds
