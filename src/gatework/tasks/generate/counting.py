"""n-grams of a text: the baseline of every model of it, and what a network of signs begins from."""

import itertools
from collections.abc import Callable
from typing import Final, NamedTuple, final

import numpy as np
import torch
from torch import Generator, Tensor

from gatework.data.music.transposing import TransposedWindows, moved_chances
from gatework.data.stream import StreamWindows
from gatework.models.counted import BEGINNING, CountedChances
from gatework.models.ngrams import NGrams
from gatework.tasks.generate.parts import Parts
from gatework.tasks.generate.settings import LONGEST_NGRAM
from gatework.tasks.settings import Choice

_FOLDS: Final = 5
_AT_ONCE: Final = 1 << 14  # rows


class CountedBatch(NamedTuple):
    """T steps of B streams.

    Attributes:
        inputs: (T, B) int64.
        targets: (T, B) int64: what comes one step later.
        begins: Whether the streams begin here, with no state to carry on from.
        rows: (T, B, V) log chances of the targets by n-grams that have not seen them.
    """

    inputs: Tensor
    targets: Tensor
    begins: bool
    rows: Tensor


@final
class CountedWindows:
    """Windows of a text, each with what is expected in it by n-grams of the rest of the text.

    n-grams know the text that they counted by heart, and a network that saw them so would believe
    them far too much. So the text is cut in five, and each fifth is foretold from the other four,
    as new text will be from all five. What is said after each context is kept: for a megabyte of
    English some 200,000 rows.

    Args:
        windows: Of the text.
        ids: (N,) the text, at most what n-grams count.
        vocabulary: Numbers that a token can be.
        order: The longest n.
        counted: From a part of the text to what is counted of it; of music, it in all keys.
    """

    def __init__(
        self,
        windows: StreamWindows,
        ids: np.ndarray,
        vocabulary: int,
        order: int,
        counted: Callable[[np.ndarray], np.ndarray] = np.asarray,
    ) -> None:
        self._windows, self.batches = windows, windows.batches
        edges = np.linspace(0, len(ids), _FOLDS + 1).astype(np.int64)
        self._where = torch.empty(len(ids), dtype=torch.int64)  # the row of each token
        kept, count = [], 0
        for start, stop in itertools.pairwise(edges):
            rest = np.concatenate([ids[:start], ids[stop:]])
            chances = CountedChances(NGrams.learn(counted(rest), vocabulary, order))
            around = np.arange(start - chances.reach - 1, stop - 1) % len(ids)
            before = ids[around].astype(np.int64)[:, None]
            places = chances.walk(before, np.array([BEGINNING]))[chances.reach :, 0]
            different, which = np.unique(places, return_inverse=True)
            self._where[start:stop] = torch.from_numpy(which) + count
            for part in torch.from_numpy(different).split(_AT_ONCE):
                # Half the memory: of log chances down to -16, off by less than a hundredth.
                kept.append(torch.from_numpy(chances.rows(part.numpy())).half())
            count += len(different)
        self._rows = torch.cat(kept)

    def plan(self, generator: Generator) -> tuple[Tensor, ...]:
        """Return one epoch, as the windows have it."""
        return self._windows.plan(generator)

    def load(self, index: Tensor) -> CountedBatch:
        """Return the window at these places."""
        batch = self._windows.load(index)
        targets = index[0] + torch.arange(1, len(batch.inputs) + 1)[:, None]
        rows = self._rows[self._where[targets % len(self._where)]]
        return CountedBatch(*batch, rows.float())


@final
class TransposedCountedWindows:
    """Windows of pieces that are moved, with what n-grams say of them.

    n-grams that count pieces in all keys say nearly the same of a piece in any key, of notes moved
    with it. So they are asked once, where the piece stands, as they will be of new ones, and their
    answers are moved.

    Args:
        windows: Of the pieces as they are moved.
        still: The same of the pieces as they stand.
    """

    def __init__(self, windows: TransposedWindows, still: CountedWindows) -> None:
        self._windows, self._still, self.batches = windows, still, windows.batches

    def plan(self, generator: Generator) -> tuple[Tensor, ...]:
        """Return one epoch, as the windows have it."""
        return self._windows.plan(generator)

    def load(self, index: Tensor) -> CountedBatch:
        """Return the window at these places."""
        rows = self._still.load(index[:2]).rows
        # As what was read before was moved: the target may be of the next piece.
        by = self._windows.semitones(index).inputs
        return CountedBatch(*self._windows.load(index), moved_chances(rows, by))


def windows_of(
    parts: Parts, ngram: int, *, batch_size: int, window: int
) -> StreamWindows | TransposedWindows | CountedWindows | TransposedCountedWindows:
    """Return the training part as batches, with what n-grams of this order say of them.

    Raises:
        InputError: The training part is too short.
    """
    windows = parts.windows(batch_size=batch_size, window=window)
    if not ngram:
        return windows
    ids = parts.train.ids
    still = CountedWindows(
        StreamWindows(ids, batch_size=batch_size, window=window),
        ids.numpy(),
        len(parts.codec),
        ngram,
        parts.counted,
    )
    if isinstance(windows, TransposedWindows):
        return TransposedCountedWindows(windows, still)
    return still


class Counts(NamedTuple):
    """The n-grams of a fit.

    Attributes:
        train: Of the training part.
        known: Of all that may be known before the test part is read.
        order: That does best on validation: the baseline's.
        choice: The same with its reason.
    """

    train: NGrams
    known: NGrams
    order: int
    choice: Choice


def fit_ngrams(parts: Parts, begin_from: int) -> Counts:
    """Choose the baseline's order on validation, then count that too.

    Args:
        parts: The data.
        begin_from: Order of those that a network begins from; 0 is none.
    """
    vocabulary, held = len(parts.codec), parts.validation.ids.numpy()
    train = NGrams.learn(parts.counted(parts.train.ids.numpy()), vocabulary, LONGEST_NGRAM)
    means = train.totals(held) / (len(held) - 1)
    order = int(means.argmin()) + 1
    listed = ", ".join(f"{n}: {mean:.3f}" for n, mean in enumerate(means, start=1))
    longest = max(order, begin_from)
    if parts.test is None:
        known = train.shortened(longest)
    else:
        both = [parts.counted(each.ids.numpy()) for each in (parts.train, parts.validation)]
        known = NGrams.learn(np.concatenate(both), vocabulary, longest)
    choice = Choice("n-gram", order, f"nats a token on validation, by order: {listed}")
    return Counts(train, known, order, choice)
