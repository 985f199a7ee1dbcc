"""One long sequence of numbers, and training on it by truncated backpropagation with carried state.

The numbers may be of characters, words, or events of any kind. Knows nothing of models.
"""

import tempfile
from collections.abc import Iterable, Iterator
from typing import NamedTuple, final

import numpy as np
import torch
from torch import Generator, Tensor

from gatework.data.stream_codec import BORDER, Codec
from gatework.data.text import UNKNOWN
from gatework.errors import InputError


class TokenStream(NamedTuple):
    """Documents one after the other, each after a border.

    Attributes:
        ids: (N,) uint8 or int32, the first a border.
        characters: What a loss by the character is divided by: those of the text, and one for each
            border but the first.
        unknown: How many of the numbers are of characters never seen.
    """

    ids: Tensor
    characters: int
    unknown: int


class StreamBatch(NamedTuple):
    """T steps of B streams.

    Attributes:
        inputs: (T, B) int64.
        targets: (T, B) int64: what comes one step later.
        begins: Whether the streams begin here, with no state to carry on from.
    """

    inputs: Tensor
    targets: Tensor
    begins: bool


def encode(documents: Iterable[Iterable[str]], codec: Codec) -> TokenStream:
    """Make one sequence of documents that come in pieces.

    The numbers lie in a temporary file without a name, mapped: of a corpus larger than the memory
    the system keeps what is in use.

    Example:
        >>> codec = Codec.learn("characters", [["abab"]], size=0)
        >>> encode([["ab"], ["a"]], codec)
        TokenStream(ids=tensor([0, 2, 3, 0, 2], dtype=torch.uint8), characters=4, unknown=0)
    """
    dtype = np.uint8 if len(codec) <= 256 else np.int32
    characters = unknown = 0
    with tempfile.TemporaryFile() as file:
        for pieces in documents:
            np.array([BORDER], dtype).tofile(file)
            characters += 1
            for numbers in codec.encode_pieces(_counted(pieces, counts := [0])):
                unknown += int((numbers == UNKNOWN).sum())
                numbers.astype(dtype).tofile(file)
            characters += counts[0]
        file.flush()
        ids = np.memmap(file, dtype, mode="r+") if characters else np.empty(0, dtype)
    # The map keeps the file alive after it is closed.
    return TokenStream(torch.from_numpy(ids), max(characters - 1, 0), unknown)


def _counted(pieces: Iterable[str], counts: list[int]) -> Iterator[str]:
    for piece in pieces:
        counts[0] += len(piece)
        yield piece


@final
class StreamWindows:
    """A source of training batches: B streams through a sequence, a window of T steps at a time.

    The sequence is a ring: in each epoch the streams begin at places drawn anew, evenly spaced, and
    run on over its end. Each batch goes on where the one before ended, so that a state carried
    between them has seen all of the stream. The state is not kept here but with the model, where
    checkpoints find it: this source is a pure function of the generator's state.

    Args:
        ids: (N,) the numbers.
        batch_size: B.
        window: T, which gradients go back at most.

    Raises:
        InputError: The sequence is too short for one window of every stream.

    Example:
        >>> source = StreamWindows(torch.arange(10), batch_size=2, window=2)
        >>> first, second = source.plan(Generator().manual_seed(1))
        >>> source.load(first).inputs.tolist(), source.load(first).begins
        ([[5, 0], [6, 1]], True)
        >>> source.load(second).inputs.tolist(), source.load(second).targets.tolist()
        ([[7, 2], [8, 3]], [[8, 3], [9, 4]])
    """

    def __init__(self, ids: Tensor, *, batch_size: int, window: int) -> None:
        if batch_size < 1 or window < 1:
            raise InputError(f"batch_size is {batch_size}, window {window}; expected 1 or more")
        if len(ids) < batch_size * window:
            raise InputError(
                f"{len(ids)} tokens are too few for {batch_size} streams of {window} steps"
            )
        self._ids, self._window = ids, window
        stride = len(ids) // batch_size
        self._spacing = torch.arange(batch_size) * stride
        self.batches = stride // window

    def plan(self, generator: Generator) -> tuple[Tensor, ...]:
        """Return one epoch: for each batch (2, B), where each stream is, and if it begins there."""
        start = torch.randint(len(self._ids), (1,), generator=generator)
        steps = torch.arange(self.batches)[:, None]
        places = start + self._spacing + steps * self._window
        return torch.stack([places, (steps == 0).long().expand_as(places)], 1).unbind(0)

    def load(self, index: Tensor) -> StreamBatch:
        """Return the window at these places."""
        places, begins = index
        around = (places + torch.arange(self._window + 1)[:, None]) % len(self._ids)
        window = self._ids[around].long()
        return StreamBatch(window[:-1], window[1:], bool(begins[0]))
