"""Training on pieces that stand in another key each time they come round."""

from typing import Final, NamedTuple, final

import torch
from torch import Generator, Tensor

from gatework.data.music.events import PITCHES
from gatework.data.music.grammar import BORDER, OFF, ON, WAIT
from gatework.data.stream import StreamBatch, StreamWindows

_SEEDS: Final = 1 << 62


class Keys(NamedTuple):
    """How far pieces may be moved.

    Attributes:
        down: Semitones downwards at most.
        up: And upwards.
    """

    down: int
    up: int


def keys_of(semitones: int) -> Keys:
    """Return how far to move pieces to have them in so many keys each way, none of them twice.

    Example:
        >>> keys_of(6), keys_of(3), keys_of(0)
        (Keys(down=5, up=6), Keys(down=3, up=3), Keys(down=0, up=0))
    """
    return Keys(5, 6) if semitones >= 6 else Keys(semitones, semitones)


def moved(ids: Tensor, semitones: Tensor | int) -> Tensor:
    """Return events, of any shape, with their notes moved by so many semitones each.

    Example:
        >>> moved(torch.tensor([BORDER, ON + 60, WAIT, OFF + 60]), 2).tolist() == [
        ...     BORDER, ON + 62, WAIT, OFF + 62]
        True
    """
    is_note = (ids >= ON) & (ids < WAIT)
    return torch.where(is_note, ids + semitones, ids)


def moved_chances(rows: Tensor, semitones: Tensor) -> Tensor:
    """Return (..., V) chances of events after all notes were moved by (...) semitones.

    A note has the chance that the one it is moved from had; at the edge of the pitches there are,
    that of the last one.

    Example:
        >>> rows = torch.zeros(1, WAIT + 1)
        >>> rows[0, ON + 60] = 1.0
        >>> int(moved_chances(rows, torch.tensor([2])).argmax()) == ON + 62
        True
    """
    numbers = torch.arange(rows.shape[-1])
    start = torch.where(numbers < OFF, ON, OFF)
    pitches = numbers - start - semitones.unsqueeze(-1)
    is_note = (numbers >= ON) & (numbers < WAIT)
    source = torch.where(is_note, start + pitches.clamp(0, PITCHES - 1), numbers)
    return rows.gather(-1, source)


def in_all_keys(ids: Tensor, keys: Keys, *, most: int | None = None) -> Tensor:
    """Return (K N,) the pieces one after the other in each key that they may be moved to.

    Args:
        ids: (N,) events, a border before each piece.
        keys: How far a piece may be moved.
        most: Events in all, about; what there is too much of are the furthest keys. None is all.

    Example:
        >>> in_all_keys(torch.tensor([BORDER, ON, OFF]), Keys(1, 1)).tolist() == [
        ...     BORDER, ON, OFF, BORDER, ON + 1, OFF + 1]
        True
    """
    places, low, high = _room(ids, keys)
    found = []
    moves = sorted(range(-keys.down, keys.up + 1), key=abs)
    if most is not None:
        moves = moves[: max(1, most // len(ids))]
    for semitones in sorted(moves):
        kept = ((low <= semitones) & (semitones <= high))[places]
        found.append(moved(ids[kept], semitones))
    return torch.cat(found)


@final
class TransposedWindows:
    """A source of training batches as `StreamWindows`, each piece moved anew in each epoch.

    A piece is moved as a whole, by a number of semitones that follows from the epoch's seed and
    from its place; the seed stands in every index, so that a plan is a pure function of the
    generator's state here too.

    Args:
        ids: (N,) events, a border before each piece.
        keys: How far a piece may be moved; one that would leave the pitches there are, less far.
        batch_size: Streams.
        window: Steps that gradients go back at most.

    Raises:
        InputError: The sequence is too short for one window of every stream.

    Example:
        >>> ids = torch.tensor([BORDER, ON + 60, WAIT, OFF + 60] * 8)
        >>> source = TransposedWindows(ids, keys_of(6), batch_size=1, window=8)
        >>> first = source.load(source.plan(Generator().manual_seed(1))[0]).inputs
        >>> len(set(first[first >= WAIT].tolist())), bool((first == BORDER).sum() == 2)
        (1, True)
    """

    def __init__(self, ids: Tensor, keys: Keys, *, batch_size: int, window: int) -> None:
        self._windows = StreamWindows(ids, batch_size=batch_size, window=window)
        places, self._low, self._high = _room(ids, keys)
        self._places = StreamWindows(places, batch_size=batch_size, window=window)
        self.batches = self._windows.batches

    def plan(self, generator: Generator) -> tuple[Tensor, ...]:
        """Return one epoch: what `StreamWindows` plans, and the seed of the keys in a third row."""
        seed = torch.randint(_SEEDS, (1,), generator=generator)
        return tuple(
            torch.cat([index, seed.expand(1, index.shape[1])])
            for index in self._windows.plan(generator)
        )

    def load(self, index: Tensor) -> StreamBatch:
        """Return the window at these places, in the keys of its epoch."""
        batch, by = self._windows.load(index[:2]), self.semitones(index)
        return StreamBatch(
            moved(batch.inputs, by.inputs), moved(batch.targets, by.targets), batch.begins
        )

    def semitones(self, index: Tensor) -> StreamBatch:
        """Return how far each event of the window at these places is moved."""
        places = self._places.load(index[:2])
        drawn = torch.rand(len(self._low), generator=Generator().manual_seed(int(index[2, 0])))
        by = self._low + (drawn * (self._high - self._low + 1)).long()
        return StreamBatch(by[places.inputs], by[places.targets], places.begins)


def _room(ids: Tensor, keys: Keys) -> tuple[Tensor, Tensor, Tensor]:
    """Which piece each event is of, and by piece how far it may be moved, down (negative) and up.

    Pieces are counted from 1, as the first event is a border.
    """
    places = torch.cumsum(ids == BORDER, 0)
    count = int(places[-1]) + 1
    is_on = (ids >= ON) & (ids < OFF)
    pitches, where = ids[is_on].long() - ON, places[is_on]
    lowest = torch.full((count,), PITCHES).scatter_reduce(0, where, pitches, "amin")
    highest = torch.zeros(count, dtype=torch.int64).scatter_reduce(0, where, pitches, "amax")
    low = (-lowest).clamp(min=-keys.down, max=0)
    high = (PITCHES - 1 - highest).clamp(min=0, max=keys.up)
    return places, low, high
