"""What a run of music writes at the command line: MIDI to play, sound to hear."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gatework.cli.console import complain, say
from gatework.cli.options import check_output
from gatework.cli.tasks.frames import FramesWanted
from gatework.errors import InputError
from gatework.tasks.generate.settings import Sampling

if TYPE_CHECKING:
    from gatework.data.music import Piece
    from gatework.tasks.generate.estimator import LanguageModel

FILES = (".mid", ".wav")
AS_USUAL = Sampling()
KNOWN = ("--length", "--samples", "--timing")  # options of text that mean the same for music


def refuse_text(words: Sequence[str]) -> None:
    """Refuse words of a command that mean something to a run of text alone.

    Raises:
        InputError: There is one.
    """
    for word in words:
        if word in ("--prompt", "--prompt-file"):
            raise InputError(f'{word} is for text; a model of music takes --primer "60 62 64"')
        if word.startswith("--") and word not in KNOWN:
            raise InputError(f"{word} is an option for text, and means nothing to music")


def write_music(
    model: "LanguageModel",
    wanted: FramesWanted,
    sampling: Sampling = AS_USUAL,
    *,
    count: int = 1,
    length: int = 500,
    timing: bool = False,
) -> None:
    """Write pieces to files, or print their events.

    Args:
        model: A model of music.
        wanted: The file, the primer and the tempo.
        sampling: How events are drawn.
        count: How many pieces.
        length: Events of each at most.
        timing: Whether to say how fast it was.

    Raises:
        InputError: An option cannot be used, or the primer cannot be read.
    """
    from gatework.data.music.files import write_pieces
    from gatework.data.music.primers import read_primer

    to = wanted.to
    if to is not None:
        check_output(to, FILES, option="to")
    if wanted.primer_frames is not None:
        raise InputError("--primer-frames is for frames; cut the primer itself")
    begun = None if wanted.primer is None else read_primer(str(wanted.primer))
    began = time.perf_counter()
    found = model.compose(begun, sampling, count=count, length=length, tempo=wanted.tempo)
    seconds = time.perf_counter() - began
    if to is None:
        for each in found:
            say(each.text)
    else:
        pieces = [each.piece for each in found]
        for path, piece in zip(write_pieces(to, pieces), pieces, strict=True):
            say(f"{path}: {describe(piece)}")
    if timing:
        events = sum(each.events for each in found)
        complain(f"{events:,} events in {seconds:.2f} s: {events / seconds:,.0f} a second.")


def describe(piece: "Piece") -> str:
    """Say how long a piece is."""
    quarters = piece.end / piece.ticks_per_quarter
    (seconds,) = piece.seconds([piece.end])
    return f"{len(piece.notes):,} notes, {quarters:g} quarter notes, {seconds:.0f} s"
