"""Convolutions over the steps of ragged batches: what is past a length neither counts nor shows."""

from collections.abc import Sequence
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
        return convolve([self], x, lengths)


def convolve(layers: Sequence[StepConvolution], x: Tensor, lengths: Tensor) -> Tensor:
    """Run layers of one shape side by side, in as many calls as one takes.

    Args:
        layers: M layers, all in training or none.
        x: (T, B, input_size), which all of them read, or (T, B, M * input_size), a part for each;
            zero past each length.
        lengths: (B,) the steps of each sequence.

    Returns:
        (T, B, M * output_size).

    Example:
        >>> layers = [StepConvolution(2, 4, width=3) for _ in range(5)]
        >>> convolve(layers, torch.randn(7, 2, 2), torch.tensor([7, 3])).shape
        torch.Size([7, 2, 20])
    """
    weight = _joined([layer.convolution.weight for layer in layers])
    width = weight.shape[2]
    # An image of one line whose features lie side by side: that is how the norm wants them too.
    line = x.permute(1, 2, 0).unsqueeze(2).contiguous(memory_format=torch.channels_last)
    y = functional.conv2d(
        line, weight.unsqueeze(2), padding=(0, width // 2), groups=x.shape[2] // weight.shape[1]
    )
    y = y.squeeze(2).transpose(1, 2).contiguous()
    rows = y.flatten(0, 1)
    if int(lengths.min()) == len(x):
        return functional.relu(_normalised(layers, rows)).view_as(y).transpose(0, 1)
    inside = torch.arange(len(x), device=x.device) < lengths[:, None]
    places = inside.flatten().nonzero().squeeze(1)
    real = functional.relu(_normalised(layers, rows[places]))
    return real.new_zeros(rows.shape).index_copy(0, places, real).view_as(y).transpose(0, 1)


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _normalised(layers: Sequence[StepConvolution], steps: Tensor) -> Tensor:
    """Normalise (N, M * output_size); a single step has no variance of its own."""
    norms = [layer.norm for layer in layers]
    mean, variance, weight, bias = (
        _joined([getattr(norm, name) for norm in norms])
        for name in ("running_mean", "running_var", "weight", "bias")
    )
    learns = norms[0].training and len(steps) > 1
    normalised = functional.batch_norm(
        steps, mean, variance, weight, bias, training=learns, eps=norms[0].eps
    )
    if learns:
        for norm, now, spread in zip(
            norms, mean.chunk(len(norms)), variance.chunk(len(norms)), strict=True
        ):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            assert norm.num_batches_tracked is not None
            norm.num_batches_tracked.add_(1)
            if len(norms) > 1:
                norm.running_mean.copy_(now)
                norm.running_var.copy_(spread)
    return normalised
