"""The network of `gatework.Tagger` as people write it with torch.nn, to time beside ours.

Its weights have the names and shapes of `SequenceTagger`'s, so that it takes a state dict of ours
and can be held against us: the same loss and the same gradients. Nothing of Gatework computes in
it: torch's LSTM on packed sequences, embeddings, dropout and AdamW, and a CRF that sums in the log
domain, as pytorch-crf does (https://github.com/kmkurn/pytorch-crf), but for the score of the given
labels, which it takes step by step and this one at once.
"""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatework.models.tagger import SequenceTagger, TaggerShape
from gatework.models.words import WordBatch
from gatework.tasks.tag.encoding import Encoded, Example


@final
class Packed(nn.LSTM):
    """torch.nn.LSTM on packed sequences, called as ours is."""

    def forward(  # type: ignore[override]
        self, x: Tensor, *, lengths: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Pack, run, unpack."""
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        output, state = super().forward(packed)
        return pad_packed_sequence(output)[0], state


@final
class LogCRF(nn.Module):
    """A linear-chain CRF on padded batches, in logarithms."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(count, count))
        self.start = nn.Parameter(torch.zeros(count))
        self.end = nn.Parameter(torch.zeros(count))

    def forward(self, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Return (B,) log-likelihoods of tags (T, B) under emissions (T, B, L)."""
        steps, batch, _ = emissions.shape
        mask = torch.arange(steps)[:, None] < lengths
        chosen = emissions.gather(2, tags[..., None])[..., 0]
        pairs = self.transitions[tags[:-1], tags[1:]]
        last = tags[lengths - 1, torch.arange(batch)]
        score = (chosen * mask).sum(0) + (pairs * mask[1:]).sum(0)
        score = score + self.start[tags[0]] + self.end[last]
        sums = self.start + emissions[0]
        for emission, inside in zip(emissions[1:], mask[1:], strict=True):
            onward = torch.logsumexp(sums[:, :, None] + self.transitions, 1) + emission
            sums = torch.where(inside[:, None], onward, sums)
        return score - torch.logsumexp(sums + self.end, 1)


@final
class PlainWords(nn.Module):
    """Word, way of writing and spelling of each of W words, side by side."""

    def __init__(self, like: SequenceTagger) -> None:
        super().__init__()
        assert like.words is not None
        ours = like.words
        self.word, self.shape, self.character = (
            nn.Embedding(table.num_embeddings, table.embedding_dim, table.padding_idx)
            for table in (ours.word, ours.shape, ours.character)
        )
        self.spelling = nn.LSTM(
            ours.spelling.input_size, ours.spelling.hidden_size, bidirectional=True
        )
        self.unknown = ours.unknown
        self.register_buffer("unknown_rate", torch.zeros(len(ours.word.weight)))

    def forward(self, batch: WordBatch) -> Tensor:
        """Return (W, F)."""
        words = batch.words
        if self.training:
            rate = self.get_buffer("unknown_rate")[words]
            words = torch.where(torch.rand_like(rate) < rate, self.unknown, words)
        characters = self.character(batch.characters)
        packed = pack_padded_sequence(characters, batch.sizes, enforce_sorted=False)
        _, (ends, _) = self.spelling(packed)
        return torch.cat([self.word(words), self.shape(batch.shapes), ends[0], ends[1]], -1)


@final
class PlainTagger(nn.Module):
    """`SequenceTagger` of words, in torch alone.

    Args:
        like: Ours; its sizes and weights are taken.
        each: Whether batches hold every word as often as it stands in them (`load_each`), and not
            once.
    """

    def __init__(self, like: SequenceTagger, *, each: bool) -> None:
        super().__init__()
        shape: TaggerShape = like.shape
        self.each, self.dropout = each, shape.dropout
        self.words = PlainWords(like)
        self.lstm = Packed(like.lstm.input_size, shape.hidden_size, bidirectional=True)
        self.emit = nn.Linear(2 * shape.hidden_size, shape.tags)
        self.label = nn.Linear(4 * shape.hidden_size, shape.labels) if shape.labels else None
        self.crf = LogCRF(shape.tags)
        weights = like.state_dict()
        del weights["words.vectors"]  # from outside; there are none
        self.load_state_dict(weights)

    def loss(self, example: Example[WordBatch]) -> Tensor:
        """Return the mean loss a word, plus the mean loss a sentence."""
        batch = example.batch
        words = self.words(batch)
        if self.each:
            words = words.view(*batch.places.shape, -1)
        else:
            words = functional.embedding(batch.places, words)
        states = self._dropped(self.lstm(self._dropped(words), lengths=batch.lengths)[0])
        likelihood = self.crf(self.emit(states), example.tags, batch.lengths)
        total = -likelihood.sum() / batch.lengths.sum()
        if self.label is None:
            return total
        outside = torch.arange(len(states))[:, None] >= batch.lengths
        top = states.masked_fill(outside[..., None], float("-inf")).amax(0)
        labels = self.label(torch.cat([states.sum(0) / batch.lengths[:, None], top], -1))
        return total + functional.cross_entropy(labels, example.labels, ignore_index=-1)

    def _dropped(self, values: Tensor) -> Tensor:
        """Drop features of a sequence at all its steps."""
        mask = functional.dropout(values.new_ones(values.shape[1:]), self.dropout, self.training)
        return values * mask if self.training else values


def load_each(encoded: Encoded, index: Tensor) -> Example[WordBatch]:
    """Return the batch of the sentences at `index`, every word with its characters."""
    places, lengths = encoded.places.padded(index)
    flat = places.flatten()
    characters, sizes = encoded.spellings.padded(flat)
    # A word past the end of its sentence needs a character, and no more.
    outside = torch.arange(len(places))[:, None] >= lengths
    sizes = sizes.masked_fill(outside.flatten(), 1)
    characters = characters[: int(sizes.max())]
    numbers = torch.arange(len(flat)).view_as(places)
    batch = WordBatch(
        numbers, lengths, encoded.words[flat], encoded.shapes[flat], characters, sizes
    )
    return Example(batch, encoded.tags.padded(index).values, encoded.labels[index])
