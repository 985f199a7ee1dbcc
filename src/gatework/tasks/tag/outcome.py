"""What a fit leaves behind for people to read: the input of the report and of the summary."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from gatework.data.conll import Sentence
from gatework.tasks.settings import Choice
from gatework.tasks.tag.fitted import Answer
from gatework.tasks.tag.scores import Scores
from gatework.tasks.tag.spans import Scheme
from gatework.training.history import Curve

_AROUND: Final = 6  # words shown on each side of a mistake
MOST_MISTAKES: Final = 20
MOST_CONFUSIONS: Final = 15


class Mistake(NamedTuple):
    """A word with a wrong tag: its place, its neighbours, and how sure the model was."""

    row: int
    before: str
    word: str
    after: str
    true: str
    said: str
    probability: float


class Confusion(NamedTuple):
    """A true tag or label, what was said instead, how often, and for which words mostly."""

    true: str
    said: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """A finished fit.

    Args:
        settings: Every setting by name.
        choices: Settings chosen from the data, with the reason.
        scheme: How the tags write spans.
        scores: Of the judged part.
        mistakes: The most confident ones there.
        confusions: The most frequent ones there, of tags.
        label_confusions: Likewise, of the sentences' labels.
        judged: That part.
        answers: To it.
        curves: The training of each network: (step, training loss, validation error or None).
        data: Facts about the data, as pairs of a name and a value to read.
        training: Facts about the training, likewise.
        notes: What a reader must know about the data, one line each.
    """

    settings: Mapping[str, Any]
    choices: tuple[Choice, ...]
    scheme: Scheme
    scores: Scores
    mistakes: tuple[Mistake, ...]
    confusions: tuple[Confusion, ...]
    label_confusions: tuple[Confusion, ...]
    judged: tuple[Sentence, ...]
    answers: tuple[Answer, ...]
    curves: tuple[Curve, ...]
    data: tuple[tuple[str, str], ...]
    training: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def mistakes_of(sentences: Sequence[Sentence], answers: Sequence[Answer]) -> tuple[Mistake, ...]:
    """Return the wrong tags that the model was surest of; the answers have probabilities."""
    found = []
    for sentence, answer in zip(sentences, answers, strict=True):
        tokens, chances = sentence.tokens, answer.probabilities or ()
        for place, true in enumerate(sentence.tags or ()):
            if true != answer.tags[place]:
                before = tokens[max(0, place - _AROUND) : place]
                after = tokens[place + 1 : place + 1 + _AROUND]
                found.append(
                    Mistake(
                        sentence.row,
                        " ".join(before),
                        tokens[place],
                        " ".join(after),
                        true,
                        answer.tags[place],
                        chances[place],
                    )
                )
    return tuple(sorted(found, key=lambda each: -each.probability)[:MOST_MISTAKES])


def confusions_of(
    sentences: Sequence[Sentence], answers: Sequence[Answer]
) -> tuple[Confusion, ...]:
    """Return the pairs of a true and a given tag that were met most often."""
    words: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for sentence, answer in zip(sentences, answers, strict=True):
        for word, true, said in zip(sentence.tokens, sentence.tags or (), answer.tags, strict=True):
            if true != said:
                words[true, said][word] += 1
    return _most(words)


def label_confusions_of(
    sentences: Sequence[Sentence], answers: Sequence[Answer]
) -> tuple[Confusion, ...]:
    """Return the pairs of a true and a given label that were met most often."""
    texts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for sentence, answer in zip(sentences, answers, strict=True):
        if sentence.label is not None and sentence.label != answer.label:
            texts[sentence.label, str(answer.label)][" ".join(sentence.tokens)] += 1
    return _most(texts, examples=1)


def _most(
    found: Mapping[tuple[str, str], Counter[str]], examples: int = 3
) -> tuple[Confusion, ...]:
    every = [
        Confusion(true, said, counts.total(), tuple(w for w, _ in counts.most_common(examples)))
        for (true, said), counts in found.items()
    ]
    return tuple(sorted(every, key=lambda each: -each.count)[:MOST_CONFUSIONS])
