"""Pieces that a model of music writes, by the grammar from the first event to the last."""

import dataclasses
from typing import NamedTuple

import numpy as np

from gatework.data.music.events import Events
from gatework.data.music.grammar import EventGrammar
from gatework.data.music.piece import Piece
from gatework.errors import InputError
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.music import events_of
from gatework.tasks.generate.reading import ManyReader, OneReader
from gatework.tasks.generate.sampling import Sampler
from gatework.tasks.generate.settings import Sampling
from gatework.tasks.generate.writing import check_length


class Composed(NamedTuple):
    """A piece that was written.

    Attributes:
        piece: With the primer at its beginning.
        text: The same as words.
        events: How many were drawn for it.
        primed: Ticks that the primer lasts.
    """

    piece: Piece
    text: str
    events: int
    primed: int


def compose(
    fitted: Fitted,
    primer: Piece | None,
    sampling: Sampling,
    *,
    count: int,
    length: int,
    tempo: float | None = None,
) -> list[Composed]:
    """Continue a primer in `count` ways at once, as one batch.

    Args:
        fitted: A model of music.
        primer: What comes before; None begins a piece.
        sampling: How events are drawn, of those that may come.
        count: How many pieces.
        length: Events to write at most; the last of them close what sounds.
        tempo: Quarter notes a minute; None is that of the primer, or the usual one of the data.

    Raises:
        InputError: The model is one of text, or a number is out of its range.
    """
    check_length(length)
    if count < 1:
        raise InputError(f"count is {count}; expected 1 or more")
    if tempo is not None and not 4 <= tempo < 10_000:
        raise InputError(f"tempo is {tempo:g}; expected 4 to 10,000 quarter notes a minute")
    events, network = events_of(fitted.codec), fitted.network
    before = events.text(primer) if primer else ""
    ids = fitted.primer(before)
    grammars = [
        EventGrammar(events, ids[1:].tolist(), length=length, ends=fitted.ends)
        for _ in range(count)
    ]
    reader = OneReader(network) if count == 1 else ManyReader(network, count)
    sampler = Sampler(sampling, count)
    told: list[list[int]] = [[] for _ in grammars]
    reader.prime(ids[:-1])
    drawn = np.full(count, ids[-1])
    while not all(grammar.is_over for grammar in grammars):
        logits = reader.read(drawn)
        logits[~np.stack([grammar.allowed() for grammar in grammars])] = -np.inf
        drawn = sampler.draw(logits)
        for grammar, numbers, number in zip(grammars, told, drawn.tolist(), strict=True):
            if not grammar.is_over:
                grammar.take(number)
                numbers.append(number)
    texts = [before + fitted.codec.decode(numbers) for numbers in told]
    primed = events.snap(primer).end if primer else 0
    return [
        Composed(_piece(events, text, primer, tempo), text, len(numbers), primed)
        for text, numbers in zip(texts, told, strict=True)
    ]


def _piece(events: Events, text: str, primer: Piece | None, tempo: float | None) -> Piece:
    piece = events.piece(text, tempo=tempo)
    if primer is None:
        return piece
    snapped = events.snap(primer)
    return dataclasses.replace(
        piece,
        tempos=piece.tempos if tempo is not None or not snapped.tempos else snapped.tempos,
        meters=snapped.meters or piece.meters,
        name=primer.name,
    )
