"""Tagged sentences from files, lists and frames, one at a time, and what is wrong with them."""

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from gatework.data.checks import Source, listed, near_names
from gatework.data.conll import Line, Sentence, TagColumns, is_conllu, read_columns
from gatework.data.frames import to_polars
from gatework.data.tables import NOT_TABLES, read_table
from gatework.errors import InputError

TOKENS: Final = ("tokens", "words", "token", "word", "form")
TAGS: Final = ("tags", "slots", "ner_tags", "pos_tags", "labels", "tag", "slot", "upos")
LABELS: Final = ("intent", "label")
IDS: Final = ("sentence_id", "sentence", "unique_id", "id")
_FRAME: Final = Source()
_LOOKED_AT: Final = 200  # lines from which the format is told


def read_tagged(
    path: str | os.PathLike[str], columns: TagColumns | None = None, *, tagged: bool = True
) -> Iterator[Sentence]:
    """Read the sentences of a file one after the other; memory holds one of them.

    CoNLL columns, CoNLL-U, or one JSON object a line with lists of tokens and tags; each may be
    gzipped. They are told apart by content. A .csv or .parquet table is read as a whole, as
    `sentences_of_frame` reads it.

    Args:
        path: The file.
        columns: Which columns or keys are read; None looks for them.
        tagged: Whether there must be tags; if not, none are read.

    Raises:
        InputError: There is no such file, it is not UTF-8, or a row is wrong; the row is named.
    """
    file, columns = Path(path), columns or TagColumns()
    if {".csv", ".parquet"} & set(file.suffixes):
        yield from sentences_of_frame(
            read_table(file), columns, tagged=tagged, source=Source.of(file)
        )
        return
    lines = read_lines(file)
    start = list(islice(lines, _LOOKED_AT))
    if not any(line.text.strip() for line in start):
        raise InputError(f"{file.name} is empty")
    whole = chain(start, lines)
    if next(line.text for line in start if line.text.strip()).lstrip().startswith("{"):
        yield from _of_json(whole, columns, file.name, tagged=tagged)
        return
    conllu = is_conllu(line.text for line in start)
    yield from read_columns(whole, columns, file.name, conllu=conllu, tagged=tagged)


def read_lines(file: Path) -> Iterator[Line]:
    """Read the lines of a UTF-8 file, gzipped or not, cut at newlines and nowhere else.

    Raises:
        InputError: It is no such file; the line and the byte are named.
    """
    if not file.is_file():
        kind = "is a folder; expected a file" if file.is_dir() else "is not there"
        raise InputError(f"{file} {kind}")
    with file.open("rb") as raw:
        start = raw.read(4)
        raw.seek(0)
        for sign, problem in NOT_TABLES:
            if start.startswith(sign):
                raise InputError(f"{file.name} {problem}")
        is_gzip = start.startswith(b"\x1f\x8b")
        with gzip.GzipFile(fileobj=raw) if is_gzip else raw as stream:
            try:
                for number, data in enumerate(stream, 1):
                    yield Line(_decoded(data, number, file.name), number)
            except (gzip.BadGzipFile, zlib.error, EOFError) as error:
                raise InputError(f"{file.name} is a damaged gzip file: {error}") from error


def _decoded(data: bytes, number: int, name: str) -> str:
    try:
        return data.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}, row {number}: byte 0x{data[error.start]:02x} at place {error.start + 1} of "
            "the row is not UTF-8; save the file as UTF-8"
        ) from None


def sentences_of(
    tokens: Iterable[Sequence[str]],
    tags: Iterable[Sequence[str]] | None = None,
    labels: Iterable[str] | None = None,
) -> list[Sentence]:
    """Make sentences of lists.

    Raises:
        InputError: The counts do not agree, or something is no text; the place is named.

    Example:
        >>> sentences_of([["Rome"], ["Oh"]], [["B-LOC"], ["O"]])[0][:4]
        (('Rome',), ('B-LOC',), None, 0)
    """
    words = [_texts(each, f"tokens[{place}]") for place, each in enumerate(tokens)]
    marks: Sequence[tuple[str, ...] | None] = [None] * len(words)
    if tags is not None:
        marks = [_texts(each, f"tags[{place}]") for place, each in enumerate(tags)]
    kinds: Sequence[str | None] = [None] * len(words)
    if labels is not None:
        kinds = _texts(list(labels), "labels")
    for name, those in (("tags", marks), ("labels", kinds)):
        if len(those) != len(words):
            raise InputError(f"there are {len(words)} sentences and {len(those)} {name}")
    made = []
    for place, (word, mark, kind) in enumerate(zip(words, marks, kinds, strict=True)):
        _check_even(word, mark, f"sentence {place} (counting from 0)")
        made.append(Sentence(word, mark, kind, place))
    return made


