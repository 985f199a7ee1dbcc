"""Sentences as numbers: words, spellings, shapes, tags; and batches of them for the network."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Generic, NamedTuple, TypeVar, final

import torch
from torch import Tensor

from gatework.data.conll import Sentence
from gatework.data.ragged import Ragged
from gatework.data.text import Vocabulary
from gatework.models.tagger import StepBatch
from gatework.models.words import WordBatch

SHAPES: Final = 7
_HALF: Final = 15  # characters kept of each end of a long word
_UNKNOWN_LABEL: Final = -1
_DIGIT: Final = re.compile(r"\d")

Batch = TypeVar("Batch", WordBatch, StepBatch, covariant=True)


class Example(NamedTuple, Generic[Batch]):
    """A batch of sentences: what the network reads, and what it should say where that is known.

    Attributes:
        batch: The words, or the steps.
        tags: (T, B) numbers of the tags.
        labels: (B,) numbers of the sentences' labels, -1 where there is none.
    """

    batch: Batch
    tags: Tensor
    labels: Tensor


@final
@dataclass(frozen=True, eq=False)
class Encoded:
    """Encoded sentences; D different words stand in them.

    Args:
        places: Which of the D words stands where.
        words: (D,) numbers in the vocabulary.
        shapes: (D,) ways they are written.
        spellings: Their characters.
        tags: Of each word of each sentence; zeros where unknown.
        labels: (S,) of the sentences, -1 where unknown.
    """

    places: Ragged
    words: Tensor
    shapes: Tensor
    spellings: Ragged
    tags: Ragged
    labels: Tensor

    @property
    def lengths(self) -> Tensor:
        """(S,) words of each."""
        return self.places.lengths

    def load(self, index: Tensor) -> Example[WordBatch]:
        """Return the batch of the sentences at `index` (B,)."""
        places, lengths = self.places.padded(index)
        # Padding is place 0: a word that need not stand in the batch, yet has to be encoded then.
        different, inverse = torch.unique(places, return_inverse=True)
        characters, sizes = self.spellings.padded(different)
        words = WordBatch(
            inverse, lengths, self.words[different], self.shapes[different], characters, sizes
        )
        return Example(words, self.tags.padded(index).values, self.labels[index])


@final
@dataclass(frozen=True)
class Encoder:
    """What turns sentences into numbers, learnt from training sentences; saves as plain data.

    Args:
        words: Known words, as `normal` writes them: those of the training sentences, then others.
        learnt: How many of the numbers, special ones included, are of the training sentences.
        characters: Known characters.
        tags: The tags in the order of their numbers.
        labels: The labels of sentences, likewise.

    Example:
        >>> sentence = Sentence(("Rome", "fell"), ("B-LOC", "O"), "news")
        >>> encoder = Encoder.learn([sentence])
        >>> encoder.encode([sentence]).load(torch.tensor([0])).tags.T.tolist()
        [[0, 1]]
    """

    words: Vocabulary
    learnt: int
    characters: Vocabulary
    tags: tuple[str, ...]
    labels: tuple[str, ...]

    @classmethod
    def learn(
        cls, sentences: Sequence[Sentence], *, least: int = 1, extra: Iterable[str] = ()
    ) -> "Encoder":
        """Take the vocabularies and labels of tagged sentences.

        Args:
            sentences: With tags.
            least: How often a word must have been seen to be known.
            extra: Further words to know.
        """
        words = Vocabulary.of(([normal(w) for w in s.tokens] for s in sentences), least=least)
        known = dict.fromkeys((*words.words, *extra))
        return cls(
            Vocabulary(tuple(known)),
            len(words),
            Vocabulary.of(token for sentence in sentences for token in sentence.tokens),
            _by_frequency(tag for sentence in sentences for tag in sentence.tags or ()),
            _by_frequency(s.label for s in sentences if s.label is not None),
        )

    def encode(self, sentences: Sequence[Sentence]) -> Encoded:
        """Return sentences as numbers; tags and labels that are not known count as absent."""
        different: dict[str, int] = {}
        places = [[different.setdefault(w, len(different)) for w in s.tokens] for s in sentences]
        forms = list(different) or [""]
        tags = self._tag_numbers
        return Encoded(
            Ragged.of_ids(places),
            torch.tensor(self.words.ids(normal(word) for word in forms)),
            torch.tensor([shape_of(word) for word in forms]),
            Ragged.of_ids([self.characters.ids(_short(word)) for word in forms]),
            Ragged.of_ids(
                [
                    [tags.get(tag, 0) for tag in s.tags] if s.tags else [0] * len(s.tokens)
                    for s in sentences
                ]
            ),
            torch.tensor([self._label_numbers.get(s.label, _UNKNOWN_LABEL) for s in sentences]),
        )

    def counts(self, sentences: Iterable[Sentence]) -> Tensor:
        """Return (learnt,) how often each word of the vocabulary stands in sentences."""
        seen = Counter(normal(word) for sentence in sentences for word in sentence.tokens)
        words = self.words.words[: self.learnt - 2]
        return torch.tensor([0.0, 0.0, *(float(seen[word]) for word in words)])

    @cached_property
    def _tag_numbers(self) -> dict[str, int]:
        return {tag: number for number, tag in enumerate(self.tags)}

    @cached_property
    def _label_numbers(self) -> dict[str | None, int]:
        return {label: number for number, label in enumerate(self.labels)}


def normal(word: str) -> str:
    """Return a word in small letters, any digit as 0: what has a vector of its own.

    Example:
        >>> normal("B-52s")
        'b-00s'
    """
    return _DIGIT.sub("0", word.lower())


def shape_of(word: str) -> int:
    """Return how a word is written: small, Title, CAPITALS, a Capital alone, mIxed, with digits, or
    of no letters.

    Example:
        >>> [shape_of(word) for word in ("a", "Ab", "AB", "A", "aB", "B2", "...")]
        [0, 1, 2, 3, 4, 5, 6]
    """
    if _DIGIT.search(word):
        return 5
    if not any(map(str.isalpha, word)):
        return 6
    if word == word.lower():
        return 0
    if len(word) == 1:
        return 3
    if word == word.upper():
        return 2
    return 1 if word[0].isupper() and word[1:] == word[1:].lower() else 4


def _short(word: str) -> str:
    return word if len(word) <= 2 * _HALF else word[:_HALF] + word[-_HALF:]


def _by_frequency(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name, _ in Counter(names).most_common())
