"""What a user can choose about a forecast."""

from dataclasses import dataclass

from gatework.errors import InputError


@dataclass(frozen=True)
class ForecastSettings:
    """Settings of a forecaster. None means chosen from the data; the choice is recorded with its
    reason.

    Args:
        horizon: Steps to forecast.
        context: Steps of history the encoder reads. None: whole seasons, at least 56 steps and
            three of them, at most 168.
        season: Steps in the main season, 1 for none. None: the data's.
        log: Whether to forecast the logarithm. None: if all values are positive and the swings
            grow with the level.
        hidden_size: Width of the LSTM. None: 16 to 48 by the amount of data.
        num_layers: Layers of the LSTM.
        members: Networks whose answers are averaged.
        dropout: Part of the hidden values dropped in training.
        learning_rate: Peak of the learning rate.
        weight_decay: Decoupled weight decay.
        steps: Training steps. None: 40 to 1000 by the amount of data.
        batch_size: Windows a member sees in a step. None: 16 to 64 by the number of windows.
        calibrate: Whether to stretch the intervals to what was missed on data not trained on; each
            member then leaves out a tenth. None: with many series, where that costs little; with
            little data other networks rehearse on earlier parts of the history.
        time_budget: Seconds to train at most; with it a run is not reproducible. None is no limit.
        seed: Seed of everything random.

    Raises:
        InputError: A value is out of its range.

    Example:
        >>> ForecastSettings(horizon=28).members
        3
    """

    horizon: int
    context: int | None = None
    season: int | None = None
    log: bool | None = None
    hidden_size: int | None = None
    num_layers: int = 1
    members: int = 3
    dropout: float = 0.2
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    steps: int | None = None
    batch_size: int | None = None
    calibrate: bool | None = None
    time_budget: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for name in ("horizon", "context", "season", "hidden_size", "steps", "batch_size"):
            self._at_least_one(name)
        self._at_least_one("num_layers")
        self._at_least_one("members")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is {self.dropout}; expected from 0 to below 1")
        if self.time_budget is not None and not self.time_budget > 0:
            raise InputError(f"time_budget is {self.time_budget}; expected seconds above 0")
        if not self.learning_rate > 0 or not self.weight_decay >= 0:
            raise InputError(
                f"learning_rate is {self.learning_rate} and weight_decay {self.weight_decay}; "
                f"expected above 0, and 0 or above"
            )

    def _at_least_one(self, name: str) -> None:
        value = getattr(self, name)
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}; expected 1 or more")
