"""From texts or recordings to what a network reads, with constants of the training part alone."""

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, final

import msgspec
import torch
from torch import Tensor

from gatework.data.labelled import Sequences, Texts
from gatework.data.ragged import Ragged
from gatework.data.text import UNKNOWN, Characters, Tokeniser, Vocabulary, Words, restore_tokeniser
from gatework.data.text.tokenisers import Bytes
from gatework.errors import InputError
from gatework.tasks.classify.bags import Bag, Pairs
from gatework.tasks.classify.settings import ClassifySettings
from gatework.tasks.settings import Choice

LONGEST_TEXT: Final = 1_000
_FEW_WORDS: Final = 2.5
_MANY_WORDS: Final = 200_000
_SUBWORDS: Final = 8_000
_MUCH_TEXT: Final = 20_000  # tokens from which one that was seen once is left unknown
MOST_PAIRS: Final = 500_000


class Encoded(NamedTuple):
    """S sequences for a network and for the baselines.

    Args:
        steps: Token numbers, or values (N, F), end to end.
        statics: (S, K) float32 what does not change over time; K may be 0.
        bag: What they hold, whatever the order.
        cut: How many were longer than a network reads, and were cut.
    """

    steps: Ragged
    statics: Tensor
    bag: Bag
    cut: int


class Encoder(abc.ABC):
    """Makes any sequences ready, always in the same way."""

    kind: str

    @abc.abstractmethod
    def encode(self, sequences: Sequences) -> Encoded:
        """Make sequences ready.

        Raises:
            InputError: They are not like those of the fit.
        """

    @abc.abstractmethod
    def step_names(self, sequences: Sequences, place: int) -> list[str]:
        """Return a word for each step of one sequence: its token, or its time."""

    @abc.abstractmethod
    def plain(self) -> dict[str, Any]:
        """Return plain values for config.json."""

    @abc.abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Return what else it needs, for a safetensors file."""


@final
@dataclass(frozen=True, eq=False)
class TextEncoder(Encoder):
    """Cuts texts and numbers their tokens.

    Args:
        tokeniser: Cuts texts.
        vocabulary: Every token of the training part, frequent first.
        known: Numbers the network has vectors for; those from there on it reads as unknown.
        max_length: Tokens that a longer text is cut to.
        pairs: The neighbours that the baselines know.
    """

    kind = "text"
    tokeniser: Tokeniser
    vocabulary: Vocabulary
    known: int
    max_length: int
    pairs: Pairs

    @classmethod
    def fit(cls, texts: Texts, settings: ClassifySettings) -> tuple["TextEncoder", list[Choice]]:
        """Learn from texts, and say what was chosen."""
        if not any(text.strip() for text in texts.texts):
            raise InputError("all texts are empty: there is nothing to tell them apart by")
        choices: list[Choice] = []
        tokeniser = _choose_tokeniser(texts, settings, choices)
        longest = settings.max_length or LONGEST_TEXT
        tokens = [tokeniser.tokens(text)[:longest] for text in texts.texts]
        vocabulary = Vocabulary.of(tokens)
        ragged = Ragged.of_ids([vocabulary.ids(each) for each in tokens])
        total, least = len(ragged.values), settings.least
        if least is None:
            least = 2 if total >= _MUCH_TEXT else 1
            choices.append(Choice("least", least, f"{total:,} tokens in {len(tokens):,} texts"))
        counts = torch.bincount(ragged.values, minlength=len(vocabulary))
        special = len(vocabulary) - len(vocabulary.words)
        known = special + int((counts[special:] >= least).sum())
        pairs = Pairs.of(ragged, len(vocabulary), most=MOST_PAIRS)
        return cls(tokeniser, vocabulary, known, longest, pairs), choices

    def encode(self, sequences: Sequences) -> Encoded:
        """Make texts ready.

        Raises:
            InputError: They are no texts.
        """
        if not isinstance(sequences, Texts):
            raise InputError("this model was fitted on texts; expected texts")
        ids, cut = [], 0
        for text in sequences.texts:
            tokens = self.tokeniser.tokens(text)
            cut += len(tokens) > self.max_length
            ids.append(self.vocabulary.ids(tokens[: self.max_length]))
        ragged = Ragged.of_ids(ids)
        steps = torch.where(ragged.values < self.known, ragged.values, UNKNOWN)
        bag = self.pairs.bag(ragged)
        return Encoded(Ragged(steps, ragged.offsets), torch.zeros(len(ids), 0), bag, cut)

    def step_names(self, sequences: Sequences, place: int) -> list[str]:
        """Return the tokens of one text."""
        assert isinstance(sequences, Texts)
        return self.tokeniser.tokens(sequences.texts[place])[: self.max_length]

    def plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "kind": self.kind,
            "tokeniser": self.tokeniser.plain(),
            "vocabulary": list(self.vocabulary.words),
            "known": self.known,
            "max_length": self.max_length,
        }

    def tensors(self) -> dict[str, Tensor]:
        """Return the pairs."""
        return {"pairs": self.pairs.keys}

    @classmethod
    def restore(cls, plain: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> "TextEncoder":
        """Rebuild from `plain` and `tensors`.

        Raises:
            InputError: They are damaged.
        """
        vocabulary = Vocabulary(msgspec.convert(plain["vocabulary"], tuple[str, ...]))
        return cls(
            restore_tokeniser(plain["tokeniser"]),
            vocabulary,
            msgspec.convert(plain["known"], int),
            msgspec.convert(plain["max_length"], int),
            Pairs(tensors["pairs"], len(vocabulary)),
        )


def _choose_tokeniser(texts: Texts, settings: ClassifySettings, choices: list[Choice]) -> Tokeniser:
    words = Words(lower=settings.lower)
    kind = settings.tokens
    if kind is None:
        cut = [words.tokens(text) for text in texts.texts]
        total, different = sum(map(len, cut)), len({word for each in cut for word in each})
        mean = total / max(len(cut), 1)
        kind, reason = "words", f"{different:,} different words, {mean:.1f} a text"
        if mean < _FEW_WORDS:
            kind, reason = "characters", f"{mean:.1f} words a text are few"
        elif different > _MANY_WORDS:
            kind, reason = "subwords", f"{different:,} different words are many"
        choices.append(Choice("tokens", kind, reason))
    match kind:
        case "characters":
            return Characters()
        case "bytes":
            return Bytes()
        case "subwords":
            from gatework.data.text.subwords import Subwords

            return Subwords.learn(texts.texts, size=_SUBWORDS)
    return words
