"""The taggers that cost nothing, or little, to set beside a network."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, final

from gatework.data.conll import Sentence
from gatework.tasks.tag.encoding import shape_of

_RARE: Final = 2  # words seen so often or less say what unknown words are like
_LONGEST_ENDING: Final = 3


class RuleAnswers(NamedTuple):
    """What a rule says of some sentences: tags for each, and a label."""

    name: str
    tags: Sequence[Sequence[str]]
    labels: Sequence[str | None]


@final
@dataclass(frozen=True)
class MostFrequent:
    """A word gets the tag it had most often; an unknown one, the tag that rare words of the same
    ending and way of writing had most often. Every sentence gets the most frequent label.

    Saves as plain data.

    Args:
        words: Tag of each known word.
        endings: Tag by way of writing and ending, as in `1:ing`.
        tag: Tag where no rule fits.
        label: The label; None if the data has none.

    Example:
        >>> rule = MostFrequent.learn([Sentence(("a", "running", "b"), ("D", "V", "D"))])
        >>> rule.tags(["a", "falling", "?"])
        ('D', 'V', 'D')
    """

    words: Mapping[str, str]
    endings: Mapping[str, str]
    tag: str
    label: str | None

    @classmethod
    def learn(cls, sentences: Sequence[Sentence]) -> "MostFrequent":
        """Count tagged sentences."""
        by_word: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for sentence in sentences:
            for word, tag in zip(sentence.tokens, sentence.tags or (), strict=True):
                by_word[word][tag] += 1
        everything: Counter[str] = Counter()
        by_ending: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for word, counts in by_word.items():
            everything += counts
            if counts.total() <= _RARE:
                for ending in _endings(word):
                    by_ending[ending] += counts
        labels = Counter(s.label for s in sentences if s.label is not None)
        return cls(
            {word: _first(counts) for word, counts in by_word.items()},
            {ending: _first(counts) for ending, counts in by_ending.items()},
            _first(everything),
            _first(labels) if labels else None,
        )

    def answers(self, sentences: Sequence[Sentence]) -> tuple[RuleAnswers, ...]:
        """Return what the rule says of sentences."""
        tags = [self.tags(sentence.tokens) for sentence in sentences]
        return (RuleAnswers("most-frequent", tags, [self.label] * len(sentences)),)

    def tags(self, tokens: Iterable[str]) -> tuple[str, ...]:
        """Return a tag for each word."""
        return tuple(map(self._tag, tokens))

    def _tag(self, word: str) -> str:
        if word in self.words:
            return self.words[word]
        found = (self.endings[key] for key in _endings(word) if key in self.endings)
        return next(found, self.tag)


def _endings(word: str) -> list[str]:
    """Return keys of a word, the most telling first."""
    shape = shape_of(word)
    return [f"{shape}:{word[-size:].lower()}" for size in range(_LONGEST_ENDING, 0, -1)] + [
        f"{shape}:"
    ]


def _first(counts: Counter[str]) -> str:
    return counts.most_common(1)[0][0]
