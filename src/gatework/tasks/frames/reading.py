"""From files and arrays to sequences of frames: piano rolls, music, tables of numbers."""

import gzip
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from gatework.data.checks import counted, listed, near_names
from gatework.data.music.choosing import choose_events
from gatework.data.music.folder import SUFFIXES, read_music
from gatework.data.music.piece import KEYS, LOWEST, Note, to_roll
from gatework.data.numbers import parse_numbers
from gatework.data.rows import read_all
from gatework.errors import InputError
from gatework.tasks.frames.sequences import PARTS, WHOLE, FrameData, FrameSchema, key_names

ROLLS: Final = (".npz", ".json", ".json.gz")
TABLES: Final = (".csv", ".tsv", ".parquet", ".csv.gz", ".tsv.gz")
_PITCHES: Final = range(LOWEST, LOWEST + KEYS)
_ARRAYS: Final = ("roll", "frames")  # names of arrays in an .npz file


def read_frames(
    data: Any, *, keys: bool | None = None, id_col: str | None = None, grid: int | None = None
) -> FrameData:
    """Read sequences of frames.

    Args:
        data: The path of an .npz or .json file of piano rolls, of music (MIDI, ABC) or a folder of
            it, or of a table (CSV, Parquet) with a row a frame; or arrays (T, D).
        keys: Whether the numbers are keys; None is by the kind of data: tables hold numbers, arrays
            keys where all are 0 or 1.
        id_col: Column of a table that names the sequences; None is one sequence.
        grid: Frames of a quarter note; None is found from the notes of music, and 1 for a roll.

    Raises:
        InputError: It cannot be read so; the file, and where it can the row, is named.
    """
    if not isinstance(data, str | os.PathLike):
        return _from_arrays(data, keys=keys, grid=grid)
    path = Path(data)
    if id_col is not None and not path.name.lower().endswith(TABLES):
        raise InputError(f"an id column was named, and {path.name} is no table")
    if not path.exists():
        raise InputError(f"there is no file {path}")
    name = path.name.lower()
    if path.is_dir() or name.endswith(SUFFIXES):
        return _from_music(path, grid)
    if name.endswith(".npz"):
        return _from_npz(path, keys=keys, grid=grid)
    if name.endswith(ROLLS):
        return _from_json(path, grid)
    if name.endswith(TABLES):
        return _from_table(path, id_col, keys=bool(keys), grid=grid)
    raise InputError(
        f"{path} holds no frames that can be read; expected a name that ends in "
        f"{', '.join((*ROLLS, *SUFFIXES, *TABLES))}, or a folder of music"
    )


def _from_arrays(data: Any, *, keys: bool | None, grid: int | None) -> FrameData:
    try:
        sequences = tuple(np.asarray(frames, np.float32) for frames in data)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the data is a {type(data).__name__} that holds no arrays of numbers ({error}); "
            "expected a path, or a list of arrays (T, D)"
        ) from None
    return _whole({WHOLE: sequences}, "arrays", keys=keys, grid=grid)


def _whole(
    parts: Mapping[str, tuple[np.ndarray, ...]], name: str, *, keys: bool | None, grid: int | None
) -> FrameData:
    first = next((each for part in parts.values() for each in part if each.ndim == 2), None)
    size = 0 if first is None else first.shape[1]
    if keys is None:
        keys = all(np.isin(each, (0, 1)).all() for part in parts.values() for each in part)
    columns = key_names(size) if keys else tuple(f"x{each}" for each in range(size))
    return FrameData(parts, FrameSchema(columns, keys, grid or 1), name)


def _from_npz(path: Path, *, keys: bool | None, grid: int | None) -> FrameData:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no .npz file of plain arrays: {error}") from error
    parts = {}
    for part in (*PARTS, WHOLE):
        suffix = "" if part == WHOLE else f"_{part}"
        found = [name for stem in _ARRAYS if (name := stem + suffix) in arrays]
        if found:
            parts[part] = _cut(arrays[found[0]], arrays.get(f"lengths{suffix}"), path, found[0])
    if not parts:
        raise InputError(
            f"{path} holds {listed(sorted(arrays)) or 'nothing'}; expected roll_train, roll_valid "
            "and roll_test, each (frames, D) with its lengths_..., or roll and lengths"
        )
    return _whole(parts, path.name, keys=keys, grid=grid)


