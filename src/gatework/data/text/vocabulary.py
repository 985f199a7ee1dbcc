"""Tokens and their numbers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

from gatework.errors import InputError

PADDING: Final = 0
UNKNOWN: Final = 1
_SPECIAL: Final = ("<pad>", "<unk>")


@final
@dataclass(frozen=True)
class Vocabulary:
    """Which number each token has: 0 pads, 1 is any token that is not known, then the frequent.

    A plain dataclass: msgspec saves and restores it as it is.

    Args:
        words: The known tokens; the first has number 2.

    Example:
        >>> vocabulary = Vocabulary.of([["the", "cat"], ["the", "dog"]], least=1)
        >>> vocabulary.ids(["the", "unicorn"]), len(vocabulary)
        ([2, 1], 5)
        >>> vocabulary.tokens([2, 1])
        ['the', '<unk>']
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.words)) < len(self.words):
            raise InputError("a token is twice in the vocabulary")

    @classmethod
    def of(
        cls, sequences: Iterable[Sequence[str]], *, least: int = 1, most: int | None = None
    ) -> "Vocabulary":
        """Take the tokens seen at least `least` times, at most `most` of them, frequent first.

        Equal counts are in order of first appearance, so the same texts give the same numbers.
        """
        counts: Counter[str] = Counter()
        for sequence in sequences:
            counts.update(sequence)
        return cls(tuple(word for word, count in counts.most_common(most) if count >= least))

    def __len__(self) -> int:
        """Return how many numbers there are, the two special ones included."""
        return len(self.words) + len(_SPECIAL)

    def __contains__(self, token: object) -> bool:
        return token in self.numbers

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each known token."""
        return {word: number for number, word in enumerate(self.words, start=len(_SPECIAL))}

    def ids(self, tokens: Iterable[str]) -> list[int]:
        """Return the number of each token."""
        find = self.numbers.get
        return [find(token, UNKNOWN) for token in tokens]

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Return the token of each number.

        Raises:
            IndexError: A number is not of this vocabulary.
        """
        return [(_SPECIAL + self.words)[number] for number in ids]
