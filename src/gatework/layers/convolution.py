"""Convolutions over the steps of ragged batches: what is past a length neither counts nor shows."""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional


@final
class StepConvolution(nn.Module):
    """A convolution over time, batch normalisation and ReLU, as in an FCN (Wang et al. 2017).

    As long as its input; zeros stand around a sequence, and the statistics of a batch are those of
    its real steps, so that padding changes nothing.

    Args:
        input_size: features of a step.
        output_size: features of a step after it.
        width: steps that one output sees; odd.

    Example:
        >>> layer = StepConvolution(1, 4, width=3)
        >>> layer(torch.randn(7, 2, 1), torch.tensor([7, 3])).shape
        torch.Size([7, 2, 4])
    """

    def __init__(self, input_size: int, output_size: int, *, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(input_size, output_size, width, padding=width // 2, bias=False)
        self.norm = nn.BatchNorm1d(output_size)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Return (T, B, output_size) from x (T, B, input_size), which is zero past each length."""
        y = self.convolution(x.permute(1, 2, 0))
        if bool((lengths == len(x)).all()):
            return functional.relu(self._normalised(y)).permute(2, 0, 1)
        y = y.permute(2, 0, 1)
        inside = torch.arange(len(y), device=y.device)[:, None] < lengths
        real = functional.relu(self._normalised(y[inside]))
        return y.new_zeros(y.shape).masked_scatter(inside[..., None], real)

    def _normalised(self, steps: Tensor) -> Tensor:
        """(N, output_size) or (B, output_size, T); a single step has no variance of its own."""
        norm = self.norm
        if self.training and steps.numel() < 2 * steps.shape[1]:
            return functional.batch_norm(
                steps, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
            )
        return norm(steps)
