"""The loss strip: at which steps the model was most wrong."""

from typing import NamedTuple

import numpy as np

from gatework.errors import InputError
from gatework.inspector.analyses.rows import locate, sequence_of_rows
from gatework.inspector.trace import Array, Recording

READING = (
    "The loss of each step under its word; for a language model, -log p of what came, in nats. The "
    "worst steps are where to start looking: go to one, and ask the ledger what the memory held "
    "when the model erred. A worst step at which anybody would err (the first letter of a name) "
    "says nothing about the model."
)


class WorstStep(NamedTuple):
    """A step, its name, and its loss."""

    sequence: int
    step: int
    word: str
    loss: float


class Surprise(NamedTuple):
    """How wrong the model was.

    Attributes:
        worst: the steps with the largest loss, the largest first.
        sequences: (B,) the mean loss of each sequence; NaN where none of its steps has one.
        mean: over all steps that have one.
    """

    worst: tuple[WorstStep, ...]
    sequences: Array
    mean: float

    def __str__(self) -> str:
        lines = [f"mean loss {self.mean:.4g}"]
        lines += [
            f"{each.loss:.3g}  sequence {each.sequence}, step {each.step}: {each.word}"
            for each in self.worst
        ]
        return "\n".join(lines)


def surprise(recording: Recording, count: int = 10) -> Surprise:
    """The steps at which the model was most wrong (Karpathy et al. 2015), and the mean losses.

    Raises:
        InputError: the recording has no losses.

    Example:
        >>> import torch, gatework
        >>> loss = torch.tensor([[0.5], [2.0], [1.0]])
        >>> trace = gatework.trace(gatework.GRU(3, 8), torch.randn(3, 1, 3), loss=loss)
        >>> surprise(trace[""], count=1).worst
        (WorstStep(sequence=0, step=1, word='1', loss=2.0),)
    """
    if recording.loss is None:
        raise InputError(
            "the trace has no loss of each step: give loss= to gatework.trace, or label it."
        )
    loss = recording.loss.astype(np.float64)
    known = np.flatnonzero(~np.isnan(loss))
    rows = known[np.argsort(-loss[known], kind="stable")[: max(count, 0)]]
    sequences, steps = locate(recording.offsets, rows)
    worst = tuple(
        WorstStep(int(b), int(t), recording.step_names(int(b))[int(t)], float(loss[row]))
        for row, b, t in zip(rows, sequences, steps, strict=True)
    )
    belongs = sequence_of_rows(recording.offsets)[known]
    batch = len(recording.lengths)
    counts = np.bincount(belongs, minlength=batch)
    totals = np.bincount(belongs, weights=loss[known], minlength=batch)
    means = np.divide(totals, counts, out=np.full(batch, np.nan), where=counts > 0)
    return Surprise(worst, means, float(loss[known].mean()) if len(known) else float("nan"))
