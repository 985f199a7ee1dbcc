"""What a tagger is asked and how its answers are written: texts, token files, JSON lines."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, tee
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from gatework.data.conll import Line, Sentence, TagColumns
from gatework.data.tagged import read_lines, read_tagged, sentences_of
from gatework.data.text import Words
from gatework.errors import InputError
from gatework.tasks.tag.fitted import Answer, Fitted
from gatework.tasks.tag.spans import read_spans

_WORDS: Final = Words(lower=False)
# What treebanks cut off: did n't, John 's, we 'll.
_CLITIC: Final = re.compile(r"(?i)(?<=\w)(?:n['\u2019]t|['\u2019](?:s|m|re|ve|ll|d))$")
_LOOKED_AT: Final = 200  # lines from which raw text is told from columns


class Asked(NamedTuple):
    """A sentence to tag; cut out of a text, if there is one, at some offsets."""

    sentence: Sentence
    text: str | None = None
    offsets: tuple[tuple[int, int], ...] | None = None


class Found(NamedTuple):
    """A span of a text: its type, and where it stands in words and, if known, in characters."""

    type: str
    text: str
    words: tuple[int, int]
    characters: tuple[int, int] | None


def cut_text(text: str, row: int = 0) -> Asked:
    """Cut a text into words as treebanks do.

    Example:
        >>> asked = cut_text("I didn't.")
        >>> asked.sentence.tokens, asked.offsets
        (('I', 'did', "n't", '.'), ((0, 1), (2, 5), (5, 8), (8, 9)))
    """
    offsets: list[tuple[int, int]] = []
    for start, end in _WORDS.spans(text):
        clitic = _CLITIC.search(text, start, end)
        offsets += [(start, end)] if clitic is None else [(start, clitic.start()), clitic.span()]
    tokens = tuple(text[start:end] for start, end in offsets)
    return Asked(Sentence(tokens, row=row), text, tuple(offsets))


def read_asked(path: Path, columns: TagColumns) -> Iterator[Asked]:
    """Read what to tag from a file, one sentence at a time.

    Lines of text (.txt) are cut into words, as are the texts of JSON lines without words; all else
    is read as `read_tagged` does.

    Raises:
        InputError: There is no such file, or a row of it is wrong.
    """
    start = list(islice(read_lines(path), _LOOKED_AT))
    if _is_text(path, start):
        for line in read_lines(path):
            yield cut_text(line.text, line.number)
    elif _holds_texts(start, columns):
        yield from _texts_of_json(read_lines(path), path.name)
    else:
        for sentence in read_tagged(path, columns, tagged=False):
            yield Asked(sentence)


def texts_or_tokens(data: Sequence[Any]) -> list[Asked]:
    """Take a list of texts, or of lists of words.

    Raises:
        InputError: It is a mixture, or something else.
    """
    if all(isinstance(one, str) for one in data):
        return [cut_text(text, row) for row, text in enumerate(data)]
    return [Asked(sentence) for sentence in sentences_of(data)]


def answer_all(
    fitted: Fitted, asked: Iterable[Asked], *, count: int = 1, probable: bool = False
) -> Iterator[tuple[Asked, Answer]]:
    """Answer in order; memory holds a bounded number of sentences."""
    questions, copies = tee(asked)
    answers = fitted.answers((one.sentence for one in copies), count=count, probable=probable)
    for one, answer in zip(questions, answers, strict=True):
        yield one, answer._replace(offsets=one.offsets)


def spans_of(answer: Answer, text: str | None = None) -> list[Found]:
    """Return the spans that an answer's tags write."""
    found = []
    for span in read_spans(answer.tags):
        characters, words = None, " ".join(answer.tokens[span.start : span.end])
        if answer.offsets is not None:
            characters = (answer.offsets[span.start][0], answer.offsets[span.end - 1][1])
        if text is not None and characters is not None:
            words = text[slice(*characters)]
        found.append(Found(span.type, words, (span.start, span.end), characters))
    return found


def as_columns(answer: Answer) -> str:
    """Write an answer as rows of a word and its tag, with a blank row at the end.

    The probability follows, if there is one; further tag sequences stand in columns of their own.
    """
    ways = [way.tags for way in answer.alternatives] or [answer.tags]
    columns: list[Sequence[str]] = [answer.tokens, *ways]
    if answer.probabilities is not None:
        columns.insert(2, [f"{chance:.4f}" for chance in answer.probabilities])
    comments = [] if answer.label is None else [f"# label = {answer.label}"]
    if answer.alternatives:
        comments.append(
            "# probabilities = " + " ".join(f"{way.probability:.4f}" for way in answer.alternatives)
        )
    rows = ["\t".join(row) for row in zip(*columns, strict=True)]
    return "\n".join([*comments, *rows, "", ""])


def as_json(one: Asked, answer: Answer, *, has_spans: bool) -> bytes:
    """Write an answer as one line of JSON."""
    record: dict[str, Any] = {} if one.text is None else {"text": one.text}
    record |= {"tokens": answer.tokens, "tags": answer.tags}
    if answer.label is not None:
        record["label"] = answer.label
    if answer.offsets is not None:
        record["offsets"] = answer.offsets
    if has_spans:
        record["spans"] = [each._asdict() for each in spans_of(answer, one.text)]
    if answer.probabilities is not None:
        record["probabilities"] = [round(chance, 4) for chance in answer.probabilities]
    if answer.alternatives:
        record["alternatives"] = [
            {"tags": way.tags, "probability": round(way.probability, 6)}
            for way in answer.alternatives
        ]
    return msgspec.json.encode(record) + b"\n"


def _is_text(path: Path, start: Sequence[Line]) -> bool:
    """Tell lines of text from columns, which many name .txt too."""
    if ".txt" not in path.suffixes:
        return False
    widths = {len(line.text.split()) for line in start if line.text.strip()}
    is_even = len(widths) == 1 and max(widths) > 1
    return not (is_even and any(not line.text.strip() for line in start))


def _holds_texts(start: Sequence[Line], columns: TagColumns) -> bool:
    first = next((line.text for line in start if line.text.strip()), "")
    if not first.lstrip().startswith("{"):
        return False
    try:
        found = msgspec.json.decode(first, type=dict[str, Any])
    except msgspec.DecodeError:
        return False  # the reader of JSON lines says what is wrong, and where
    return "text" in found and (columns.tokens or "tokens") not in found


def _texts_of_json(lines: Iterable[Line], name: str) -> Iterator[Asked]:
    decoder = msgspec.json.Decoder(_Text)
    for line in lines:
        if line.text.strip():
            try:
                yield cut_text(decoder.decode(line.text).text, line.number)
            except msgspec.DecodeError as error:
                raise InputError(f"{name}, row {line.number}: {error}") from None


class _Text(msgspec.Struct):
    text: str
