"""The parts of a fit's sequences: what is learnt from, what chooses, and what is judged once."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gatework.data.checks import counted
from gatework.data.ragged import Ragged
from gatework.errors import InputError
from gatework.tasks.frames.sequences import WHOLE, FrameData, FrameSchema
from gatework.tasks.frames.settings import FrameSettings

_WHOLE_FROM: Final = 10  # sequences, to hold out whole ones
_LEAST: Final = 2  # frames of a sequence: something to foretell, and something to foretell it from


class Parts(NamedTuple):
    """Sequences of frames in three parts.

    Attributes:
        schema: What their numbers are.
        train: What weights are learnt from.
        validation: What chooses the best weights.
        test: What is judged, once; None where nothing was held out, and validation is judged.
        judged_name: What the judged part is called.
        digest: SHA-256 of all of it.
        notes: What a reader must know.
    """

    schema: FrameSchema
    train: Ragged
    validation: Ragged
    test: Ragged | None
    judged_name: str
    digest: str
    notes: tuple[str, ...]

    @property
    def judged(self) -> Ragged:
        """The part that is scored."""
        return self.validation if self.test is None else self.test


def gather(
    data: FrameData, validation: FrameData | None, test: FrameData | None, settings: FrameSettings
) -> Parts:
    """Take the parts that data comes in, or make them.

    Args:
        data: All of it.
        validation: What chooses; None is the data's own part "valid", or some of the rest.
        test: What is judged; None is the data's own part "test", or some of the rest.
        settings: The shares.

    Raises:
        InputError: There are too few frames, or the parts are not alike.
    """
    for other in (validation, test):
        if other is not None:
            other.agree(data.schema)
    train = data.first("train", WHOLE)
    rng = np.random.default_rng(settings.seed)
    judged_name = "its own test part"
    if test is not None:
        judged, judged_name = test.first("test", WHOLE), test.name
    elif "test" in data.parts:
        judged = data.parts["test"]
    elif settings.test_share:
        train, judged = _hold_out(train, settings.test_share, rng)
        judged_name = f"{settings.test_share:.0%} held out"
    else:
        judged, judged_name = (), "validation"
    if validation is not None:
        chosen_by = validation.first("valid", WHOLE)
    elif "valid" in data.parts:
        chosen_by = data.parts["valid"]
    else:
        train, chosen_by = _hold_out(train, settings.validation_share, rng)
    notes = list(data.notes)
    kept = [
        as_ragged(part, name, data.name, notes)
        for name, part in (("training", train), ("validation", chosen_by))
    ]
    test_part = as_ragged(judged, "test", data.name, notes) if judged else None
    digests = [each.digest() for each in (data, validation, test) if each is not None]
    return Parts(
        data.schema, kept[0], kept[1], test_part, judged_name, "-".join(digests), tuple(notes)
    )


def _hold_out(
    sequences: Sequence[np.ndarray], share: float, rng: np.random.Generator
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Set whole sequences apart; of few of them, the end of each."""
    if len(sequences) < _WHOLE_FROM:
        cuts = [len(each) - max(_LEAST, round(len(each) * share)) for each in sequences]
        pairs = [(each[:cut], each[cut:]) for each, cut in zip(sequences, cuts, strict=True)]
        return tuple(begin for begin, _ in pairs), tuple(end for _, end in pairs)
    order = rng.permutation(len(sequences))
    count = max(1, round(len(sequences) * share))
    held, rest = np.sort(order[:count]), np.sort(order[count:])
    return tuple(sequences[n] for n in rest), tuple(sequences[n] for n in held)


def as_ragged(sequences: Sequence[np.ndarray], part: str, name: str, notes: list[str]) -> Ragged:
    """Join sequences of two frames or more; the others are left out with a note.

    Raises:
        InputError: There is none.
    """
    long = [each for each in sequences if len(each) >= _LEAST]
    if not long:
        raise InputError(
            f"the {part} part of {name} has no sequence of {_LEAST} frames or more: give more data"
        )
    if len(long) < len(sequences):
        short = counted(len(sequences) - len(long), "sequence")
        notes.append(f"{short} of the {part} part left out: shorter than {_LEAST} frames")
    return Ragged.of([torch.from_numpy(np.ascontiguousarray(each)) for each in long])


def standard_scale(frames: Tensor, binary: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return (D,) mean and deviation of (N, D) frames: 0 and 1 for columns that are 0 or 1."""
    mean, scale = frames.double().mean(0), frames.double().std(0, correction=0)
    scale[scale <= 1e-6 * (1 + mean.abs())] = 1.0  # a column that never changes
    mean[list(binary)], scale[list(binary)] = 0.0, 1.0
    return mean.float(), scale.float()
