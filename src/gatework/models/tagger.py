"""A label for each word or step, and one for the sentence: a bidirectional LSTM, then a CRF.

After Lample et al. 2016 ("Neural architectures for named entity recognition") and, for the label of
the sentence from the same states, Liu & Lane 2016.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatework.layers import CRF, LSTM
from gatework.layers.crf import Allowed, Paths
from gatework.layers.dropout import dropout_mask
from gatework.models.words import WordBatch, WordEncoder, WordShape


@dataclass(frozen=True)
class TaggerShape:
    """What the weights' shapes follow from; part of a saved model.

    Args:
        words: Sizes of the word encoder; None where steps are numbers.
        tags: Tags of a word.
        labels: Labels of a sentence; 0 for none.
        hidden_size: Width of each direction of the LSTM over words or steps.
        num_layers: Its layers.
        crf: Whether tags are decided together (a CRF), or each for itself (softmax).
        dropout: Part of the features dropped in training.
        features: Numbers of a step, where there are no words.
    """

    words: WordShape | None
    tags: int
    labels: int = 0
    hidden_size: int = 128
    num_layers: int = 1
    crf: bool = True
    dropout: float = 0.3
    features: int = 0


class StepBatch(NamedTuple):
    """B recordings: values (T, B, F) float32, any past a length, and lengths (B,)."""

    values: Tensor
    lengths: Tensor


class Scores(NamedTuple):
    """What the network says of a batch: (T, B, tags) of each word, (B, labels) of each sentence."""

    tags: Tensor
    labels: Tensor


@final
class SequenceTagger(nn.Module):
    """Words, or steps of numbers, to tags; and to a label of the whole if there are labels.

    Args:
        shape: Sizes.
        unknown: The number of the unknown word.
        allowed: Which tags may follow which; None allows all.

    Example:
        >>> from gatework.models.words import WordBatch, WordShape
        >>> tagger = SequenceTagger(TaggerShape(WordShape(9, 5, 3), tags=4, labels=2), unknown=1)
        >>> batch = WordBatch(*(torch.ones(size, dtype=torch.int64) for size in
        ...                     [(6, 2), (2,), (3,), (3,), (7, 3), (3,)]))
        >>> scores = tagger(batch)
        >>> scores.tags.shape, scores.labels.shape
        (torch.Size([6, 2, 4]), torch.Size([2, 2]))
    """

    def __init__(self, shape: TaggerShape, unknown: int, allowed: Allowed | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.words = None if shape.words is None else WordEncoder(shape.words, unknown)
        self.lstm = LSTM(
            shape.features if self.words is None else self.words.size,
            shape.hidden_size,
            shape.num_layers,
            bidirectional=True,
            dropout=shape.dropout if shape.num_layers > 1 else 0.0,
        )
        self.emit = nn.Linear(2 * shape.hidden_size, shape.tags)
        self.label = nn.Linear(4 * shape.hidden_size, shape.labels) if shape.labels else None
        # Without its transitions a CRF is a softmax at each step: the same sums, and legal answers.
        self.crf = CRF(shape.tags, allowed)
        if not shape.crf:
            self.crf.requires_grad_(False)

    def read(self, batch: WordBatch | StepBatch) -> Tensor:
        """Return (T, B, F) what the LSTM reads."""
        if isinstance(batch, StepBatch):
            return batch.values
        assert self.words is not None
        words = self.words(batch)
        # Features of a word stand in for each other; those of a step are too few to miss one.
        mask = self._mask(words)
        return words if mask is None else words.mul_(mask)

    def forward(self, batch: WordBatch | StepBatch) -> Scores:
        """Return the scores of the tags and of the labels."""
        states, _ = self.lstm(self.read(batch), lengths=batch.lengths)
        mask = self._mask(states)
        if mask is not None:
            states = states * mask
        labels = states.new_zeros(states.shape[1], 0)
        if self.label is not None:
            labels = self.label(_pooled(states, batch.lengths))
        return Scores(self.emit(states), labels)

    def _mask(self, values: Tensor) -> Tensor | None:
        """What (T, B, F) is multiplied by in training: of a sequence the same at all its steps (Gal
        & Ghahramani 2016)."""
        if not self.training or not self.shape.dropout:
            return None
        return dropout_mask(values[0], self.shape.dropout)

    def loss(
        self, scores: Scores, lengths: Tensor, tags: Tensor, labels: Tensor | None = None
    ) -> Tensor:
        """Return the mean loss a word, plus the mean loss a sentence where it has a label.

        Args:
            scores: Of the batch.
            lengths: (B,).
            tags: (T, B), any past a length.
            labels: (B,), -1 where a sentence has none.
        """
        words = lengths.sum().clamp_min(1)
        total = -(self.crf(scores.tags, tags, lengths).sum() / words).to(scores.tags.dtype)
        if labels is None or self.label is None or not bool((labels >= 0).any()):
            return total
        return total + functional.cross_entropy(scores.labels, labels, ignore_index=-1)


@final
class TaggerEnsemble(nn.Module):
    """Taggers of one shape whose scores are averaged, transitions too: the geometric mean of their
    distributions, which is a CRF again. Made of trained ones with `settle`.

    Args:
        members: The taggers; shared, not copied.

    Example:
        >>> shape = TaggerShape(WordShape(9, 5, 3), tags=4)
        >>> ensemble = TaggerEnsemble([SequenceTagger(shape, 1) for _ in range(3)]).settle()
        >>> batch = WordBatch(*(torch.ones(size, dtype=torch.int64) for size in
        ...                     [(6, 2), (2,), (3,), (3,), (7, 3), (3,)]))
        >>> ensemble.decode(ensemble(batch), batch.lengths).shape
        torch.Size([6, 2])
    """

    def __init__(self, members: Sequence[SequenceTagger]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        first = members[0].crf
        allowed = Allowed(*(first.get_buffer(f"allowed_{name}") for name in Allowed._fields))
        self.crf = CRF(first.num_labels, allowed).requires_grad_(False)

    @torch.no_grad()
    def settle(self) -> "TaggerEnsemble":
        """Take the members' transitions as they are now."""
        for name, value in self.crf.named_parameters():
            values = [member.get_parameter(f"crf.{name}").data for member in self.members]
            value.copy_(torch.stack(values).mean(0))
        return self

    def forward(self, batch: WordBatch | StepBatch) -> Scores:
        """Return the mean scores of the tags and of the labels."""
        each = [member(batch) for member in self.members]
        tags, labels = (torch.stack(part).mean(0) for part in zip(*each, strict=True))
        return Scores(tags, labels)

    def decode(self, scores: Scores, lengths: Tensor) -> Tensor:
        """Return (T, B) the likeliest legal tags; see CRF.decode."""
        return self.crf.decode(scores.tags, lengths)

    def best(self, scores: Scores, lengths: Tensor, *, count: int = 1) -> Paths:
        """Return the likeliest legal tag sequences; see CRF.best."""
        return self.crf.best(scores.tags, lengths, count=count)

    def marginals(self, scores: Scores, lengths: Tensor) -> Tensor:
        """Return (T, B, tags) probabilities among the legal tag sequences."""
        return self.crf.marginals(scores.tags, lengths)


def _pooled(states: Tensor, lengths: Tensor) -> Tensor:
    """(B, 2F) mean and maximum of states (T, B, F) over the real steps; zero for none."""
    outside = (torch.arange(len(states), device=states.device)[:, None] >= lengths)[..., None]
    mean = states.sum(0) / lengths[:, None].clamp_min(1)
    # Added, for masked_fill takes three times as long, forward and backward.
    top = (states + torch.where(outside, float("-inf"), 0.0)).amax(0)
    return torch.cat([mean, torch.where(lengths[:, None] > 0, top, 0.0)], -1)
