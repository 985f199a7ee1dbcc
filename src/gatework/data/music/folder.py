"""Music as a person has it: files and folders of MIDI and ABC; what cannot be used, and why."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from gatework.data.music.abc_tunes import read_abc
from gatework.data.music.midi import read_midi
from gatework.data.music.piece import Piece
from gatework.errors import InputError

MIDI: Final = (".mid", ".midi", ".kar")
ABC: Final = (".abc",)
SUFFIXES: Final = (*MIDI, *ABC)
_FEWEST: Final = 4  # notes of a piece


class Skipped(NamedTuple):
    """A file or tune that was left out."""

    name: str
    reason: str


class Music(NamedTuple):
    """Pieces, in order of their files' names.

    Attributes:
        name: What all of it is called.
        pieces: Those that can be used, no two with the same notes.
        skipped: The others.
        notes: What a reader must know, one line each.
        digest: SHA-256 of the pieces.
    """

    name: str
    pieces: tuple[Piece, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    digest: str


class _Found(NamedTuple):
    name: str
    piece: Piece | InputError
    hanging: int = 0
    drums: int = 0


def is_music(data: Any) -> bool:
    """Whether data are pieces, or paths whose names say that they are: of a folder, most of them.

    Example:
        >>> is_music([Piece(())]), is_music("songs/a.MID"), is_music("a.txt"), is_music(["a text"])
        (True, True, False, False)
    """
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        files = _files(path) if path.is_dir() else [path]
    elif isinstance(data, list | tuple) and data:
        if all(isinstance(each, Piece) for each in data):
            return True
        if not all(isinstance(each, os.PathLike) for each in data):
            return False
        return all(is_music(each) for each in data)
    else:
        return False
    return 2 * sum(_is_named(file) for file in files) > len(files)


def read_music(data: Any) -> Music:
    """Read all there is; what cannot be used is listed.

    Args:
        data: The path of a file or folder, a list of `Path`, or a list of pieces.

    Raises:
        InputError: Nothing of it can be used, or it is not there.
    """
    sources, name = _sources(data)
    kept: dict[bytes, str] = {}  # the shape of each piece, and what that was called
    pieces: list[Piece] = []
    skipped: list[Skipped] = []
    found = [each for source in sources for each in _read(source)]
    for each in found:
        problem = _problem(each, kept)
        if problem is None and isinstance(each.piece, Piece):
            pieces.append(each.piece)
        else:
            skipped.append(Skipped(each.name, str(problem)))
    if not pieces and len(skipped) == 1:
        raise InputError(f"{skipped[0].name}: {skipped[0].reason}")
    if not pieces:
        listed = "; ".join(f"{each.name}: {each.reason}" for each in skipped[:3])
        more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
        raise InputError(f"{name} has no music that can be used. {listed}{more}")
    digest = hashlib.sha256(msgspec.json.encode(pieces)).hexdigest()
    return Music(name, tuple(pieces), tuple(skipped), tuple(_notes(found)), digest)


def read_piece(path: Path) -> Piece:
    """Read one piece; of a file with several, the first.

    Raises:
        InputError: It cannot be read; the message names it.
    """
    if not path.is_file():
        raise InputError(f"{path} is not there; expected a file of MIDI or ABC")
    first = next(_read(path))
    if isinstance(first.piece, InputError):
        raise first.piece
    return first.piece


def shape_of(piece: Piece) -> bytes:
    """Return what is the same of the same notes, in any key and any tempo.

    Such pieces are one piece: it may not be learnt from and judged by.
    """
    first = piece.notes[0].pitch if piece.notes else 0
    return msgspec.json.encode(
        [(note.start / piece.ticks_per_quarter, note.pitch - first) for note in piece.notes]
    )


def _sources(data: Any) -> tuple[Sequence[Path | Piece], str]:
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        if path.is_dir():
            return _files(path), str(path)
        if not path.exists():
            raise InputError(f"{path} is not there; expected a file or folder of MIDI or ABC")
        return [path], str(path)
    if not isinstance(data, list | tuple) or not data:
        raise InputError(
            f"data is a {type(data).__name__}; expected the path of a file or folder of MIDI or "
            "ABC, a list of paths, or a list of pieces"
        )
    if all(isinstance(each, Piece) for each in data):
        return data, "data"
    if not all(isinstance(each, os.PathLike) for each in data):
        raise InputError("data is a mixed list; expected Paths only, or pieces only")
    name = str(data[0]) if len(data) == 1 else f"{data[0]} and {len(data) - 1} more"
    return [file for each in data for file in _sources(each)[0]], name


def _files(folder: Path) -> list[Path]:
    """All files in a folder that are not hidden."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    ]


def _is_named(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _read(source: Path | Piece) -> Iterator[_Found]:
    if isinstance(source, Piece):
        yield _Found(source.name or "a piece", source)
        return
    name = str(source)
    try:
        if source.suffix.lower() in ABC:
            yield from (_Found(*tune) for tune in read_abc(source))
        elif source.suffix.lower() in MIDI:
            read = read_midi(source)
            yield _Found(name, read.piece, read.hanging, read.drums)
        else:
            raise InputError(f"{name} is no MIDI or ABC: its name ends in {source.suffix!r}")
    except InputError as error:
        yield _Found(name, error)


def _problem(found: _Found, kept: dict[bytes, str]) -> str | None:
    """Why a piece cannot be used; if it can, it is entered among those kept."""
    if isinstance(found.piece, InputError):
        return str(found.piece).removeprefix(found.name).removeprefix(",").strip()
    notes = found.piece.notes
    if not notes:
        return "only drums" if found.drums else "no notes"
    if len(notes) < _FEWEST:
        return f"too short: {len(notes)} notes"
    shape = shape_of(found.piece)
    if shape in kept:
        return f"the same notes as {kept[shape]}"
    kept[shape] = found.name
    return None


def _notes(found: Sequence[_Found]) -> Iterator[str]:
    hanging = [each.hanging for each in found if each.hanging]
    if hanging:
        yield (
            f"{sum(hanging):,} notes that nothing ends, in {len(hanging)} files: they end with "
            "their track, or after four quarter notes"
        )
    drums = [each.drums for each in found if each.drums]
    if drums:
        yield f"{sum(drums):,} notes of drums were left out, in {len(drums)} files"
