"""Music for a language model: pieces in parts, each of them whole."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import torch

from gatework.data.music.choosing import Grid, choose_events
from gatework.data.music.events import Events
from gatework.data.music.folder import Music, read_music, shape_of
from gatework.data.music.piece import Piece
from gatework.data.music.transposing import keys_of
from gatework.data.stream import TokenStream
from gatework.data.stream_codec import BORDER, Codec
from gatework.errors import InputError
from gatework.tasks.generate.parts import Parts
from gatework.tasks.generate.settings import GenerateSettings
from gatework.tasks.settings import Choice

_LISTED: Final = 30  # files that are listed


class _Cut(NamedTuple):
    """Pieces in parts; the last is empty where validation is judged."""

    train: Sequence[Piece]
    validation: Sequence[Piece]
    test: Sequence[Piece]


def gather_music(data: Any, validation: Any, test: Any, settings: GenerateSettings) -> Parts:
    """Read pieces, and deal them out to the parts, each piece whole.

    Args:
        data: What `read_music` takes.
        validation: Likewise, or None: `validation_share` of the pieces that are left, drawn.
        test: Likewise, or None: `test_share` of the pieces, drawn.
        settings: The shares, the grid, how far pieces are moved, the seed of the draw.

    Raises:
        InputError: There are too few pieces, or a file cannot be read.
    """
    music = read_music(data)
    others = [None if each is None else read_music(each) for each in (validation, test)]
    cut = _deal(music, others, settings)
    grid = choose_events(
        cut.train, steps=settings.steps_per_quarter, loudnesses=settings.loudnesses
    )
    codec = Codec.of_events(grid.events)
    train, *held = (music_stream(part, codec) for part in cut)
    if test is not None:
        name = "test"
    elif cut.test:
        name = f"{len(cut.test)} of {len(music.pieces)} pieces"
    else:
        name = "validation"
    return Parts(
        codec,
        # In training the border after the last piece is the one before the first.
        train._replace(ids=train.ids[:-1]),
        held[0],
        held[1] if cut.test else None,
        name,
        len(music.pieces),
        "+".join([music.digest, *(each.digest if each else "" for each in others)]),
        tuple(_notes([music, *(each for each in others if each)], cut, settings)),
        keys_of(settings.transpose),
        _choices(grid, settings),
    )


def events_of(codec: Codec) -> Events:
    """Return the words of a codec of music.

    Raises:
        InputError: It is one of text.
    """
    if not isinstance(codec.tokeniser, Events):
        raise InputError(f"this model is one of {codec.kind}, which are no music")
    return codec.tokeniser


def music_stream(pieces: Sequence[Piece], codec: Codec) -> TokenStream:
    """Return pieces as one sequence of events, with a border before and after each."""
    events, border = events_of(codec), np.array([BORDER])
    ids = [border]
    for piece in pieces:
        ids += [codec.encode(events.text(piece)), border]
    stream = torch.from_numpy(np.concatenate(ids).astype(np.int32))
    return TokenStream(stream, len(stream) - 1, 0)


def _deal(music: Music, others: list[Music | None], settings: GenerateSettings) -> _Cut:
    validation, test = (each.pieces if each else () for each in others)
    held = {shape_of(piece) for piece in (*validation, *test)}
    pieces = [piece for piece in music.pieces if shape_of(piece) not in held]
    order = np.random.default_rng(settings.seed).permutation(len(pieces)).tolist()
    drawn = [pieces[place] for place in order]
    if others[1] is None and settings.test_share:
        cut = max(1, round(len(drawn) * settings.test_share))
        test, drawn = drawn[:cut], drawn[cut:]
    if others[0] is None:
        cut = max(1, round(len(drawn) * settings.validation_share))
        validation, drawn = drawn[:cut], drawn[cut:]
    if not drawn or not validation:
        raise InputError(
            f"{music.name} has {len(pieces)} pieces that can be used; expected at least one to "
            "learn from, one that chooses the weights, and one that is judged"
        )
    return _Cut(drawn, validation, test)


def _choices(grid: Grid, settings: GenerateSettings) -> tuple[Choice, ...]:
    values = {"steps_per_quarter": grid.events.steps, "loudnesses": grid.events.loudnesses}
    return tuple(
        Choice(name, value, grid.reasons[name])
        for name, value in values.items()
        if getattr(settings, name) is None
    )


def _notes(found: Sequence[Music], cut: _Cut, settings: GenerateSettings) -> Iterator[str]:
    parts = (f"{len(cut.train)} to learn from", f"{len(cut.validation)} choose the weights")
    judged = f"{len(cut.test)} are judged, once" if cut.test else "none is held out"
    yield f"pieces, drawn by seed {settings.seed}: {', '.join(parts)}, {judged}"
    left = len(found[0].pieces) + sum(len(each.pieces) for each in found[1:])
    left -= sum(map(len, cut))
    if left:
        yield f"{left} pieces that validation or test have too are not learnt from"
    for music in found:
        yield from music.notes
    skipped = [each for music in found for each in music.skipped]
    if skipped:
        yield f"{len(skipped)} left out:"
    yield from (f"{each.name}: {each.reason}" for each in skipped[:_LISTED])
    if len(skipped) > _LISTED:
        yield f"and {len(skipped) - _LISTED} more"
