"""Direct multi-horizon quantile forecaster: an LSTM reads the past, another walks the horizon.

One pass gives all steps, so errors do not feed back. Quantiles are the median plus running sums of
positive widths: they cannot cross (as in Gasthaus et al. 2019, "Probabilistic forecasting with
spline quantile function RNNs", with fixed levels).
"""

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatework.layers import LSTM

LEVELS: Final = (
    0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99,
)  # fmt: skip
_MIDDLE: Final = LEVELS.index(0.5)
_FIRST_WIDTH: Final = -2.0  # softplus of it, 0.13 scales, is the initial distance of two quantiles
_FLOOR: Final = 1e-3


@dataclass(frozen=True)
class NetworkShape:
    """What the weights' shapes follow from; part of a saved model.

    Args:
        past_size: Inputs a step of the past.
        future_size: Inputs a step of the horizon.
        hidden_size: Width of both LSTMs' state.
        num_layers: Layers of both LSTMs.
        members: Networks of the same shape whose quantiles are averaged.
        dropout: Part of the hidden values dropped in training.
    """

    past_size: int
    future_size: int
    hidden_size: int
    num_layers: int = 1
    members: int = 1
    dropout: float = 0.0


@final
class Member(nn.Module):
    """One encoder and decoder; the linear path beside them starts the answer at zero.

    Example:
        >>> member = Member(NetworkShape(past_size=3, future_size=2, hidden_size=8))
        >>> member(torch.zeros(10, 4, 3), torch.zeros(5, 4, 2)).shape
        torch.Size([5, 4, 15])
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        hidden, layers = shape.hidden_size, shape.num_layers
        between = shape.dropout if layers > 1 else 0.0
        self.encoder = LSTM(shape.past_size, hidden, layers, dropout=between)
        self.decoder = LSTM(shape.future_size, hidden, layers, dropout=between)
        self.dropout = nn.Dropout(shape.dropout)
        self.hidden = nn.Linear(hidden + shape.future_size, hidden)
        self.widths = nn.Linear(hidden, len(LEVELS))
        self.linear = nn.Linear(shape.future_size, 1)
        with torch.no_grad():
            self.widths.weight.mul_(0.1)
            nn.init.zeros_(self.widths.bias)
            nn.init.zeros_(self.linear.weight)
            nn.init.zeros_(self.linear.bias)

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        """Return (H, B, Q) quantiles from past (T, B, P) and future (H, B, F)."""
        _, state = self.encoder(past)
        output, _ = self.decoder(future, state)
        hidden = functional.silu(self.hidden(torch.cat([self.dropout(output), future], -1)))
        raw = self.widths(self.dropout(hidden))
        middle = raw[..., _MIDDLE : _MIDDLE + 1] + self.linear(future)
        widths = functional.softplus(raw + _FIRST_WIDTH) + _FLOOR
        above = torch.cumsum(widths[..., _MIDDLE + 1 :], -1)
        below = torch.cumsum(widths[..., :_MIDDLE].flip(-1), -1).flip(-1)
        return torch.cat([middle - below, middle, middle + above], -1)


@final
class ForecastEnsemble(nn.Module):
    """Members on standardised inputs. In training each answers its own slice of the batch.

    The constants that standardise the inputs are buffers, set once by `standardise`, so they travel
    with the weights.

    Example:
        >>> ensemble = ForecastEnsemble(NetworkShape(3, 2, hidden_size=8, members=2)).eval()
        >>> ensemble(torch.zeros(10, 4, 3), torch.zeros(5, 4, 2)).shape
        torch.Size([5, 4, 15])
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.members = nn.ModuleList(Member(shape) for _ in range(shape.members))
        for name, size in (("past", shape.past_size), ("future", shape.future_size)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_std", torch.ones(size))

    def standardise(self, past: Tensor, future: Tensor) -> None:
        """Take mean and deviation of each input from examples, past (T, B, P) and future (H, B,
        F)."""
        for name, values in (("past", past), ("future", future)):
            flat = values.flatten(0, 1)
            std = flat.std(0, correction=0)
            self.get_buffer(f"{name}_mean").copy_(flat.mean(0))
            self.get_buffer(f"{name}_std").copy_(torch.where(std > 1e-4, std, 1.0))

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        """Return (H, B, Q) quantiles in scaled units, to be added to the base forecast.

        In training, B is a multiple of the members; member j answers the j-th slice alone.
        """
        if not self.training:
            return self.by_member(past, future).mean(0)
        slices = zip(
            past.chunk(len(self.members), 1), future.chunk(len(self.members), 1), strict=True
        )
        answers = [
            member(*self._standard(*part))
            for member, part in zip(self.members, slices, strict=True)
        ]
        return torch.cat(answers, 1)

    def by_member(self, past: Tensor, future: Tensor) -> Tensor:
        """Return (members, H, B, Q): what each member answers to all windows."""
        past, future = self._standard(past, future)
        return torch.stack([member(past, future) for member in self.members])

    def _standard(self, past: Tensor, future: Tensor) -> tuple[Tensor, Tensor]:
        return (
            (past - self.get_buffer("past_mean")) / self.get_buffer("past_std"),
            (future - self.get_buffer("future_mean")) / self.get_buffer("future_std"),
        )


def pinball(quantiles: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the mean pinball loss of (H, B, Q) quantiles over the known (not NaN) targets (H, B).

    Args:
        quantiles: At `LEVELS`.
        target: NaN where it is not known; a batch without any known target has loss 0.
        weight: (B,) of each window; None is 1.
    """
    known = ~torch.isnan(target)
    loss = pinball_by_step(quantiles, torch.where(known, target, 0.0)) * known
    if weight is None:
        return loss.sum() / known.sum().clamp_min(1)
    return (loss * weight).sum() / (known * weight).sum().clamp_min(1e-12)


def pinball_by_step(quantiles: Tensor, target: Tensor) -> Tensor:
    """Return (H, B): the pinball loss of (H, B, Q) quantiles at each step, mean over `LEVELS`."""
    error = target[..., None] - quantiles
    levels = torch.tensor(LEVELS, dtype=error.dtype, device=error.device)
    return torch.maximum(levels * error, (levels - 1) * error).mean(-1)
