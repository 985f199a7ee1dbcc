"""Token-per-line files: whitespace columns with blank lines between sentences, and CoNLL-U."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, final

import numpy as np

from gatework.data.checks import counted, listed
from gatework.errors import InputError

# https://universaldependencies.org/format.html
CONLLU: Final = (
    "id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc",
)  # fmt: skip
DOCUMENT: Final = "-DOCSTART-"  # as the CoNLL-2003 files mark where a document begins
_COMMENT: Final = re.compile(r"#\s*([\w.]+)\s*=\s*(.*)")
_WORD_ID: Final = re.compile(r"\d+")
_OTHER_ID: Final = re.compile(r"\d+-\d+|\d+\.\d+")  # a multiword token, an empty node


class Line(NamedTuple):
    """A line of a text file, without its end, and its number from 1."""

    text: str
    number: int


class Sentence(NamedTuple):
    """A sentence as a file has it, or a recording: numbers at its steps in place of words.

    Attributes:
        tokens: Its words, or the times of its steps.
        tags: One for each of them; None where there are none.
        label: Of the whole sentence; None where there is none.
        row: Where it begins: a line of a file, or a place in a list.
        values: (T, V) float32 the numbers of a recording, NaN where missing; None of words.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...] | None = None
    label: str | None = None
    row: int = 0
    values: np.ndarray | None = None


@final
@dataclass(frozen=True)
class TagColumns:
    """Which columns, or keys of a JSON line, hold what. None is looked for.

    Args:
        tokens: The words: a name, or a column's number from 1, from -1 backwards.
        tags: Their tags, likewise.
        label: A label of the whole sentence: a key, or the name of a `# name = value` comment.
    """

    tokens: str | None = None
    tags: str | None = None
    label: str | None = None


def is_conllu(rows: Iterable[str]) -> bool:
    """Tell whether rows look like CoNLL-U: ten columns between tabs, a number first."""
    for row in rows:
        if row.strip() and not row.startswith("#"):
            cells = row.split("\t")
            return len(cells) == len(CONLLU) and cells[0][:1].isdigit()
    return False


def read_columns(
    lines: Iterable[Line], columns: TagColumns, name: str, *, conllu: bool, tagged: bool
) -> Iterator[Sentence]:
    """Read sentences from token-per-line rows, one at a time.

    Columns are parted by tabs if the first row has one, else by any white space.
    Of CoNLL-U the rows of multiword tokens (3-4) and empty nodes (5.1) are skipped, and the tags
    are UPOS unless said otherwise; of other files the words are the first column and the tags the
    last. Comments (`# name = value`) and document marks are no words.

    Args:
        lines: The rows.
        columns: Which columns are read.
        name: What messages call the file.
        conllu: Whether it is CoNLL-U.
        tagged: Whether there must be tags; if not, none are read.

    Raises:
        InputError: A row has another number of columns than the first, or there is no such column.

    Example:
        >>> rows = [Line(text, number) for number, text in enumerate(["Rome B-LOC", "", "Oh O"], 1)]
        >>> [s.tokens for s in read_columns(rows, TagColumns(), "a", conllu=False, tagged=True)]
        [('Rome',), ('Oh',)]
    """
    table = _Table(columns, name, conllu=conllu, tagged=tagged)
    tokens: list[str] = []
    tags: list[str] = []
    comments: dict[str, str] = {}
    row = 0
    for line in lines:
        if not line.text.strip():
            if tokens:
                yield table.sentence(tokens, tags, comments, row)
            tokens, tags, comments = [], [], {}
            continue
        comment = _COMMENT.match(line.text)
        if line.text.startswith("#") and (conllu or comment):
            if comment:
                comments[comment[1]] = comment[2].strip()
            continue
        cells = table.cells(line)
        if cells is None:
            continue
        if not tokens:
            row = line.number
        tokens.append(cells[0])
        tags.append(cells[1])
    if tokens:
        yield table.sentence(tokens, tags, comments, row)


@final
class _Table:
    """Cuts rows into the cells that are wanted; the first row settles how many there are."""

    def __init__(self, columns: TagColumns, name: str, *, conllu: bool, tagged: bool) -> None:
        self._columns, self._name, self._conllu, self._tagged = columns, name, conllu, tagged
        self._separator = "\t" if conllu else None
        self._width = len(CONLLU) if conllu else 0
        self._first = 0
        self._token = self._tag = 0
        if conllu:
            self._settle()

    def cells(self, line: Line) -> tuple[str, str] | None:
        """Return the word and its tag; None for a row that is no word."""
        if line.text.startswith(DOCUMENT):
            return None
        if not self._width and "\t" in line.text:
            self._separator = "\t"  # words may then hold spaces
        cells = line.text.split(self._separator)
        if not self._width:
            self._width, self._first = len(cells), line.number
            self._settle()
        if len(cells) != self._width:
            like = "of CoNLL-U" if self._conllu else f"as in row {self._first}"
            raise InputError(
                f"{self._name}, row {line.number}: expected {counted(self._width, 'column')} "
                f"{like}, found {len(cells)}: {line.text[:60]!r}"
            )
        if self._conllu and not _WORD_ID.fullmatch(cells[0]):
            if _OTHER_ID.fullmatch(cells[0]):
                return None
            raise InputError(
                f"{self._name}, row {line.number}: the id is {cells[0]!r}; expected 1, 3-4 or 5.1"
            )
        return cells[self._token], cells[self._tag] if self._tagged else ""

    def sentence(
        self, tokens: list[str], tags: list[str], comments: dict[str, str], row: int
    ) -> Sentence:
        """Put a sentence together."""
        label = None
        if self._columns.label is not None:
            label = comments.get(self._columns.label)
            if label is None and self._tagged:
                raise InputError(
                    f"{self._name}, row {row}: the sentence has no comment "
                    f"`# {self._columns.label} = ...` for its label"
                )
        return Sentence(tuple(tokens), tuple(tags) if self._tagged else None, label, row)

    def _settle(self) -> None:
        token, tag = ("form", "upos") if self._conllu else ("1", "-1")
        self._token = self._place(self._columns.tokens or token, "tokens")
        if self._tagged:
            if self._width == 1:
                raise InputError(
                    f"{self._name}, row {self._first}: expected a word and its tag, found one "
                    "column"
                )
            self._tag = self._place(self._columns.tags or tag, "tags")

    def _place(self, asked: str, what: str) -> int:
        if self._conllu and asked.lower() in CONLLU:
            return CONLLU.index(asked.lower())
        known = f", or one of {listed(CONLLU, most=10)}" if self._conllu else ""
        if not re.fullmatch(r"-?[1-9]\d*", asked) or abs(int(asked)) > self._width:
            raise InputError(
                f"{self._name}: {what} is column {asked!r}; expected a number from 1 to "
                f"{self._width}{known}"
            )
        number = int(asked)
        return number - 1 if number > 0 else self._width + number
