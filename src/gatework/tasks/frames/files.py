"""Drawn sequences of frames as files: music to play, sound to hear, tables, arrays."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from gatework.data.music.piece import Piece
from gatework.data.music.sound import write_wav
from gatework.data.music.writing import write_midi
from gatework.data.tables import write_table
from gatework.errors import InputError
from gatework.files import atomic_write
from gatework.tasks.frames.sequences import FrameSchema
from gatework.tasks.frames.writing import to_piece

MUSIC: Final[Mapping[str, Callable[[Path, Piece], None]]] = {
    ".mid": write_midi,
    ".wav": write_wav,
}
TABLES: Final = (".csv", ".tsv", ".parquet")
SUFFIXES: Final = (*MUSIC, *TABLES, ".npz")


def write_frames(path: Path, sequences: np.ndarray, schema: FrameSchema) -> list[Path]:
    """Write (N, T, D) sequences: music a file each, with a number in its name, else all in one.

    Args:
        path: Its suffix says what is written.
        sequences: What was drawn.
        schema: What their numbers are.

    Returns:
        The files.

    Raises:
        InputError: The suffix is none of `SUFFIXES`, or the frames cannot be played.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path} ends in {path.suffix!r}; expected one of {', '.join(SUFFIXES)}")
    if path.suffix in TABLES:
        write_table(to_table(sequences, schema), path)
        return [path]
    if path.suffix == ".npz":
        count, length, size = sequences.shape
        kept = sequences.astype(np.uint8) if schema.keys else sequences
        with atomic_write(path) as beside, beside.open("wb") as file:
            lengths = np.full(count, length)
            np.savez_compressed(file, frames=kept.reshape(-1, size), lengths=lengths)
        return [path]
    names = [path]
    if len(sequences) > 1:
        names = [path.with_stem(f"{path.stem}-{n}") for n in range(1, len(sequences) + 1)]
    for name, frames in zip(names, sequences, strict=True):
        MUSIC[path.suffix](name, to_piece(frames, schema, name=name.stem))
    return names


def to_table(sequences: np.ndarray, schema: FrameSchema) -> pl.DataFrame:
    """Return a row a frame; of several sequences, the first column says which, from 1.

    Example:
        >>> to_table(np.ones((2, 1, 1)), FrameSchema(("a",), keys=False)).rows()
        [(1, 1.0), (2, 1.0)]
    """
    count, length, size = sequences.shape
    kept = sequences.astype(np.int64) if schema.keys else sequences.astype(np.float64)
    columns = dict(zip(schema.columns, kept.reshape(-1, size).T, strict=True))
    which = {"sequence": np.repeat(np.arange(1, count + 1), length)} if count > 1 else {}
    return pl.DataFrame(which | columns)
