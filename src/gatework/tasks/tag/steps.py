"""Recordings as numbers for the network: standardised, and where values are missing, what is known.

Constants are those of the training part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from gatework.data.checks import listed
from gatework.data.conll import Sentence
from gatework.data.labels import Classes
from gatework.data.ragged import Ragged
from gatework.errors import InputError
from gatework.models.tagger import StepBatch
from gatework.tasks.tag.encoding import Example


@final
@dataclass(frozen=True, eq=False)
class EncodedSteps:
    """Encoded recordings.

    Args:
        values: (N, F) of all their steps.
        tags: Numbers of the tags of each; zeros where unknown.
    """

    values: Ragged
    tags: Ragged

    @property
    def lengths(self) -> Tensor:
        """(S,) steps of each."""
        return self.values.lengths

    def load(self, index: Tensor) -> Example[StepBatch]:
        """Return the batch of the recordings at `index` (B,)."""
        box = self.values.padded(index)
        none = torch.full((len(index),), -1)
        return Example(StepBatch(*box), self.tags.padded(index).values, none)


@final
@dataclass(frozen=True)
class StepEncoder:
    """What turns recordings into numbers, learnt from training recordings; saves as plain data.

    Args:
        features: Names of the numbers of a step.
        mean: Of each.
        deviation: Of each; 1 where it has none.
        gaps: Whether a step also says what it has not seen, and for how many steps: where training
            had missing values. The last value seen stands in for a missing one.
        tags: The tags in the order of their numbers.

    Example:
        >>> one = Sentence(("0", "1"), ("on", "off"), values=np.array([[1.0], [3.0]]))
        >>> encoder = StepEncoder.learn([one], ("heat",))
        >>> encoder.encode([one]).values.values.tolist()
        [[-1.0], [1.0]]
    """

    labels: ClassVar[tuple[str, ...]] = ()
    features: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    gaps: bool
    tags: tuple[str, ...]

    @classmethod
    def learn(cls, recordings: Sequence[Sentence], features: Sequence[str]) -> "StepEncoder":
        """Take the constants and labels of labelled recordings."""
        table = np.concatenate([_values(one) for one in recordings])
        known = np.where(np.isfinite(table).any(0), table, 0.0)
        deviation = np.nanstd(known, 0)
        found = Classes.of([(tag,) for one in recordings for tag in one.tags or ()])
        return cls(
            tuple(features),
            tuple(np.nanmean(known, 0).tolist()),
            tuple(np.where(deviation > 1e-8, deviation, 1.0).tolist()),
            bool(np.isnan(table).any()),
            found.names,
        )

    @property
    def size(self) -> int:
        """F, the numbers of a step that the network reads."""
        return len(self.feature_names())

    def feature_names(self) -> tuple[str, ...]:
        """Return a name for each number that the network reads."""
        if not self.gaps:
            return self.features
        return tuple(f"{name}{word}" for word in ("", ", seen", ", age") for name in self.features)

    def encode(self, recordings: Sequence[Sentence]) -> EncodedSteps:
        """Return recordings as numbers; tags that are not known count as absent.

        Raises:
            InputError: They have other features than those of the fit.
        """
        numbers = self._tag_numbers
        return EncodedSteps(
            Ragged.of([torch.from_numpy(self._ready(one)) for one in recordings]),
            Ragged.of_ids(
                [
                    [numbers.get(tag, 0) for tag in one.tags] if one.tags else [0] * len(one.tokens)
                    for one in recordings
                ]
            ),
        )

    def _ready(self, one: Sentence) -> np.ndarray:
        """(T, F) float32 of one recording."""
        values = _values(one)
        if values.shape[1] != len(self.features):
            raise InputError(
                f"a step has {values.shape[1]} numbers; the model was trained on "
                f"{len(self.features)}: {listed(self.features)}"
            )
        scaled = (values - np.array(self.mean)) / np.array(self.deviation)
        seen = np.isfinite(scaled)
        steps = np.arange(len(scaled))[:, None]
        last = np.maximum.accumulate(np.where(seen, steps, -1), axis=0)
        held = np.take_along_axis(np.nan_to_num(scaled), np.maximum(last, 0), axis=0)
        held = np.where(last >= 0, held, 0.0)
        parts = [held, seen, np.log1p(steps - last)] if self.gaps else [held]
        return np.concatenate(parts, 1).astype(np.float32)

    @cached_property
    def _tag_numbers(self) -> dict[str, int]:
        return {tag: number for number, tag in enumerate(self.tags)}


def _values(one: Sentence) -> np.ndarray:
    """(T, V) float64 of a recording."""
    if one.values is None:
        raise InputError("this model was fitted on recordings; expected numbers at each step")
    return one.values.astype(np.float64)
