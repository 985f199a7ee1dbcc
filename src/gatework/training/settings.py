"""The settings of a training run: one frozen dataclass, checked where it is made."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from gatework.errors import InputError

Schedule = Literal["constant", "cosine", "one_cycle"]
Keep = Literal["best", "last"]
Optimizer = Literal["adamw", "asgd"]
Precision = Literal["float32", "bfloat16"]

_MAY_BE_NONE = ("max_steps", "epochs", "time_budget", "clip_norm", "patience", "average")


@dataclass(frozen=True)
class TrainSettings:
    """How to train. At least one of `max_steps`, `epochs`, `time_budget` ends the run.

    Args:
        max_steps: Optimizer steps to take at most.
        epochs: Passes over the data to make at most.
        time_budget: Seconds to train at most, earlier parts of a resumed run included. A run that
            this limit ends, or whose schedule it bends, is not reproducible bit for bit.
        optimizer: "adamw" (Loshchilov & Hutter 2019), or "asgd": plain gradient descent that
            averages the weights from when validation gains no more (NT-ASGD, Merity et al. 2018),
            which wants a constant schedule and a learning rate far above AdamW's.
        learning_rate: The learning rate, at the schedule's peak.
        weight_decay: Decoupled weight decay; matrices only, never biases or gains.
        clip_norm: Largest 2-norm of the whole gradient; None leaves it unclipped.
        schedule: Course of the learning rate: constant, cosine (to zero) or one_cycle.
        warmup: Part of the run, from 0 to below 1, in which the rate rises to its peak.
        validate_every: Steps between validations; there is always one at the end.
        patience: Validations without improvement before stopping early; None never stops early.
        keep: Which weights the model ends with when it is validated: the best or the last.
        average: Decay of an exponential moving average of the weights, such as 0.999; it is what
            gets validated and kept. None is off. Not with asgd, which has an average of its own.
        interval: With asgd, validations at the end that do not count: one that is worse than the
            best of those before them begins the average.
        log_every: Steps between lines of metrics.jsonl; each validation writes one too.
        checkpoint_seconds: Seconds between checkpoints; may change when a run is resumed.
        precision: In "bfloat16" the products of the forward and the backward pass are made of
            rounded operands (torch.autocast); weights, states and sums stay in float32.
        seed: Seed of the order of the batches and of dropout.

    Raises:
        InputError: A value is out of its range.

    Example:
        >>> TrainSettings(max_steps=500, schedule="one_cycle", warmup=0.3).learning_rate
        0.001
    """

    max_steps: int | None = None
    epochs: int | None = None
    time_budget: float | None = None
    optimizer: Optimizer = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    clip_norm: float | None = 1.0
    schedule: Schedule = "cosine"
    warmup: float = 0.05
    validate_every: int = 100
    patience: int | None = None
    keep: Keep = "best"
    average: float | None = None
    interval: int = 5
    log_every: int = 10
    checkpoint_seconds: float = 60.0
    precision: Precision = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_steps is None and self.epochs is None and self.time_budget is None:
            raise InputError("Nothing ends this training: give max_steps, epochs or time_budget.")
        for name in ("max_steps", "epochs", "validate_every", "patience", "interval", "log_every"):
            self._require(
                name, lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1"
            )
        for name in ("time_budget", "learning_rate", "clip_norm"):
            self._require(name, lambda x: 0 < x < math.inf, "a finite number above 0")
        for name in ("weight_decay", "checkpoint_seconds"):
            self._require(name, lambda x: 0 <= x < math.inf, "a finite number of at least 0")
        self._require("warmup", lambda x: 0 <= x < 1, "from 0 to below 1")
        self._require("average", lambda x: 0 < x < 1, "between 0 and 1, both excluded")
        self._require(
            "seed", lambda x: isinstance(x, int) and 0 <= x < 2**63, "from 0 to 2**63 - 1"
        )
        self._require("schedule", lambda x: x in get_args(Schedule), f"one of {get_args(Schedule)}")
        self._require(
            "optimizer", lambda x: x in get_args(Optimizer), f"one of {get_args(Optimizer)}"
        )
        if self.optimizer == "asgd" and self.average is not None:
            raise InputError("asgd averages the weights itself: leave average at None.")
        self._require(
            "precision", lambda x: x in get_args(Precision), f"one of {get_args(Precision)}"
        )
        self._require("keep", lambda x: x in get_args(Keep), f"one of {get_args(Keep)}")

    def _require(self, name: str, holds: Callable[[Any], bool], expected: str) -> None:
        value = getattr(self, name)
        if value is None and name in _MAY_BE_NONE:
            return
        if value is None or not holds(value):
            raise InputError(f"{name} is {value!r}; expected {expected}.")
