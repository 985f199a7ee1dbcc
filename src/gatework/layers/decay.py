"""Missing values in time: the last one seen, fading towards the mean the longer ago it was."""

from typing import final

import torch
from torch import Tensor, nn


@final
class InputDecay(nn.Module):
    """The trainable input decay of GRU-D (Che et al. 2018, arXiv:1606.01865, eq. 10 and 11).

    What is missing is taken to be gamma x', with x' the last value seen and the mean at zero:
    gamma = exp(-max(0, w d + b)), where d is the time since then. Each feature learns its own w and
    b. All of it comes before the recurrence, so the recurrent layer runs on any backend; decay of
    the memory itself is what an LSTM's forget gate learns where the gaps are among its inputs.

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
