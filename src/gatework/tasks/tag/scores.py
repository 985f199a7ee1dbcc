"""The score table: Gatework beside the taggers that cost nothing, and who won."""

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple, final

from gatework.data.conll import Sentence
from gatework.tasks.columns import in_columns
from gatework.tasks.tag.nouns import WORDS, Nouns
from gatework.tasks.tag.runs import score_runs
from gatework.tasks.tag.spans import Scheme, TypeScore, score_spans, score_tags

MODEL: Final = "gatework"
MOST_TYPES: Final = 40


class TagScore(NamedTuple):
    """The row of one method; parts of 1, None where there is nothing to judge.

    Attributes:
        name: Of the method.
        accuracy: Words with the right tag.
        unknown_accuracy: The same, of words that training never saw.
        precision: Found spans that are right in type and both ends.
        recall: True spans that were found.
        f1: Harmonic mean of the two.
        label_accuracy: Sentences with the right label.
        macro_f1: Of steps, the mean over tags of the F1 of each.
        run_f1: Of steps, how well runs of one tag were found; see `score_runs`.
    """

    name: str
    accuracy: float
    unknown_accuracy: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    label_accuracy: float | None
    macro_f1: float | None = None
    run_f1: float | None = None


class Duel(NamedTuple):
    """Gatework against the best rule on one metric; higher wins."""

    metric: str
    score: float
    rival: str
    rival_score: float


_HEADS: Final = {
    "f1": "span F1",
    "precision": "precision",
    "recall": "recall",
    "accuracy": "tag accuracy",
    "unknown_accuracy": "of unknown words",
    "label_accuracy": "label accuracy",
    "macro_f1": "macro F1",
    "run_f1": "run F1@50",
}
_RIVALS: Final = {
    "most-frequent": "the most frequent tag",
    "majority": "the majority",
    "logistic": "logistic regression",
}


@final
@dataclass(frozen=True)
class Scores:
    """How well sentences were tagged: Gatework first, the rules beside it.

    Args:
        methods: One row a method.
        types: Gatework's spans by type, or its words by tag where tags are no spans.
        part: What the sentences are called, such as `test`.
        sentences: How many were judged.
        words: In them.
        nouns: What the two are called.
        chosen_on: Whether the weights were chosen by these very sentences, which flatters them.
        notes: What else a reader must know.
    """

    methods: tuple[TagScore, ...]
    types: tuple[TypeScore, ...]
    part: str
    sentences: int
    words: int
    nouns: Nouns = WORDS
    chosen_on: bool = False
    notes: tuple[str, ...] = ()

    def duels(self) -> tuple[Duel, ...]:
        """Set Gatework against the best rule: on spans, on the macro F1 of steps or on tags, then
        on labels if there are any."""
        model, *rules = self.methods
        main = next(n for n in ("f1", "macro_f1", "accuracy") if getattr(model, n) is not None)
        names = [main] if model.label_accuracy is None else [main, "label_accuracy"]
        return tuple(
            Duel(_HEADS[name], getattr(model, name), best.name, getattr(best, name))
            for name in names
            for best in [max(rules, key=lambda rule, name=name: getattr(rule, name))]
        )

    def won(self) -> bool:
        """Tell whether Gatework is the better on all that counts."""
        return all(duel.score > duel.rival_score for duel in self.duels())

    def verdict(self) -> str:
        """Say in one sentence who won."""
        duels = self.duels()
        rival = _RIVALS[duels[0].rival]
        figures = "; ".join(f"{d.metric} {d.score:.4f} against {d.rival_score:.4f}" for d in duels)
        if self.won():
            return f"Gatework beats {rival} ({figures})."
        if any(duel.score > duel.rival_score for duel in duels):
            return f"Gatework beats {rival} in part ({figures})."
        if all(duel.score == duel.rival_score for duel in duels):
            return f"Gatework and {rival} tie ({figures})."
        return f"Gatework loses to {rival} ({figures}): prefer the rule here."

    def records(self) -> list[dict[str, str | float | None]]:
        """Return one flat row a method, for any data frame."""
        return [{"method": method.name} | self._figures(method) for method in self.methods]

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the header and the rows of the table as people read it."""
        names = list(self._figures(self.methods[0]))
        rows = [
            (spoken(each.name), *(written(getattr(each, name)) for name in names))
            for each in self.methods
        ]
        return ("", *(_HEADS[name] for name in names)), rows

    def type_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the table by type: precision, recall and F1, and how many there truly are."""
        rows = [
            (each.type or "(untyped)", *map(written, (each.precision, each.recall, each.f1)),
             f"{each.true:,}", f"{each.found:,}")
            for each in self.types
        ]  # fmt: skip
        return ("", "precision", "recall", "F1", "true", "found"), rows

    def remarks(self) -> tuple[str, ...]:
        """Return what a reader of the table must know."""
        (whole, step), plural = self.nouns, "s" if self.sentences != 1 else ""
        remarks = [f"{self.part}: {self.sentences:,} {whole}{plural}, {self.words:,} {step}s."]
        if self.chosen_on:
            remarks.append(
                f"The weights were chosen by these {whole}s, which flatters Gatework a little; "
                "give a test file for a clean score."
            )
        return (*remarks, *self.notes)

    def __str__(self) -> str:
        header, rows = self.table()
        return "\n".join(
            [*in_columns(zip(header, *rows, strict=True)), *self.remarks(), self.verdict()]
        )

    def _figures(self, method: TagScore) -> dict[str, str | float | None]:
        """Return the figures that are defined for Gatework."""
        model = self.methods[0]
        return {n: getattr(method, n) for n in _HEADS if getattr(model, n) is not None}


def score_method(
    name: str,
    tags: Sequence[Sequence[str]],
    labels: Sequence[str | None],
    sentences: Sequence[Sentence],
    *,
    scheme: Scheme,
    known: Collection[str] | None,
) -> tuple[TagScore, tuple[TypeScore, ...]]:
    """Judge one method, and its spans or tags by type.

    Args:
        name: Of the method.
        tags: What the method said.
        labels: Of the sentences, likewise.
        sentences: With their true tags and labels.
        scheme: How the tags write spans.
        known: The words of the training sentences; None of recordings.
    """
    true = [sentence.tags or () for sentence in sentences]
    words = list(chain(*(sentence.tokens for sentence in sentences)))
    right = [g == s for g, s in zip(chain(*true), chain(*tags), strict=True)]
    new = [
        hit
        for word, hit in zip(words, right, strict=True)
        if known is not None and word not in known
    ]
    judged = [(s.label, k) for s, k in zip(sentences, labels, strict=True) if s.label is not None]
    is_plain = scheme == "plain"
    spans = score_tags(true, tags) if is_plain else score_spans(true, tags)
    whole = None if is_plain else spans.overall
    score = TagScore(
        name,
        _share(right) or 0.0,
        _share(new),
        whole.precision if whole else None,
        whole.recall if whole else None,
        whole.f1 if whole else None,
        _share([gold == said for gold, said in judged]) if labels[:1] != [None] else None,
        statistics.mean(each.f1 for each in spans.types) if known is None else None,
        score_runs(true, tags) if known is None else None,
    )
    return score, tuple(sorted(spans.types, key=lambda each: -each.true))


def written(value: float | None) -> str:
    """Write a score; a dash where there is none."""
    return "-" if value is None else f"{value:.4f}"


def spoken(name: str) -> str:
    """Return a method's name for people."""
    return "Gatework" if name == MODEL else name.replace("-", " ")


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None
