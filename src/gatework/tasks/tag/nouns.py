"""What the parts of the data are called: sentences of words, or recordings of steps."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from gatework.data.conll import Sentence


class Nouns(NamedTuple):
    """The whole, and what has a tag."""

    whole: str
    step: str


WORDS: Final = Nouns("sentence", "word")
STEPS: Final = Nouns("recording", "step")


def nouns_of(sentences: Sequence[Sentence]) -> Nouns:
    """Return what these are called."""
    return STEPS if sentences and sentences[0].values is not None else WORDS
