"""A softmax over many tokens whose rare ones cost little."""

from typing import Final, final

from torch import Tensor, nn

from gatework.errors import InputError

_PARTS: Final = (0.1, 0.4)  # of the tokens: the frequent, and with those before the less frequent
_NARROWER: Final = 4.0  # each next part's vectors, of the width of the one before
LEAST_TOKENS: Final = 100  # that this is any use for


@final
class AdaptiveSoftmax(nn.Module):
    """The frequent tokens beside one sign for each group of rarer ones, which come after it.

    Grave et al. 2017, "Efficient softmax approximation for GPUs" (arXiv:1609.04309), as torch has
    it. Training scores a group only where it is meant; the chances are exact.

    Args:
        width: Of what it reads.
        tokens: V; the more frequent have the smaller numbers.

    Raises:
        InputError: There are too few tokens.

    Example:
        >>> import torch
        >>> softmax, x = AdaptiveSoftmax(16, 1000), torch.randn(5, 2, 16)
        >>> logits = softmax(x)
        >>> logits.shape, torch.allclose(logits.exp().sum(-1), torch.ones(5, 2), atol=1e-5)
        (torch.Size([5, 2, 1000]), True)
        >>> targets = torch.randint(1000, (5, 2))
        >>> expected = -logits.gather(-1, targets[..., None]).mean()
        >>> torch.allclose(softmax.loss(x, targets), expected)
        True
    """

    def __init__(self, width: int, tokens: int) -> None:
        super().__init__()
        if tokens < LEAST_TOKENS:
            raise InputError(
                f"an adaptive softmax over {tokens} tokens saves nothing: it wants at least "
                f"{LEAST_TOKENS}; use softmax='full'"
            )
        cutoffs = [round(part * tokens) for part in _PARTS]
        self.groups = nn.AdaptiveLogSoftmaxWithLoss(width, tokens, cutoffs, _NARROWER)

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., V) log chances for (..., width)."""
        return self.groups.log_prob(x.flatten(0, -2)).unflatten(0, x.shape[:-1])

    def loss(self, x: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of targets, (...), for (..., width)."""
        return self.groups(x.flatten(0, -2), targets.flatten()).loss
