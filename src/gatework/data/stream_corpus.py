"""Text from files, read piece by piece: documents in order, their sizes, and parts of the whole.

A text is never held as a whole. Knows nothing of tokens or models.
"""

import codecs
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, final

from gatework.data.stream_tables import is_table, read_texts
from gatework.errors import InputError

_BLOCK: Final = 1 << 20  # bytes read, or characters given, at once
_BOM: Final = "\ufeff"
# Files that are often given for text, by their first bytes.
_OTHER: Final = {
    b"\xff\xfe": "is UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "is UTF-16 text: save it as UTF-8",
    b"\x1f\x8b": "is gzipped: unpack it",
}


class Table(NamedTuple):
    """A table with a text in each row, in this column, or in that which is found."""

    path: Path
    column: str | None


Place = Path | str | Table


class Source(NamedTuple):
    """Where texts are: a file of one, a table of many, or a text itself; and their sizes."""

    place: Place
    sizes: tuple[int, ...]


@final
@dataclass(frozen=True)
class Corpus:
    """Texts in order, as characters; with `raw` each byte of a file is one character.

    Args:
        name: What it is called.
        sources: Where they are; no text is empty.
        raw: Whether bytes are taken as they are.
        digest: SHA-256 of all of it.
    """

    name: str
    sources: tuple[Source, ...]
    raw: bool
    digest: str

    @property
    def size(self) -> int:
        """Characters in all."""
        return sum(sum(source.sizes) for source in self.sources)

    @property
    def documents(self) -> int:
        """How many texts there are."""
        return sum(len(source.sizes) for source in self.sources)

    def part(self, start: int, stop: int) -> Iterator[Iterator[str]]:
        """Give the characters from `start` to before `stop`, document by document, in pieces.

        A document is read before the next one is asked for.

        Example:
            >>> corpus = open_corpus(["to be", "or not"])
            >>> ["".join(pieces) for pieces in corpus.part(3, 7)]
            ['be', 'or']
        """
        begins = 0
        for place, sizes in self.sources:
            if start < begins + sum(sizes) and begins < stop:
                at = begins
                for size, pieces in zip(sizes, _texts(place, raw=self.raw), strict=False):
                    if start < at + size and at < stop:
                        yield _slice(pieces, max(start - at, 0), min(stop - at, size))
                    at += size
            begins += sum(sizes)


def open_corpus(data: Any, *, raw: bool = False, column: str | None = None) -> Corpus:
    """Read everything once: check it, count it, and name it by its hash.

    Args:
        data: A path of a file or of a folder, which stands for all files in it that are not
            hidden, in order of their names; a list of such paths (`Path`); or a list of texts
            (`str`). Of a table (JSON lines, CSV, parquet) each row is a text.
        raw: Take every byte as a character, whatever the encoding; of a table, of its texts.
        column: The column of a table that the texts are in; None is found.

    Raises:
        InputError: There is no text, or a file is no UTF-8; the message names file and byte.
    """
    places, name = _sources(data, column)
    digest = hashlib.sha256()
    sources = []
    for place in places:
        sizes = []
        for pieces in _texts(place, raw=raw):
            size = 0
            for piece in pieces:
                size += len(piece)
                digest.update(piece.encode("utf-8", "surrogatepass"))
            if size:
                digest.update(b"\xff")  # no byte of UTF-8: where a document ends
                sizes.append(size)
        if sizes:
            sources.append(Source(place, tuple(sizes)))
    if not sources:
        raise InputError(f"{name} is empty: there is no text to learn from")
    return Corpus(name, tuple(sources), raw, digest.hexdigest())


def in_lines(pieces: Iterable[str]) -> Iterator[str]:
    """Join pieces and cut them anew where a line ends; a very long line where a word ends.

    Example:
        >>> list(in_lines(["ab", "c\\nd", "e\\n", "f"]))
        ['abc\\n', 'de\\n', 'f']
    """
    rest = ""
    for piece in pieces:
        rest += piece
        cut = rest.rfind("\n") + 1
        if not cut and len(rest) > _BLOCK:
            cut = rest.rfind(" ") if " " in rest[1:] else len(rest)
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
    if rest:
        yield rest


def _sources(data: Any, column: str | None) -> tuple[Sequence[Place], str]:
    """What is to be read, and what it is called."""
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        return _places([path], column), str(path)
    if not isinstance(data, list | tuple) or not data:
        raise InputError(
            f"data is a {type(data).__name__}; expected the path of a file or folder, a list of "
            "paths, or a list of texts"
        )
    if all(isinstance(each, str) for each in data):
        return data, "data"
    if all(isinstance(each, os.PathLike) for each in data):
        name = str(data[0]) if len(data) == 1 else f"{data[0]} and {len(data) - 1} more"
        return _places(map(Path, data), column), name
    raise InputError("data is a mixed list; expected Paths only, or texts only")


def _places(paths: Iterable[Path], column: str | None) -> list[Place]:
    files = [file for path in paths for file in _files(path)]
    return [Table(file, column) if is_table(file) else file for file in files]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"{path} is not there; expected a file or folder of text")
    found = [
        each
        for each in sorted(path.rglob("*"))
        if each.is_file() and not any(p.startswith(".") for p in each.relative_to(path).parts)
    ]
    if not found:
        raise InputError(f"{path} is empty: a folder without files")
    return found


def _texts(place: Place, *, raw: bool) -> Iterator[Iterator[str]]:
    """The texts of a source, each in pieces."""
    if isinstance(place, Table):
        yield from (_cut(text, raw=raw) for text in read_texts(*place))
    elif isinstance(place, Path):
        yield _raw(place) if raw else _text(place)
    else:
        yield _cut(place, raw=raw)


def _cut(text: str, *, raw: bool) -> Iterator[str]:
    whole = text.encode("utf-8", "surrogatepass").decode("latin-1") if raw else text
    yield from (whole[at : at + _BLOCK] for at in range(0, len(whole), _BLOCK))


def _raw(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block.decode("latin-1")


def _text(path: Path) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    done, begins = 0, True  # bytes decoded
    with path.open("rb") as file:
        while True:
            block = file.read(_BLOCK)
            waiting = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                for start, problem in _OTHER.items():
                    if not done and block.startswith(start):
                        raise InputError(f"{path} {problem}") from error
                raise InputError(
                    f"{path} is not UTF-8: byte {done - waiting + error.start:,} is "
                    f"0x{error.object[error.start]:02x}. Save it as UTF-8, leave it out, or learn "
                    "bytes instead (--tokens bytes)"
                ) from error
            if "\0" in text:
                at = done - waiting + len(text[: text.index("\0")].encode())
                raise InputError(
                    f"{path} is no text: byte {at:,} is zero. Leave it out, or learn bytes "
                    "instead (--tokens bytes)"
                )
            done += len(block)
            if begins and text:
                text, begins = text.removeprefix(_BOM), False
            if text:
                yield text
            if not block:
                return


def _slice(pieces: Iterable[str], start: int, stop: int) -> Iterator[str]:
    at = 0
    for piece in pieces:
        kept = piece[max(start - at, 0) : max(stop - at, 0)]
        at += len(piece)
        if kept:
            yield kept
        if at >= stop:
            return
