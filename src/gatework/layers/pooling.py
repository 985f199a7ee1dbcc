"""From the outputs of all steps to one vector a sequence."""

from typing import Final, Literal, final, get_args

import torch
from torch import Tensor, nn

from gatework.errors import InputError

PoolingKind = Literal["last", "mean", "max", "attention"]
KINDS: Final[tuple[str, ...]] = get_args(PoolingKind)


@final
class Pooling(nn.Module):
    """One vector of a sequence's outputs. Steps past a length never count; none at all give zeros.

    Args:
        kind: "last" takes each direction's final state; "mean" and "max" go over the steps;
            "attention" weighs them by softmax(v . tanh(W y)), which it learns (Yang et al. 2016,
            "Hierarchical attention networks", eq. 5 to 7).
        size: D, the features of a step's output.
        bidirectional: whether the second half of the features runs backwards, for "last".

    Raises:
        InputError: There is no such kind.

    Example:
        >>> pooling = Pooling("mean", 2)
        >>> y = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]], [[0.0, 0.0]]])
        >>> pooling(y, torch.tensor([2]))
        tensor([[2., 3.]])
    """

    def __init__(self, kind: PoolingKind, size: int, *, bidirectional: bool = False) -> None:
        super().__init__()
        if kind not in KINDS:
            raise InputError(f"pooling is {kind!r}; expected one of {', '.join(KINDS)}")
        self.kind: PoolingKind = kind
        self.bidirectional = bidirectional
        if kind == "attention":
            self.hidden = nn.Linear(size, size)
            self.score = nn.Linear(size, 1, bias=False)

    def extra_repr(self) -> str:
        """Return the kind, for printing."""
        return self.kind

    def forward(self, output: Tensor, lengths: Tensor) -> Tensor:
        """Return (B, D) from output (T, B, D), zero past each of the lengths (B,)."""
        if self.kind == "last":
            return self._last(output, lengths)
        if self.kind == "mean":
            return output.sum(0) / lengths.clamp_min(1)[:, None]
        if self.kind == "max":
            # Added, not filled in: half the time of the pass and its gradient.
            never = torch.where(_inside(output, lengths), 0.0, -torch.inf)[..., None]
            highest = (output + never.to(output.dtype)).amax(0)
            return torch.where(lengths[:, None] > 0, highest, 0.0)
        return (self.weights(output, lengths)[..., None] * output).sum(0)

    def weights(self, output: Tensor, lengths: Tensor) -> Tensor:
        """Return (T, B) how much of the answer each step is, for "attention".

        Raises:
            InputError: The pooling is of another kind.
        """
        if self.kind != "attention":
            raise InputError(f"pooling {self.kind!r} has no weights; only 'attention' has")
        scores = self.score(torch.tanh(self.hidden(output))).squeeze(-1)
        # A number, not -inf: a sequence without steps has no softmax, and no gradient of one.
        scores = scores.masked_fill(~_inside(output, lengths), torch.finfo(scores.dtype).min)
        weights = torch.softmax(scores, 0)
        return torch.where(lengths > 0, weights, 0.0)

    def _last(self, output: Tensor, lengths: Tensor) -> Tensor:
        at = (lengths - 1).clamp_min(0)
        last = output[at, torch.arange(output.shape[1], device=output.device)]
        if not self.bidirectional:
            return last
        ahead = output.shape[2] // 2
        return torch.cat([last[:, :ahead], output[0, :, ahead:]], 1)


def _inside(output: Tensor, lengths: Tensor) -> Tensor:
    """(T, B) whether a step is one of its sequence."""
    return torch.arange(output.shape[0], device=output.device)[:, None] < lengths
