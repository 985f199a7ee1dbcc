"""The sentences of a fit: cut into parts, checked before anything is trained, and described."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import torch

from gatework.data.checks import counted, listed
from gatework.data.conll import Sentence
from gatework.errors import InputError
from gatework.tasks.tag.spans import Scheme, find_scheme, kind_of

LONGEST: Final = 1_000  # words; a longer sentence is read in pieces


@final
@dataclass(frozen=True, eq=False)
class Corpus:
    """Tagged sentences in three parts.

    Args:
        train: To learn from.
        validation: To choose the best weights by.
        test: To judge on, once; may be empty.
        scheme: How the tags write spans; `plain` if they write none.
        notes: What a reader must know about the data, one line each.
        is_split: Whether the validation part was drawn from the training sentences.
    """

    train: tuple[Sentence, ...]
    validation: tuple[Sentence, ...]
    test: tuple[Sentence, ...]
    scheme: Scheme
    notes: tuple[str, ...]
    is_split: bool

    @property
    def judged(self) -> tuple[Sentence, ...]:
        """The part that scores are of: test, or validation where there is no test."""
        return self.test or self.validation

    @property
    def judged_name(self) -> str:
        """What that part is called."""
        return "test" if self.test else "validation"


def gather(
    train: Iterable[Sentence],
    validation: Iterable[Sentence] | None,
    test: Iterable[Sentence] | None,
    *,
    share: float,
    seed: int,
) -> Corpus:
    """Check tagged sentences and put a corpus together.

    Args:
        train: To learn from.
        validation: None draws `share` of the training sentences.
        test: None is no test part.
        share: Part of the training sentences to hold out.
        seed: Of the draw.

    Raises:
        InputError: There are too few sentences, or nothing to learn.
    """
    notes: list[str] = []
    learnt = _kept(train, "training", notes)
    held = None if validation is None else _kept(validation, "validation", notes)
    judged = () if test is None else _kept(test, "test", notes)
    if held is None:
        learnt, held = _drawn(learnt, share, seed)
        notes.append(
            f"{counted(len(held), 'sentence')} of the training file are held out for validation"
        )
    for part, name in ((learnt, "training"), (held, "validation")):
        if not part:
            raise InputError(f"the {name} part has no sentence with words in it")
    if test is not None and not judged:
        raise InputError("the test part has no sentence with words in it")
    tags = {tag for sentence in learnt for tag in sentence.tags or ()}
    labels = {sentence.label for sentence in learnt} - {None}
    if len(tags) < 2 and len(labels) < 2:
        raise InputError(f"every training word has the tag {listed(tags)}: nothing to learn")
    scheme, repairs = find_scheme(sentence.tags or () for sentence in (*learnt, *held))
    if repairs:
        notes.append(
            f"{counted(repairs, 'tag')} not as {scheme} has them: read as the CoNLL scorer does, "
            "where an I- after O or another type begins a span"
        )
    for part, name in ((held, "validation"), (judged, "test")):
        notes += unseen(part, tags, labels, scheme, name)
    return Corpus(learnt, held, judged, scheme, tuple(notes), validation is None)


def unseen(
    sentences: Iterable[Sentence],
    tags: Iterable[str],
    labels: Iterable[str | None],
    scheme: Scheme,
    name: str,
) -> tuple[str, ...]:
    """Say what training has not seen: no model can answer it.

    Args:
        sentences: With their true tags and labels.
        tags: Those of training.
        labels: Likewise.
        scheme: How the tags write spans; then it is the type that counts.
        name: What the sentences are called.
    """
    known, kinds = {kind_of(tag, scheme) for tag in tags} | {""}, {None, *labels}
    every = (kind_of(tag, scheme) for sentence in sentences for tag in sentence.tags or ())
    strange = Counter(kind for kind in every if kind not in known)
    odd = Counter(str(s.label) for s in sentences if s.label not in kinds)
    return tuple(
        f"{name}: {counted(found.total(), noun)} of {counted(len(found), 'kind')} that training "
        f"never saw ({listed(found)}); every answer there counts as wrong"
        for found, noun in ((strange, "tag"), (odd, "sentence label"))
        if found
    )


def pieces(sentence: Sentence) -> Iterator[Sentence]:
    """Cut a very long sentence into sentences of at most `LONGEST` words; mostly it is one.

    Example:
        >>> [len(piece.tokens) for piece in pieces(Sentence(("a",) * 2_001))]
        [1000, 1000, 1]
    """
    for start in range(0, max(len(sentence.tokens), 1), LONGEST):
        part = slice(start, start + LONGEST)
        tags = None if sentence.tags is None else sentence.tags[part]
        yield sentence._replace(tokens=sentence.tokens[part], tags=tags)


def _kept(sentences: Iterable[Sentence], name: str, notes: list[str]) -> tuple[Sentence, ...]:
    """Return the sentences that have words, long ones in pieces."""
    kept: list[Sentence] = []
    empty: list[int] = []
    long: list[int] = []
    for sentence in sentences:
        if not sentence.tokens:
            empty.append(sentence.row)
            continue
        if len(sentence.tokens) > LONGEST:
            long.append(sentence.row)
        kept += pieces(sentence)
    for rows, what in ((empty, "empty: left out"), (long, f"over {LONGEST} words: cut in pieces")):
        if rows:
            notes.append(f"{name}: {counted(len(rows), 'sentence')} {what}, first in row {rows[0]}")
    return tuple(kept)


def _drawn(
    sentences: Sequence[Sentence], share: float, seed: int
) -> tuple[tuple[Sentence, ...], tuple[Sentence, ...]]:
    if len(sentences) < 2:
        raise InputError(
            f"{counted(len(sentences), 'sentence')} to learn from; expected 2 or more, with a "
            "blank line between them"
        )
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(sentences), generator=generator).tolist()
    held = set(order[: max(1, round(share * len(sentences)))])
    return (
        tuple(s for place, s in enumerate(sentences) if place not in held),
        tuple(s for place, s in enumerate(sentences) if place in held),
    )