def _cut(
    stacked: np.ndarray, lengths: np.ndarray | None, path: Path, name: str
) -> tuple[np.ndarray, ...]:
    """Cut (N, D) frames end to end into sequences of these lengths; None is one."""
    if stacked.ndim != 2 or stacked.dtype.kind not in "biuf":
        raise InputError(
            f"{path}: {name} is {stacked.dtype} {stacked.shape}; expected numbers (frames, D)"
        )
    sizes = np.array([len(stacked)]) if lengths is None else np.asarray(lengths)
    if sizes.dtype.kind not in "iu" or sizes.ndim != 1 or (sizes < 0).any():
        raise InputError(f"{path}: the lengths of {name} are no whole numbers from 0")
    if sizes.sum() != len(stacked):
        raise InputError(
            f"{path}: the lengths of {name} add up to {sizes.sum():,}; it has {len(stacked):,} "
            "frames"
        )
    return tuple(np.split(stacked.astype(np.float32), np.cumsum(sizes)[:-1]))


def _from_json(path: Path, grid: int | None) -> FrameData:
    """Read pieces as lists of frames, each the list of its pitches; maybe by part."""
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        found = msgspec.json.decode(data, type=_Chords)
    except (OSError, EOFError, msgspec.DecodeError) as error:
        raise InputError(
            f"{path} is no file of chords: {error}; expected pieces as lists of frames, each a "
            'list of pitches such as [60, 64, 67], maybe by part: {"train": ..., "valid": ..., '
            '"test": ...}'
        ) from error
    by_part = found if isinstance(found, dict) else {WHOLE: found}
    strange = sorted(set(by_part) - {*PARTS, WHOLE})
    if strange:
        raise InputError(f"{path} has a part {strange[0]!r}; expected {', '.join(PARTS)}")
    parts = {
        part: tuple(_rolled(piece, f"{path.name}, {part}, piece {n}") for n, piece in each)
        for part, each in ((part, enumerate(pieces)) for part, pieces in by_part.items())
    }
    return FrameData(parts, FrameSchema(key_names(KEYS), True, grid or 1), path.name)


_Pieces = list[list[list[float]]]  # whole numbers, but some files write 60.0
_Chords = dict[str, _Pieces] | _Pieces


def _rolled(piece: Sequence[Sequence[float]], place: str) -> np.ndarray:
    roll = np.zeros((len(piece), KEYS), np.float32)
    for step, pitches in enumerate(piece):
        for pitch in pitches:
            if pitch not in _PITCHES:
                raise InputError(
                    f"{place}, frame {step} (counting from 0): pitch {pitch:g} is no key of a "
                    f"piano; expected {LOWEST} to {LOWEST + KEYS - 1}"
                )
            roll[step, int(pitch) - LOWEST] = 1
    return roll


def _from_music(path: Path, grid: int | None) -> FrameData:
    """Read a file of MIDI or ABC, or all of a folder that can be used; the notes name the rest."""
    music = read_music(path)
    playable = [piece for piece in music.pieces if all(map(_is_key, piece.notes))]
    if not playable:
        raise InputError(f"every piece of {music.name} has notes that are no keys of a piano")
    frames = grid or choose_events(playable, loudnesses=1).events.steps
    notes = [f"{counted(frames, 'frame')} to a quarter note", *music.notes]
    notes += [f"left out: {each.name}: {each.reason}" for each in music.skipped]
    if len(playable) < len(music.pieces):
        out = counted(len(music.pieces) - len(playable), "piece")
        notes.append(f"{out} left out: notes that are no keys of a piano")
    rolls = tuple(to_roll(each, frames_per_quarter=frames).astype(np.float32) for each in playable)
    schema = FrameSchema(key_names(KEYS), True, frames)
    return FrameData({WHOLE: rolls}, schema, music.name, tuple(notes))


def _is_key(note: Note) -> bool:
    return note.pitch in _PITCHES


def _from_table(path: Path, id_col: str | None, *, keys: bool, grid: int | None) -> FrameData:
    """Read a table: a row a frame, every column but the id a number of it."""
    frame, source = read_all(path)
    if id_col is not None and id_col not in frame.columns:
        raise InputError(
            f'{path.name} has no column "{id_col}"{near_names(id_col, frame.columns)}; it has '
            f"{listed(frame.columns)}"
        )
    names = [name for name in frame.columns if name != id_col]
    if not names:
        raise InputError(f"{path.name} has no column of numbers beside the id")
    columns, notes = [], []
    for name in names:
        values, told = parse_numbers(frame[name], source)
        missing = np.isnan(values)
        if missing.any():
            cell = source.cell(int(missing.argmax()), name)
            raise InputError(f"{cell}: no number; a frame needs all of its numbers")
        columns.append(values)
        notes += told
    values = np.stack(columns, 1).astype(np.float32)
    places = [np.arange(len(frame))]
    if id_col is not None:
        rows = frame.select(pl.col(id_col).fill_null("")).with_row_index("row")
        groups = rows.group_by(id_col, maintain_order=True).agg(pl.col("row"))
        places = [each.to_numpy() for each in groups["row"]]
    sequences = tuple(values[place] for place in places)
    schema = FrameSchema(tuple(names), keys, grid or 1)
    return FrameData({WHOLE: sequences}, schema, path.name, tuple(notes))
