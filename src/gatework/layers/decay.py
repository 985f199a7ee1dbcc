"""Missing values in time: what was seen last, and what is remembered, fades with its age."""

from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatework.cells import GRU
from gatework.layers.initialisation import Initialisation

_SLOW: Final = 0.02  # what a unit's memory loses at first after a gap of 1 in all features, at most


@final
class InputDecay(nn.Module):
    """The trainable input decay of GRU-D (Che et al. 2018, arXiv:1606.01865, eq. 10 and 11).

    What is missing is taken to be gamma x', with x' the last value seen and the mean at zero:
    gamma = exp(-max(0, w d + b)), where d is the time since then. Each feature learns its own w and
    b. All of it comes before the recurrence, so the recurrent layer runs on any backend; `GRUD` has
    the decay of the memory too.

    Args:
        size: V, the features.

    Example:
        >>> decay = InputDecay(1)
        >>> with torch.no_grad():
        ...     _ = decay.rate.fill_(1.0), decay.bias.fill_(0.0)
        >>> seen, gap = torch.tensor([[1.0], [0.0]]), torch.full((2, 1), 0.5)
        >>> decay(torch.full((2, 1), 2.0), seen, gap).detach()
        tensor([[2.0000],
                [1.2131]])
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.full((size,), 0.1))
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, last: Tensor, seen: Tensor, gap: Tensor) -> Tensor:
        """Fade what was not seen.

        Args:
            last: (..., V) the last value seen up to each step, 0 before any: the mean is zero.
            seen: (..., V) 1 where the step has a value of its own, else 0.
            gap: (..., V) the time since the last value seen, at least 0.

        Returns:
            (..., V).
        """
        return last * (seen + (1 - seen) * self.gamma(gap))

    def gamma(self, gap: Tensor) -> Tensor:
        """Return (..., V) what is left after a gap, from above 0 to 1."""
        return torch.exp(-torch.relu(self.rate * gap + self.bias))


@final
class GRUD(nn.Module):
    """GRU-D (Che et al. 2018, arXiv:1606.01865): a GRU for values that are missing at times.

    It reads `InputDecay`'s values beside which of them were seen, and between two steps its memory
    fades, each unit at a rate that it learns from how long ago each feature was seen (eq. 10, 12):

        h <- exp(-max(0, W gap + b)) * h,  then a step of the GRU  (eq. 13 to 16)

    The recurrent weights read the faded h, which no fused scan can be told of: the steps of
    `gatework.cells.GRU` are taken one by one, at the speed of the reference backend.

    Args:
        size: V, the features.
        hidden_size: H, the width of h.

    Example:
        >>> layer = GRUD(3, 8)
        >>> last, seen, gap = torch.randn(5, 2, 3), torch.ones(5, 2, 3), torch.zeros(5, 2, 3)
        >>> y, h_n = layer(last, seen, gap, torch.tensor([5, 2]))
        >>> y.shape, bool(y[1, 1].equal(h_n[1]))
        (torch.Size([5, 2, 8]), True)
    """

    def __init__(self, size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = GRU()
        self.input_decay = InputDecay(size)
        self.memory_decay = nn.Linear(size, hidden_size)
        nn.init.uniform_(self.memory_decay.weight, 0, _SLOW / size)
        nn.init.zeros_(self.memory_decay.bias)
        shapes = self.cell.parameter_shapes(2 * size, hidden_size)
        params = {name: torch.empty(shape) for name, shape in shapes.items()}
        Initialisation().apply(self.cell, params)
        for name, tensor in params.items():
            self.register_parameter(name, nn.Parameter(tensor))

    def forward(
        self, last: Tensor, seen: Tensor, gap: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Read B sequences.

        Args:
            last: (T, B, V) as `InputDecay` has it, and so are seen and gap.
            seen: (T, B, V).
            gap: (T, B, V).
            lengths: (B,) the steps of each.

        Returns:
            output (T, B, H), zero past each length, and h_n (B, H) after each one's last step.
        """
        params = dict(self.named_parameters(recurse=False))
        x = torch.cat([self.input_decay(last, seen, gap), seen], -1)
        x_gates = functional.linear(x, params["weight_ih"], params["bias_ih"]).unbind()
        kept = torch.exp(-torch.relu(self.memory_decay(gap))).unbind()
        inside = (torch.arange(len(x), device=x.device)[:, None] < lengths)[..., None]
        h = x.new_zeros(x.shape[1], kept[0].shape[1])
        steps = []
        for x_step, kept_step, alive in zip(x_gates, kept, inside, strict=True):
            faded = kept_step * h
            h_gates = functional.linear(faded, params["weight_hh"], params["bias_hh"])
            (new,), _ = self.cell.update(params, x_step, h_gates, (faded,))
            h = torch.where(alive, new, h)
            steps.append(h)
        return torch.stack(steps) * inside, h
