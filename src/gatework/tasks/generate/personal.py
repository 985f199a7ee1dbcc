"""A run for one person: a model that has learnt their text, and what that gained and cost."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from gatework.data.stream import TokenStream, encode
from gatework.data.stream_corpus import Corpus
from gatework.errors import InputError
from gatework.models.language import judge
from gatework.tasks.generate.adapting import adapt
from gatework.tasks.generate.completing import Completer, completes_words
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.job import Job, samples_of, score, training_facts
from gatework.tasks.generate.outcome import Outcome, surprises_of
from gatework.tasks.generate.scores import MethodScore
from gatework.tasks.generate.typing_aid import OFFERS, Typed, type_out
from gatework.training import Progress
from gatework.training.history import curves_of

BEFORE: Final = "run it began from"
_JUDGED, _CHOOSING = 0.2, 0.1  # last parts of the text, and of what is before that


class Standing(NamedTuple):
    """How well a model does.

    Attributes:
        theirs: Nats a character of the end of the person's text, which nothing was learnt from.
        own: Nats a character of the text that the run keeps an excerpt of.
        typed: The end of the person's text typed with its offers; None where there are none.
    """

    theirs: float
    own: float
    typed: Typed | None


class Gains(NamedTuple):
    """What adapting changed.

    Attributes:
        before: The run that it began from.
        after: The new one.
        seconds: That it took.
        characters: Of the person's text that were learnt from, and judged.
        unknown: How many of those judged the run had never seen.
    """

    before: Standing
    after: Standing
    seconds: float
    characters: tuple[int, int]
    unknown: int

    def table(self) -> list[tuple[str, str, str]]:
        """Return rows of a name, the value before and that after, as text."""
        judged, (before, after) = self.characters[1], self[:2]
        rows = [
            (f"their text, last {judged:,} characters, nats each", before.theirs, after.theirs),
            ("the run's own text, nats each", before.own, after.own),
        ]
        told = [(name, f"{old:.3f}", f"{new:.3f}") for name, old, new in rows]
        if before.typed is not None and after.typed is not None:
            shares = [
                ("words foretold", before.typed.foretold, after.typed.foretold),
                ("keystrokes saved", before.typed.saved, after.typed.saved),
            ]
            told += [
                (f"{name} by {OFFERS} offers", f"{old:.1%}", f"{new:.1%}")
                for name, old, new in shares
            ]
        return [("", "before", "after"), *told]

    def __str__(self) -> str:
        names, *columns = zip(*self.table(), strict=True)
        width = max(map(len, names))
        lines = (
            f"{name:<{width}}  " + "  ".join(f"{value:>7}" for value in values)
            for name, *values in zip(names, *columns, strict=True)
        )
        return "\n".join([*lines, *self.remarks()])

    def remarks(self) -> list[str]:
        """Return what else a reader must know."""
        if not self.unknown:
            return []
        return [
            f"{self.unknown:,} of those characters the run had never seen; it cannot learn them"
        ]


class Personal(NamedTuple):
    """What adapting gives: the model with what to tell about it, and the gains."""

    job: Job
    gains: Gains


class _Text(NamedTuple):
    learnt: TokenStream
    choosing: TokenStream
    judged: TokenStream
    judged_text: str


def personalise(
    fitted: Fitted,
    corpus: Corpus,
    excerpt: str,
    settings: Mapping[str, Any],
    *,
    progress: Progress | None = None,
) -> Personal:
    """Learn from a person's text; the last fifth of it is judged, once, before and after.

    Args:
        fitted: The model; it stays as it is.
        corpus: Their text.
        excerpt: Of the text that the run was judged on, to see what is forgotten.
        settings: Of the run, for the report; its seed is that of everything random.
        progress: Where to show how far it is.

    Raises:
        InputError: The text is too short, or the model is one of music.
    """
    if fitted.codec.kind == "events":
        raise InputError("a model of music adapts to no text; fit it on more pieces")
    text, own = _cut(fitted, corpus), encode([[excerpt]], fitted.codec)
    before = _stand(fitted, text, own)
    adapted = adapt(
        fitted, text.learnt.ids, text.choosing.ids, seed=settings["seed"], progress=progress
    )
    after = _stand(adapted, text, own)
    seconds = adapted.history.elapsed if adapted.history else 0.0
    characters = (text.learnt.characters, text.judged.characters)
    gains = Gains(before, after, seconds, characters, text.judged.unknown)
    outcome = _outcome(fitted, adapted, corpus, text, gains)
    outcome = dataclasses.replace(outcome, settings=settings, excerpt=excerpt)
    return Personal(Job(adapted, outcome), gains)


def _cut(fitted: Fitted, corpus: Corpus) -> _Text:
    stop = corpus.size
    judged = stop - round(stop * _JUDGED)
    choosing = judged - round(judged * _CHOOSING)
    streams = [
        encode(corpus.part(start, end), fitted.codec)
        for start, end in ((0, choosing), (choosing, judged), (judged, stop))
    ]
    if min(len(stream.ids) for stream in streams) < 2:
        raise InputError(f"{corpus.name} has {stop:,} characters: too few to learn from and judge")
    learnt, choosing, held = streams
    last = "\n".join("".join(pieces) for pieces in corpus.part(judged, stop))
    return _Text(learnt, choosing, held, last)


def _stand(fitted: Fitted, text: _Text, own: TokenStream) -> Standing:
    typed = None
    if completes_words(fitted):
        typed = type_out(Completer(fitted), text.judged_text)
    return Standing(_nats(fitted, text.judged), _nats(fitted, own), typed)


def _nats(fitted: Fitted, stream: TokenStream) -> float:
    if len(stream.ids) < 2:
        return float("nan")
    total = judge(fitted.network, stream.ids[:, None]).nats.double().sum()
    return float(total) / stream.characters


def _outcome(fitted: Fitted, adapted: Fitted, corpus: Corpus, text: _Text, gains: Gains) -> Outcome:
    part = f"{corpus.name}, last {_JUDGED:.0%}"
    said = judge(adapted.network, text.judged.ids[:, None])
    ours, *others = score(adapted, text.judged, said, part=part).methods
    before = score(fitted, text.judged, judge(fitted.network, text.judged.ids[:, None]), part=part)
    row = MethodScore(BEFORE, before.methods[0].nats, before.methods[0].perplexity)
    notes = [f"adapted to {corpus.name}: the last {_JUDGED:.0%} of it is judged, once"]
    notes += [f"{name}: {old} before, {new} after" for name, old, new in gains.table()[1:]]
    notes += gains.remarks()
    return Outcome(
        settings={},
        choices=adapted.choices,
        scores=dataclasses.replace(before, methods=(ours, row, *others)),
        samples=tuple(samples_of(adapted, 0)),
        surprises=surprises_of(text.judged.ids, said, adapted.codec),
        excerpt="",
        curves=curves_of(adapted.history),
        data=(
            ("Learnt from", f"{text.learnt.characters:,} characters"),
            ("Judged", f"{text.judged.characters:,} characters"),
        ),
        training=training_facts(adapted),
        notes=tuple(notes),
    )
