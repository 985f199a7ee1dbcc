"""A memory of what was read lately, beside the network's own: the neural cache.

Grave et al. 2017, "Improving neural language models with a continuous cache" (arXiv:1612.04426),
equations 2 and 5. Knows outputs of a network and tokens, and nothing of either.
"""

from typing import final

import numpy as np
import torch
from torch import Tensor

from gatework.tasks.generate.settings import Recall


@final
class Cache:
    """The last outputs of one stream, h_i, each with the token that came after it, x_i.

    A token's chance is (1 - share) of the network's, and `share` of that of the tokens in here, h_i
    weighing exp(sharpness h h_i) where h is the output now.

    Args:
        size: How many are kept.
        how: Share and sharpness.

    Attributes:
        outputs: (N, H) of those there are, the oldest first.
        tokens: (N,) int64.

    Example:
        >>> cache = Cache(10, Recall(cache_share=0.5, cache_sharpness=1.0))
        >>> logits = torch.zeros(2, 4)
        >>> cache.losses(torch.eye(2), logits, torch.tensor([3, 3])).exp().round(decimals=2)
        tensor([4.0000, 1.6000])
    """

    def __init__(self, size: int, how: Recall) -> None:
        self._size, self._how = size, how
        self.outputs, self.tokens = torch.zeros(0, 0), torch.zeros(0, dtype=torch.int64)

    def keep(self, outputs: Tensor, tokens: Tensor) -> None:
        """Add (T, H) outputs and the (T,) tokens that came after them."""
        if len(outputs):
            kept = self.outputs if len(self.outputs) else outputs[:0]
            self.outputs = torch.cat([kept, outputs])[-self._size :]
            self.tokens = torch.cat([self.tokens, tokens.long()])[-self._size :]

    def losses(self, outputs: Tensor, logits: Tensor, targets: Tensor) -> Tensor:
        """Return (T,) nats of the (T,) targets after (T, H) outputs and (T, V) logits; keep them.

        Each step sees what was kept before it, those of this very call too.
        """
        before = len(self.tokens)
        every = torch.cat([self.outputs, outputs]) if before else outputs
        after = torch.cat([self.tokens, targets])
        steps = torch.arange(len(targets))[:, None]
        ages = before + steps - torch.arange(len(after))  # 1: of the step before
        alike = self._how.cache_sharpness * (outputs @ every.T)
        alike = alike.masked_fill((ages < 1) | (ages > self._size), -torch.inf)
        weights = alike.softmax(1).nan_to_num(0.0)
        found = (weights * (after == targets[:, None])).sum(1)
        share = self._how.cache_share * (weights.sum(1) > 0)
        chances = logits.softmax(1).gather(1, targets[:, None]).squeeze(1)
        self.keep(outputs, targets)
        return -((1 - share) * chances + share * found).log()

    def mix(self, output: np.ndarray, logits: np.ndarray) -> None:
        """Turn (V,) logits after an output, (H,), into log chances that know the cache."""
        if not len(self.tokens):
            return
        alike = self._how.cache_sharpness * (self.outputs.numpy() @ output)
        weights = np.exp(alike - alike.max())
        found = np.bincount(self.tokens.numpy(), weights / weights.sum(), len(logits))
        chances = np.exp(logits - logits.max())
        share = self._how.cache_share
        np.log((1 - share) / chances.sum() * chances + share * found, out=logits)
