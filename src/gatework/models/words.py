"""Words as vectors: what a word is, how it is spelt and how it is written, all learnt.

The words of a batch are encoded once each, however often they stand in it.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatework.layers import LSTM

_SHAPE_SIZE: Final = 8
_PADDING: Final = 0


class WordBatch(NamedTuple):
    """B sequences of words, of which W are different.

    Attributes:
        places: (T, B) which of the W words stands where; past a length, any.
        lengths: (B,) words of each sequence.
        words: (W,) numbers in the vocabulary.
        shapes: (W,) numbers of the way they are written.
        characters: (C, W) numbers of their characters, 0 past the last.
        sizes: (W,) characters of each.
    """

    places: Tensor
    lengths: Tensor
    words: Tensor
    shapes: Tensor
    characters: Tensor
    sizes: Tensor


@dataclass(frozen=True)
class WordShape:
    """What the weights' shapes follow from; part of a saved model.

    Args:
        vocabulary: Words with a learnt vector, the special ones included.
        characters: Known characters, likewise.
        shapes: Ways of writing.
        word_size: Width of a word's own vector.
        character_size: Width of a character's vector.
        spelling_size: Width of each direction of the LSTM over characters.
        vectors: Words with a fixed vector from outside: the first of them are the vocabulary.
        vector_size: Width of those; 0 for none.
    """

    vocabulary: int
    characters: int
    shapes: int
    word_size: int = 100
    character_size: int = 32
    spelling_size: int = 48
    vectors: int = 0
    vector_size: int = 0


@final
class WordEncoder(nn.Module):
    """Each word as its own vector, the end states of a bidirectional LSTM over its characters
    (Lample et al. 2016), a vector for its shape, and a fixed one from outside if there is one.

    In training a word is now and then taken for unknown, the rarer the more often (Kiperwasser &
    Goldberg 2016), so that the network learns to do without.

    Args:
        shape: Sizes.
        unknown: The number of the unknown word.

    Attributes:
        size: Width of the result.

    Example:
        >>> encoder = WordEncoder(WordShape(vocabulary=9, characters=5, shapes=3), unknown=1)
        >>> batch = WordBatch(*(torch.ones(size, dtype=torch.int64) for size in
        ...                     [(4, 2), (2,), (3,), (3,), (6, 3), (3,)]))
        >>> encoder(batch).shape, encoder.size
        (torch.Size([4, 2, 204]), 204)
    """

    def __init__(self, shape: WordShape, unknown: int) -> None:
        super().__init__()
        self.unknown = unknown
        self.has_vectors = shape.vector_size > 0
        self.word = nn.Embedding(shape.vocabulary, shape.word_size)
        self.shape = nn.Embedding(shape.shapes, _SHAPE_SIZE)
        self.character = nn.Embedding(shape.characters, shape.character_size, _PADDING)
        self.spelling = LSTM(shape.character_size, shape.spelling_size, bidirectional=True)
        self.register_buffer("vectors", torch.zeros(shape.vectors, shape.vector_size))
        self.register_buffer("unknown_rate", torch.zeros(shape.vocabulary))
        self.size = shape.word_size + _SHAPE_SIZE + 2 * shape.spelling_size + shape.vector_size
        for table in (self.word, self.shape, self.character):
            # About the size of an LSTM's output, so that none of the features drowns the others.
            nn.init.normal_(table.weight, std=0.3)

    def forward(self, batch: WordBatch) -> Tensor:
        """Return (T, B, F)."""
        words = torch.where(batch.words < self.word.num_embeddings, batch.words, self.unknown)
        if self.training:
            rate = self.get_buffer("unknown_rate")[words]
            words = torch.where(torch.rand_like(rate) < rate, self.unknown, words)
        characters = self.character(batch.characters)
        _, (ends, _) = self.spelling(characters, lengths=batch.sizes)
        features = [self.word(words), self.shape(batch.shapes), *ends]
        if self.has_vectors:
            features.append(functional.embedding(batch.words, self.get_buffer("vectors")))
        return functional.embedding(batch.places, torch.cat(features, -1))
