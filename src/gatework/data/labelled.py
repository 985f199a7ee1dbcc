"""Sequences with labels, as readers make them: texts, or recordings of numbers over time."""

import abc
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from gatework.data.labels import Kind, Label


@dataclass(frozen=True, eq=False, kw_only=True)
class Sequences(abc.ABC):
    """S sequences and what is known of each.

    Args:
        labels: The label of each, None where it has none; None where there is no label at all.
        label_kind: What the labels were written as.
        several: Whether a label can be several classes at once.
        ids: The user's names of the sequences, or None.
        places: How each is named in messages, such as `train.csv, row 17`.
        notes: What a reader must know of the data, one line each.
    """

    labels: tuple[Label | None, ...] | None = None
    label_kind: Kind = "text"
    several: bool = False
    ids: tuple[str, ...] | None = None
    places: Sequence[str] = ()
    notes: tuple[str, ...] = ()

    @abc.abstractmethod
    def __len__(self) -> int:
        """Return S."""

    @abc.abstractmethod
    def take(self, index: np.ndarray) -> "Sequences":
        """Return the sequences at `index`, in that order."""

    def _taken(self, index: np.ndarray) -> dict[str, object]:
        return {
            "labels": None if self.labels is None else tuple(self.labels[i] for i in index),
            "label_kind": self.label_kind,
            "several": self.several,
            "ids": None if self.ids is None else tuple(self.ids[i] for i in index),
            "places": [self.places[i] for i in index] if self.places else (),
            "notes": self.notes,
        }

    @property
    def labelled(self) -> np.ndarray:
        """(n,) int64 which sequences have a label."""
        if self.labels is None:
            return np.zeros(0, np.int64)
        return np.flatnonzero([label is not None for label in self.labels])

    @property
    def known_labels(self) -> list[Label]:
        """The labels, of sequences that all have one."""
        assert self.labels is not None
        return [label for label in self.labels if label is not None]

    def place(self, index: int) -> str:
        """Name a sequence in a message."""
        return self.places[index] if self.places else f"sequence {index} (counting from 0)"


@final
@dataclass(frozen=True, eq=False)
class Texts(Sequences):
    """Texts, each one sequence.

    Args:
        texts: The texts; the empty one is legal.
    """

    texts: Sequence[str]

    def __len__(self) -> int:
        """Return S."""
        return len(self.texts)

    def take(self, index: np.ndarray) -> "Texts":
        """Return the texts at `index`."""
        return Texts([self.texts[i] for i in index], **self._taken(index))  # type: ignore[arg-type]


@final
@dataclass(frozen=True, eq=False)
class Recordings(Sequences):
    """Numbers over time: series, or events at irregular times.

    Args:
        values: (N, V) float32 of all steps, one recording after the other; NaN where missing.
        offsets: (S + 1,) int64 where each begins.
        features: The V names.
        times: (N,) float64 when each step was, rising within a recording; None: one step apart.
        statics: (S, K) float32 what does not change in a recording; NaN where missing.
        static_names: The K names.
    """

    values: np.ndarray
    offsets: np.ndarray
    features: tuple[str, ...]
    times: np.ndarray | None = None
    statics: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 0), np.float32))
    static_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return S."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """(S,) int64 the steps of each."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> np.ndarray:
        """(N,) int64 which recording each step is of."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield (T, V) for each recording."""
        return iter(np.split(self.values, self.offsets[1:-1]))

    def take(self, index: np.ndarray) -> "Recordings":
        """Return the recordings at `index`."""
        index = np.asarray(index, np.int64)
        lengths = self.lengths[index]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        steps = np.arange(offsets[-1]) + np.repeat(self.offsets[index] - offsets[:-1], lengths)
        return Recordings(
            self.values[steps],
            offsets,
            self.features,
            None if self.times is None else self.times[steps],
            self.statics[index] if self.static_names else self.statics,
            self.static_names,
            **self._taken(index),  # type: ignore[arg-type]
        )
