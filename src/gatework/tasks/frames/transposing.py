"""Pieces moved up and down the keyboard, by another interval each time they are read."""

from typing import Final, final

import torch
from torch import Generator, Tensor

from gatework.data.batches import LengthBatches
from gatework.data.music.transposing import keys_of
from gatework.data.ragged import Padded, Ragged

_OCTAVE: Final = 12


@final
class Transposing:
    """A source of batches of pieces, each moved by an interval that the plan of an epoch draws.

    No key is moved over the edge of the keyboard: a piece moves as far as it can. An example's
    number says which piece, and by how much: that is what a resumed run sees again.

    Args:
        source: The batches of pieces as they are.
        pieces: (T, D) frames of zeros and ones.
        reach: Semitones each way, at most; 6 is all twelve keys.

    Example:
        >>> pieces = Ragged.of([torch.eye(5)[1:3], torch.eye(5)[2:3]])
        >>> source = LengthBatches(pieces.lengths, pieces.padded, batch_size=2)
        >>> moved = Transposing(source, pieces, reach=2)
        >>> batch = moved.load(torch.tensor([0 + 2 * 4, 1 + 2 * 0]))  # two up, two down
        >>> batch.values.argmax(2).T.tolist()
        [[3, 4], [0, 0]]
    """

    def __init__(self, source: LengthBatches[Padded], pieces: Ragged, *, reach: int) -> None:
        self._source, self._range, self._count = source, keys_of(reach), len(pieces)
        used = [pieces[each].any(0).nonzero().flatten() for each in range(len(pieces))]
        keys = pieces.values.shape[1]
        # How far a piece can go down and up; one of silence need not move.
        self._down = torch.tensor([int(each[0]) if len(each) else 0 for each in used])
        self._up = torch.tensor([keys - 1 - int(each[-1]) if len(each) else 0 for each in used])

    def plan(self, generator: Generator) -> list[Tensor]:
        """Return one epoch: for each piece its number, and which interval it is moved by."""
        steps = self._range.down + self._range.up + 1
        return [
            part + self._count * torch.randint(steps, part.shape, generator=generator)
            for part in self._source.plan(generator)
        ]

    def load(self, index: Tensor) -> Padded:
        """Return the batch of these pieces, moved."""
        piece = index % self._count
        shift = (index // self._count - self._range.down).clamp(-self._down[piece], self._up[piece])
        batch = self._source.load(piece)
        keys = batch.values.shape[2]
        places = (torch.arange(keys) - shift[:, None]) % keys
        return Padded(batch.values.gather(2, places.expand(batch.values.shape)), batch.lengths)


def share_of_one_key(pieces: Ragged) -> float:
    """Return how many pieces, as a part, end on the commonest of the twelve tones they end on.

    Pieces that were moved into one key end on one tone; the keys of others lie all over.

    Example:
        >>> share_of_one_key(Ragged.of([torch.eye(30)[[5, 3]], torch.eye(30)[[15]], torch.eye(30)]))
        0.6666666666666666
    """
    sounding = [frames[frames.any(1)] for frames in (pieces[n] for n in range(len(pieces)))]
    last = [int(frames[-1].argmax()) % _OCTAVE for frames in sounding if len(frames)]
    return max(map(last.count, last), default=0) / max(len(last), 1)
