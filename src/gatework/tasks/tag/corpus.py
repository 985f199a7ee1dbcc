"""The sentences of a fit: cut into parts, checked before anything is trained, and described."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import torch

from gatework.data.checks import counted, listed
from gatework.data.conll import Sentence
from gatework.errors import InputError
from gatework.tasks.tag.nouns import STEPS, WORDS, Nouns, nouns_of
from gatework.tasks.tag.spans import Scheme, find_scheme, kind_of

LONGEST: Final = 1_000  # words; a longer sentence is read in pieces
_FEW: Final = 10  # recordings: fewer are cut into about _PIECES, of _SHORTEST steps or more
_PIECES: Final = 40
_SHORTEST: Final = 50


@final
@dataclass(frozen=True, eq=False)
class Corpus:
    """Tagged sentences, or recordings, in three parts.

    Args:
        train: To learn from.
        validation: To choose the best weights by.
        test: To judge on, once; may be empty.
        scheme: How the tags write spans; `plain` if they write none.
        notes: What a reader must know about the data, one line each.
        is_split: Whether the validation part was drawn from the training sentences.
        features: Names of the numbers of a step; none of words.
    """

    train: tuple[Sentence, ...]
    validation: tuple[Sentence, ...]
    test: tuple[Sentence, ...]
    scheme: Scheme
    notes: tuple[str, ...]
    is_split: bool
    features: tuple[str, ...] = ()

    @property
    def nouns(self) -> Nouns:
        """What sentences and words are called."""
        return nouns_of(self.train)

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
    features: tuple[str, ...] = (),
    notes: Sequence[str] = (),
) -> Corpus:
    """Check tagged sentences and put a corpus together.

    Args:
        train: To learn from.
        validation: None draws `share` of the training sentences.
        test: None is no test part.
        share: Part of the training sentences to hold out.
        seed: Of the draw.
        features: Names of the numbers of a step; none of words.
        notes: What the readers say.

    Raises:
        InputError: There are too few sentences, or nothing to learn.
    """
    notes, every = list(notes), list(train)
    longest = _longest(every)
    learnt = _kept(every, "training", notes, longest)
    held = None if validation is None else _kept(validation, "validation", notes, longest)
    judged = () if test is None else _kept(test, "test", notes, longest)
    whole, step = nouns_of(learnt)
    if held is None:
        learnt, held = _drawn(learnt, share, seed)
        notes.append(
            f"{counted(len(held), whole)} of the training file are held out for validation"
        )
    for part, name in ((learnt, "training"), (held, "validation")):
        if not part:
            raise InputError(f"the {name} part has no {whole} with {step}s in it")
    if test is not None and not judged:
        raise InputError(f"the test part has no {whole} with {step}s in it")
    tags = {tag for sentence in learnt for tag in sentence.tags or ()}
    labels = {sentence.label for sentence in learnt} - {None}
    if len(tags) < 2 and len(labels) < 2:
        raise InputError(f"every training {step} has the tag {listed(tags)}: nothing to learn")
    scheme, repairs = "plain", 0
    if not features:
        scheme, repairs = find_scheme(sentence.tags or () for sentence in (*learnt, *held))
    if repairs:
        notes.append(
            f"{counted(repairs, 'tag')} not as {scheme} has them: read as the CoNLL scorer does, "
            "where an I- after O or another type begins a span"
        )
    for part, name in ((held, "validation"), (judged, "test")):
        notes += unseen(part, tags, labels, scheme, name)
    return Corpus(learnt, held, judged, scheme, tuple(notes), validation is None, features)


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


def pieces(sentence: Sentence, longest: int = LONGEST) -> Iterator[Sentence]:
    """Cut a very long sentence into sentences of at most `longest` words; mostly it is one.

    Example:
        >>> [len(piece.tokens) for piece in pieces(Sentence(("a",) * 2_001))]
        [1000, 1000, 1]
    """
    if len(sentence.tokens) <= longest:
        yield sentence
        return
    for start in range(0, len(sentence.tokens), longest):
        part = slice(start, start + longest)
        tags = None if sentence.tags is None else sentence.tags[part]
        values = None if sentence.values is None else sentence.values[part]
        yield sentence._replace(tokens=sentence.tokens[part], tags=tags, values=values)


def full_pieces(sentences: Iterable[Sentence]) -> list[Sentence]:
    """Return the pieces of the sentences that have words.

    Raises:
        InputError: There are none.
    """
    found = [piece for sentence in sentences if sentence.tokens for piece in pieces(sentence)]
    if not found:
        raise InputError("nothing to judge: there is no sentence with words in it")
    return found


def _longest(sentences: Sequence[Sentence]) -> int:
    """What is read at once: of few recordings less, or there would be nothing to hold out."""
    if len(sentences) >= _FEW or nouns_of(sentences) is WORDS:
        return LONGEST
    steps = sum(len(one.tokens) for one in sentences)
    return min(LONGEST, max(_SHORTEST, steps // _PIECES))


def _kept(
    sentences: Iterable[Sentence], name: str, notes: list[str], longest: int
) -> tuple[Sentence, ...]:
    """Return the sentences that have words, long ones in pieces."""
    kept: list[Sentence] = []
    empty: list[int] = []
    long: list[int] = []
    for sentence in sentences:
        if not sentence.tokens:
            empty.append(sentence.row)
            continue
        if len(sentence.tokens) > longest:
            long.append(sentence.row)
        kept += pieces(sentence, longest)
    whole, step = nouns_of(kept)
    cut = f"over {longest} {step}s: cut in pieces"
    for rows, what in ((empty, "empty: left out"), (long, cut)):
        if rows:
            notes.append(f"{name}: {counted(len(rows), whole)} {what}, first in row {rows[0]}")
    return tuple(kept)


def _drawn(
    sentences: Sequence[Sentence], share: float, seed: int
) -> tuple[tuple[Sentence, ...], tuple[Sentence, ...]]:
    if len(sentences) < 2:
        whole, step = nouns_of(sentences)
        how = ", with a blank line between them" if step == WORDS.step else ""
        raise InputError(f"{counted(len(sentences), whole)} to learn from; expected 2 or more{how}")
    groups = list(range(len(sentences)))
    rows = [sentence.row for sentence in sentences]
    if nouns_of(sentences) is STEPS and len(set(rows)) >= _FEW:
        groups = rows  # pieces of one recording stay together
    every = list(dict.fromkeys(groups))
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(every), generator=generator).tolist()
    drawn = {every[place] for place in order[: max(1, round(share * len(every)))]}
    return (
        tuple(s for s, group in zip(sentences, groups, strict=True) if group not in drawn),
        tuple(s for s, group in zip(sentences, groups, strict=True) if group in drawn),
    )
