"""Texts and their labels from rows of a table, or from a folder for each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import polars as pl

from gatework.data.checks import counted, listed, near_names
from gatework.data.labelled import Texts
from gatework.data.labels import Label, parse_labels
from gatework.data.rows import Rows
from gatework.errors import InputError

TEXT_NAMES: Final = ("text", "sentence", "review", "message", "body", "content", "document")
LABEL_NAMES: Final = ("label", "class", "category", "target", "sentiment", "intent", "y")
_SUFFIXES: Final = (".txt", ".text", ".md", "")


@final
@dataclass(frozen=True)
class TextColumns:
    """Which columns of a table are the text, the label and the id; the last two may be None."""

    text: str
    label: str | None
    id: str | None = None


def find_named(names: Sequence[str], known: Sequence[str]) -> str | None:
    """Return the column whose name is one of the known ones, in any capitals; the first of them."""
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in known if name in by_lower), None)


def require_column(names: Sequence[str], wanted: str, role: str, source: str) -> None:
    """Raise InputError if there is no column of that name."""
    if wanted not in names:
        raise InputError(
            f'{source} has no column "{wanted}" for the {role}; it has '
            f"{listed(names, most=20)}{near_names(wanted, names)}"
        )


def find_text_column(frame: pl.DataFrame, taken: Sequence[str | None]) -> str | None:
    """Return the column of texts: by its name, or the one of the longest texts; None for none."""
    free = [name for name in frame.columns if name not in taken]
    named = find_named(free, TEXT_NAMES)
    if named is not None:
        return named
    lengths = {
        name: frame[name].head(1_000).str.len_chars().mean() or 0
        for name in free
        if frame[name].dtype == pl.String and not _is_numeric(frame[name].head(1_000))
    }
    return max(lengths, key=lambda name: lengths[name], default=None)  # type: ignore[arg-type,return-value]


def _is_numeric(column: pl.Series) -> bool:
    cells = column.drop_nulls().str.strip_chars()
    cells = cells.filter(cells != "")
    return not len(cells) or cells.cast(pl.Float64, strict=False).null_count() < len(cells) / 2


def to_texts(rows: Rows, columns: TextColumns, *, separator: str | None = None) -> Texts:
    """Read the texts of some rows, and their labels if there is such a column.

    A missing text is an empty one, and reported.

    Raises:
        InputError: A column is absent, or holds no texts.
    """
    frame, source = rows.frame, rows.source
    names = frame.columns
    require_column(names, columns.text, "text", source.name)
    column = frame[columns.text]
    if column.dtype not in (pl.String, pl.Null):
        if column.dtype.is_nested():
            raise InputError(
                f'{source.name}, column "{columns.text}": expected texts, found {column.dtype}'
            )
        column = column.cast(pl.String)
    notes = []
    labels, kind, several = None, "text", False
    if columns.label is not None and columns.label in names:
        labels, kind, several = parse_labels(frame[columns.label], source, separator=separator)
    ids = None
    if columns.id is not None and columns.id in names:
        ids = tuple(frame[columns.id].cast(pl.String).fill_null("").to_list())
    texts = column.fill_null("").to_list()
    empty = [place for place, text in enumerate(texts) if not text.strip()]
    if empty:
        notes.append(f"{counted(len(empty), 'text')} empty, the first in {source.row(empty[0])}")
    return Texts(
        texts,
        labels=None if labels is None else tuple(labels),
        label_kind=kind,
        several=several,
        ids=ids,
        places=_Places(rows),
        notes=tuple(notes),
    )


def read_folders(folder: Path) -> Texts:
    """Read a folder that has a folder for each class, with one text a file.

    Raises:
        InputError: There are no such folders, or a file is not UTF-8.
    """
    texts: list[str] = []
    labels: list[Label] = []
    ids: list[str] = []
    for kind in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        for file in sorted(entry for entry in kind.rglob("*") if entry.is_file()):
            if file.name.startswith(".") or file.suffix.lower() not in _SUFFIXES:
                continue
            try:
                texts.append(file.read_bytes().decode("utf-8"))
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{file} is not UTF-8: byte {error.start}; save it as UTF-8"
                ) from None
            labels.append((kind.name,))
            ids.append(f"{kind.name}/{file.relative_to(kind).as_posix()}")
    if not texts:
        raise InputError(
            f"{folder} holds no texts: expected a folder for each class, with one .txt file a text"
        )
    return Texts(texts, labels=tuple(labels), ids=tuple(ids), places=ids)


class _Places(Sequence[str]):
    """The names of rows in messages, made when one is needed."""

    def __init__(self, rows: Rows) -> None:
        self._source, self._height = rows.source, rows.frame.height

    def __len__(self) -> int:
        return self._height

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        return self._source.row(index)