def sentences_of_frame(
    given: Any,
    columns: TagColumns | None = None,
    *,
    tagged: bool = True,
    source: Source = _FRAME,
) -> list[Sentence]:
    """Make sentences of a frame: one row a sentence with columns of lists, or one row a word.

    With a row a word, a column of `IDS` says which sentence it is of; the words of one follow each
    other.

    Args:
        given: The frame.
        columns: Which of its columns are read; None looks for them.
        tagged: Whether there must be tags; if not, none are read.
        source: What messages call it.

    Raises:
        InputError: A column is missing, or a cell of it is empty or not text.
    """
    frame, columns, name = to_polars(given).frame, columns or TagColumns(), source.name
    token = _found(frame.columns, columns.tokens, TOKENS, "the words", name)
    tag = _found(frame.columns, columns.tags, TAGS, "the tags", name) if tagged else None
    label = columns.label or next((each for each in LABELS if each in frame.columns), None)
    if columns.label is not None and columns.label not in frame.columns:
        raise InputError(f'{name} has no column "{columns.label}" for the label')
    if not isinstance(frame.schema[token], pl.List | pl.Array):
        frame = _grouped(frame, [each for each in (token, tag, label) if each], label, source)
    return sentences_of(
        frame[token].to_list(),
        frame[tag].to_list() if tag else None,
        frame[label].to_list() if label and tagged else None,
    )


def with_tags(
    frame: pl.DataFrame,
    columns: TagColumns,
    tags: Sequence[Sequence[str]],
    labels: Sequence[str] | None,
    name: str,
) -> pl.DataFrame:
    """Put tags beside the words that `sentences_of_frame` made sentences of.

    Args:
        frame: What was read.
        columns: As it was read.
        tags: Of each sentence.
        labels: Likewise; None adds no column for them.
        name: Of the new column; that of the labels is `name-label`.
    """
    token = _found(frame.columns, columns.tokens, TOKENS, "the words", "data frame")
    if isinstance(frame.schema[token], pl.List | pl.Array):
        added = [pl.Series(name, [list(each) for each in tags], pl.List(pl.String))]
        kinds = list(labels or ())
    else:
        added = [pl.Series(name, list(chain(*tags)), pl.String)]
        kinds = [
            kind
            for each, kind in zip(tags, labels or [None] * len(tags), strict=True)
            for _ in each
        ]
    if labels is not None:
        added.append(pl.Series(f"{name}-label", kinds, pl.String))
    return frame.with_columns(added)


def _grouped(
    frame: pl.DataFrame, wanted: list[str], label: str | None, source: Source
) -> pl.DataFrame:
    """One row a word to one row a sentence."""
    key = next((each for each in IDS if each in frame.columns), None)
    if key is None:
        raise InputError(
            f"{source.name} has one row a word, but no column that says of which sentence; call "
            f"it one of {listed(IDS)}"
        )
    for column in wanted:
        if frame[column].null_count():
            row = frame[column].is_null().arg_max() or 0
            raise InputError(f"{source.cell(row, column)}: empty")
    run = frame[key].rle_id().alias("_run")
    parts = [
        pl.col(column).first() if column == label else pl.col(column).implode() for column in wanted
    ]
    return frame.group_by(run, maintain_order=True).agg(parts)


def _of_json(
    lines: Iterable[Line], columns: TagColumns, name: str, *, tagged: bool
) -> Iterator[Sentence]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    for line in lines:
        if not line.text.strip():
            continue
        where = f"{name}, row {line.number}"
        try:
            found = decoder.decode(line.text)
        except msgspec.DecodeError as error:
            raise InputError(f"{where}: expected a JSON object a line: {error}") from None
        token = _found(found, columns.tokens, TOKENS, "the words", where)
        words = _texts(found[token], f'{where}, "{token}"')
        tags = label = None
        if tagged:
            tag = _found(found, columns.tags, TAGS, "the tags", where)
            tags = _texts(found[tag], f'{where}, "{tag}"')
            key = columns.label or next((each for each in LABELS if each in found), None)
            if key is not None:
                label = found.get(key)
                if not isinstance(label, str):
                    raise InputError(f'{where}: "{key}" is {label!r}; expected the label as text')
        _check_even(words, tags, where)
        yield Sentence(words, tags, label, line.number)


def _found(
    names: Iterable[str], asked: str | None, usual: Sequence[str], what: str, where: str
) -> str:
    present = list(names)
    if asked is not None:
        if asked not in present:
            raise InputError(
                f'{where}: there is no "{asked}" for {what}; there is {listed(present)}'
                f"{near_names(asked, present)}"
            )
        return asked
    for name in usual:
        if name in present:
            return name
    there = f"none of {listed(present)} is known to hold" if present else "nothing holds"
    raise InputError(f"{where}: {there} {what}; name it")


def _texts(values: Any, where: str) -> tuple[str, ...]:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise InputError(f"{where} is {_short(values)}; expected a list of texts")
    for place, value in enumerate(values):
        if not isinstance(value, str):
            raise InputError(f"{where}, place {place}: expected text, found {_short(value)}")
    return tuple(values)


def _check_even(words: tuple[str, ...], tags: tuple[str, ...] | None, where: str) -> None:
    if tags is not None and len(words) != len(tags):
        raise InputError(f"{where}: {len(words)} tokens but {len(tags)} tags")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
