"""Spans written as tags: which scheme they are in, what they say, and how well they agree.

A span is read as the CoNLL shared tasks' scorer reads it (Tjong Kim Sang & Buchholz 2000): an I-
after O, or after another type, begins one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal, NamedTuple, final

import torch

from gatework.layers.crf import Allowed

Scheme = Literal["BIO", "IOB1", "IOBES", "BILOU", "plain"]

OUTSIDE: Final = "O"
_TAG: Final = re.compile(r"([BIESLU])-(.+)", re.DOTALL)
_BARE: Final = re.compile(r"([BIESLU])()")
# Letters of the same meaning: last (end) and unit (single).
_MEANING: Final = {"B": "B", "I": "I", "E": "E", "L": "E", "S": "S", "U": "S"}
_MAY_FOLLOW: Final = {"B": "IE", "I": "IE", "E": "BSO", "S": "BSO", "O": "BSO"}  # in IOBES


class Span(NamedTuple):
    """Tokens `start` to before `end`, of a type."""

    start: int
    end: int
    type: str


class SchemeFound(NamedTuple):
    """The scheme of a corpus, and how many of its tags do not keep to it."""

    scheme: Scheme
    repairs: int


def find_scheme(sequences: Iterable[Sequence[str]]) -> SchemeFound:
    """Tell how the tags of a corpus write spans; `plain` if they write none.

    B, I and O alone are BIO, unless more spans begin with I- than B- begins where IOB1 has no B-:
    after anything but the same type.

    Example:
        >>> find_scheme([["I-LOC", "O", "I-PER", "B-PER"]])
        SchemeFound(scheme='IOB1', repairs=0)
    """
    corpus = [tuple(tags) for tags in sequences]
    letters: set[str] = set()
    for tag in {tag for tags in corpus for tag in tags} - {OUTSIDE}:
        parts = _TAG.fullmatch(tag) or _BARE.fullmatch(tag)
        if parts is None:
            return SchemeFound("plain", 0)
        letters.add(parts[1])
    scheme: Scheme
    if not letters & {"B", "I", "S", "U"}:
        scheme = "plain"
    elif letters & {"L", "U"}:
        scheme = "BILOU"
    elif letters & {"E", "S"}:
        scheme = "IOBES"
    else:
        scheme = "IOB1" if _prefers_iob1(corpus) else "BIO"
    if scheme == "plain":
        return SchemeFound(scheme, 0)
    return SchemeFound(scheme, sum(repairs(tags, scheme) for tags in corpus))


def _prefers_iob1(corpus: Iterable[Sequence[str]]) -> bool:
    inside_first = begin_alone = 0
    for tags in corpus:
        before = ""
        for tag in tags:
            letter, kind = _cut(tag)
            if kind != before:
                inside_first += letter == "I"
                begin_alone += letter == "B"
            before = kind
    return inside_first > begin_alone


def read_spans(tags: Sequence[str]) -> list[Span]:
    """Return the spans that tags of any scheme write, in order.

    Example:
        >>> read_spans(["B-LOC", "I-LOC", "I-PER", "O"])
        [Span(start=0, end=2, type='LOC'), Span(start=2, end=3, type='PER')]
    """
    spans: list[Span] = []
    start, kind, is_open = 0, "", False
    for place, tag in enumerate((*tags, OUTSIDE)):
        letter, own = _cut(tag)
        begins = letter in "BS" or not is_open or own != kind
        if is_open and (letter == OUTSIDE or begins):
            spans.append(Span(start, place, kind))
            is_open = False
        if letter == OUTSIDE:
            continue
        if begins:
            start, kind, is_open = place, own, True
        if letter in "ES":
            spans.append(Span(start, place + 1, kind))
            is_open = False
    return spans


def write_spans(spans: Iterable[Span], length: int, scheme: Scheme) -> list[str]:
    """Write spans that do not overlap as tags.

    Example:
        >>> write_spans([Span(0, 2, "LOC"), Span(2, 3, "LOC")], 4, "IOB1")
        ['I-LOC', 'I-LOC', 'B-LOC', 'O']
    """
    tags = [OUTSIDE] * length
    touched = Span(-1, -1, "")
    for span in spans:
        size = span.end - span.start
        letters = ["I"] * size
        if scheme != "IOB1" or (touched.end == span.start and touched.type == span.type):
            letters[0] = "B"
        if scheme in ("IOBES", "BILOU"):
            letters[-1] = "E" if scheme == "IOBES" else "L"
            if size == 1:
                letters[0] = "S" if scheme == "IOBES" else "U"
        dash = "-" if span.type else ""
        tags[span.start : span.end] = [f"{letter}{dash}{span.type}" for letter in letters]
        touched = span
    return tags


def convert(tags: Sequence[str], scheme: Scheme) -> list[str]:
    """Write the spans of tags in another scheme; plain tags stay."""
    if scheme == "plain":
        return list(tags)
    return write_spans(read_spans(tags), len(tags), scheme)


def repairs(tags: Sequence[str], scheme: Scheme) -> int:
    """Count the tags that `scheme` would write otherwise."""
    return sum(old != new for old, new in zip(tags, convert(tags, scheme), strict=True))


def legal(labels: Sequence[str], scheme: Scheme) -> Allowed | None:
    """Return which tags may follow which; None where all may.

    All may as well where the rules would leave no way to tag a single word.
    """
    cut = [_cut(label) for label in labels]
    if scheme not in ("BIO", "IOBES", "BILOU") or not any(
        letter in ("OB" if scheme == "BIO" else "OS") for letter, _ in cut
    ):
        return None
    first = {"O", "B"} if scheme == "BIO" else {"O", "B", "S"}
    last = {"O", "B", "I"} if scheme == "BIO" else {"O", "E", "S"}

    def may_follow(before: tuple[str, str], after: tuple[str, str]) -> bool:
        if scheme == "BIO":
            return after[0] != "I" or (before[0] in "BI" and before[1] == after[1])
        if after[0] not in _MAY_FOLLOW[before[0]]:
            return False
        return after[0] not in "IE" or before[1] == after[1]

    return Allowed(
        torch.tensor([[may_follow(a, b) for b in cut] for a in cut]),
        torch.tensor([letter in first for letter, _ in cut]),
        torch.tensor([letter in last for letter, _ in cut]),
    )


def kind_of(tag: str, scheme: Scheme) -> str:
    """Return what a tag is about: the type of its span, empty outside; a plain tag itself."""
    return tag if scheme == "plain" else _cut(tag)[1]


class TypeScore(NamedTuple):
    """How spans of one type, or of all, were found: counts, and percentages as fractions."""

    type: str
    correct: int
    found: int
    true: int

    @property
    def precision(self) -> float:
        """Part of the found spans that are right; 0 where none was found."""
        return self.correct / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Part of the true spans that were found; 0 where there are none."""
        return self.correct / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two; 0 where nothing is right."""
        return 2 * self.correct / (self.found + self.true) if self.correct else 0.0


@final
@dataclass(frozen=True)
class SpanScores:
    """Exact matches of type and both ends: all together (micro), and by type in its order."""

    overall: TypeScore
    types: tuple[TypeScore, ...]


def score_spans(true: Iterable[Sequence[str]], guessed: Iterable[Sequence[str]]) -> SpanScores:
    """Compare the spans of tag sequences, as the CoNLL scorer does.

    Example:
        >>> score_spans([["B-A", "O", "B-B"]], [["B-A", "B-B", "O"]]).overall.f1
        0.5
    """
    correct: Counter[str] = Counter()
    found: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    for gold, guess in zip(true, guessed, strict=True):
        right, ours = set(read_spans(gold)), set(read_spans(guess))
        wanted.update(span.type for span in right)
        found.update(span.type for span in ours)
        correct.update(span.type for span in right & ours)
    types = sorted(wanted.keys() | found.keys())
    return SpanScores(
        TypeScore("all", correct.total(), found.total(), wanted.total()),
        tuple(TypeScore(name, correct[name], found[name], wanted[name]) for name in types),
    )


def score_tags(true: Sequence[Sequence[str]], guessed: Sequence[Sequence[str]]) -> SpanScores:
    """Count words by tag as `score_spans` counts spans by type."""
    gold, said = list(chain(*true)), list(chain(*guessed))
    wanted, found = Counter(gold), Counter(said)
    correct = Counter(g for g, s in zip(gold, said, strict=True) if g == s)
    return SpanScores(
        TypeScore("all", correct.total(), found.total(), wanted.total()),
        tuple(
            TypeScore(tag, correct[tag], found[tag], wanted[tag])
            for tag in sorted(wanted.keys() | found.keys())
        ),
    )


def _cut(tag: str) -> tuple[str, str]:
    """Return the meaning of a tag's letter, and its type; what is no such tag is outside."""
    parts = _TAG.fullmatch(tag) or _BARE.fullmatch(tag)
    return (_MEANING[parts[1]], parts[2]) if parts else (OUTSIDE, "")
