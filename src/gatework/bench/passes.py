"""What is timed: one call of a recurrent layer, ours or torch's, with or without its gradients."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def train(
    layer: nn.Module, x: Tensor, dy: Tensor, lengths: Tensor | None = None
) -> dict[str, Tensor]:
    """Forward and backward, to all parameters and to the input.

    Args:
        layer: a time-major recurrent layer in training mode.
        x: (T, B, I), requires a gradient.
        dy: what arrives at the output, (T, B, P).
        lengths: (B,); torch's layers get them as a packed sequence.
    """
    y, _ = _call(layer, x, lengths)
    names = ["x", *(name for name, _ in layer.named_parameters())]
    gradients = torch.autograd.grad(y, [x, *layer.parameters()], dy)
    return {"y": y, **{f"d {name}": d for name, d in zip(names, gradients, strict=True)}}


def infer(layer: nn.Module, x: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
    """Forward alone; `layer` is in evaluation mode."""
    with torch.no_grad():
        y, state = _call(layer, x, lengths)
    parts = state if isinstance(state, tuple) else (state,)
    return {"y": y, **{f"state {index}": part for index, part in enumerate(parts)}}


def _call(layer: nn.Module, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Any]:
    if lengths is None:
        return layer(x)
    if not isinstance(layer, nn.RNNBase):
        return layer(x, lengths=lengths)
    packed, state = layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
    return pad_packed_sequence(packed, total_length=len(x))[0], state
