"""A piece as the file that a name asks for: MIDI to play, WAV to hear."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from gatework.data.music.piece import Piece
from gatework.data.music.sound import write_wav
from gatework.data.music.writing import write_midi
from gatework.errors import InputError

WRITERS: Final[Mapping[str, Callable[[Path, Piece], None]]] = {
    ".mid": write_midi,
    ".midi": write_midi,
    ".wav": write_wav,
}


def write_pieces(path: Path, pieces: Sequence[Piece]) -> list[Path]:
    """Write pieces: one under the name itself, several with their numbers, as tune-1.mid.

    Raises:
        InputError: The name ends as no format does.
    """
    write = WRITERS.get(path.suffix.lower())
    if write is None:
        raise InputError(f"{path} ends in {path.suffix!r}; expected one of {', '.join(WRITERS)}")
    names = [path]
    if len(pieces) > 1:
        names = [path.with_stem(f"{path.stem}-{n}") for n in range(1, len(pieces) + 1)]
    for name, piece in zip(names, pieces, strict=True):
        write(name, piece)
    return names
