"""What a training run leaves to read: a record every few steps, and how it ended."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from gatework.errors import InputError

Stopped = Literal["max_steps", "epochs", "patience", "time_budget"]
# Of each record the step, the training loss, and the validation or None.
Curve = tuple[tuple[int, float, float | None], ...]


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of metrics.jsonl.

    Attributes:
        step: Steps taken so far.
        epoch: Epoch of this step, from 0.
        loss: Mean training loss of the steps since the line before.
        learning_rate: Learning rate of this step.
        grad_norm: 2-norm of this step's whole gradient, before clipping.
        steps_per_second: Speed since the line before, validations and checkpoints included.
        elapsed: Seconds of training so far.
        validation: What `validate` returned, on lines of steps that were validated.
    """

    step: int
    epoch: int
    loss: float
    learning_rate: float
    grad_norm: float
    steps_per_second: float
    elapsed: float
    validation: float | None = None


@dataclass(frozen=True)
class History:
    """How a training run went.

    Attributes:
        records: The lines of metrics.jsonl, those from before a resume included.
        steps: Steps taken.
        epochs: Epochs completed.
        elapsed: Seconds of training, validation and checkpoints.
        stopped: The setting that ended the run.
        best_validation: Lowest validation, or None without `validate`.
        best_step: Its step.
    """

    records: tuple[Record, ...]
    steps: int
    epochs: int
    elapsed: float
    stopped: Stopped
    best_validation: float | None
    best_step: int | None


def curves_of(*histories: History | None) -> tuple[Curve, ...]:
    """Return the course of each training that there is a history of."""
    return tuple(
        tuple((each.step, each.loss, each.validation) for each in history.records)
        for history in histories
        if history is not None
    )


def read_metrics(path: Path) -> tuple[Record, ...]:
    """Read a metrics.jsonl.

    Raises:
        InputError: A line is not a record; the message names it.
    """
    decoder = msgspec.json.Decoder(Record)
    records = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            records.append(decoder.decode(line))
        except msgspec.DecodeError as error:
            raise InputError(f"{path}, line {number} is not a line of metrics: {error}.") from error
    return tuple(records)
