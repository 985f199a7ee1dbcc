"""What a user can choose about a model of frames."""

from dataclasses import dataclass
from typing import Literal

from gatework.errors import InputError


@dataclass(frozen=True)
class FrameSettings:
    """Settings of a model of frames. None means chosen from the data; the choice is recorded with
    its reason.

    Args:
        head: How the next frame is told: bernoulli (each key on its own), joint (each key sees
            those below it) or mdn (a mixture of Gaussians, for any numbers). None: joint for keys,
            mdn for numbers.
        transpose: Semitones up and down that a piece is moved by in training, a different number
            each time. None: by the head and the amount of data.
        head_size: Width of the heads of keys.
        components: Gaussians of the mixture.
        covariance: Of the mixture's columns: full, or diagonal.
        hidden_size: Width of each LSTM. None: by the amount of data.
        num_layers: LSTMs, one on top of the other.
        dropout: Part of the features dropped in training, the same throughout a sequence. None: by
            the amount of data.
        weight_drop: Part of the recurrent weights dropped in training. None: as the dropout.
        batch_size: Sequences a step. None: by their number.
        learning_rate: Peak of the learning rate. None: by the width.
        weight_decay: Decoupled weight decay.
        average: Decay of the average of the weights that is kept. None is no average.
        epochs: Passes over the training part at most. None: by its size; with a time budget, what
            fits.
        test_share: Part of the sequences held out and scored once after training, where the data
            says none; of few sequences, the end of each.
        validation_share: Part of what is left, which chooses the best weights, likewise.
        time_budget: Seconds to train at most; with it a run is not reproducible. None is no limit.
        seed: Seed of everything random.

    Raises:
        InputError: A value is out of its range.

    Example:
        >>> FrameSettings(head="mdn").components
        20
    """

    head: Literal["bernoulli", "joint", "mdn"] | None = None
    transpose: int | None = None
    head_size: int = 256
    components: int = 20
    covariance: Literal["full", "diagonal"] = "full"
    hidden_size: int | None = None
    num_layers: int = 1
    dropout: float | None = None
    weight_drop: float | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float = 0.1
    average: float | None = 0.99
    epochs: int | None = None
    test_share: float = 0.1
    validation_share: float = 0.05
    time_budget: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for name in ("head_size", "components", "hidden_size", "num_layers"):
            self._at_least(name, 1)
        for name in ("batch_size", "epochs"):
            self._at_least(name, 1)
        self._at_least("transpose", 0)
        for name in ("dropout", "weight_drop", "test_share"):
            self._require(name, 0 <= (getattr(self, name) or 0) < 1, "from 0 to below 1")
        for name in ("validation_share", "average"):
            value = getattr(self, name)
            self._require(name, value is None or 0 < value < 1, "between 0 and 1")
        for name in ("learning_rate", "time_budget"):
            value = getattr(self, name)
            self._require(name, value is None or value > 0, "above 0")
        self._require("weight_decay", self.weight_decay >= 0, "0 or above")

    def _at_least(self, name: str, least: int) -> None:
        value = getattr(self, name)
        self._require(name, value is None or value >= least, f"{least} or more")

    def _require(self, name: str, holds: bool, expected: str) -> None:  # noqa: FBT001
        if not holds:
            raise InputError(f"{name} is {getattr(self, name)}; expected {expected}")
