"""Why a layer runs where it runs."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gatework import ops
from gatework.layers.recurrent import AbstractRecurrent


def explain(
    layer: AbstractRecurrent, x: Tensor, lengths: Tensor | Sequence[int] | None = None
) -> ops.Explanation:
    """Say which backend runs `layer` on `x`, and why not the others.

    Args:
        layer: a gatework.LSTM, GRU or RNN; its first layer is asked, the others are alike.
        x: what would be passed to it, (T, B, I), or (B, T, I) if batch_first, or (T, I).
        lengths: (B,) the steps of each sequence; all if None.

    Raises:
        InputError: the call itself would be wrong.

    Example:
        >>> import gatework
        >>> layer = gatework.LSTM(3, 4, full_recurrence=True)
        >>> gatework.explain(layer, torch.zeros(5, 2, 3)).chosen
        'reference'
    """
    if x.dim() == 2:
        x = x.unsqueeze(1)
    elif layer.batch_first:
        x = x.transpose(0, 1)
    return ops.explain(
        layer.cell,
        layer.params(layer.passes[0]),
        x,
        lengths=None if lengths is None else torch.as_tensor(lengths),
        regularisation=layer.regularisers.of_scan(layer.cell, 0, 0, training=layer.training),
        memory=layer.memory,
        backend=layer.backend,
    )
