"""What a run says while it goes on: lines for metrics.jsonl, and a text for the progress."""

import math
from typing import NamedTuple, final

from gatework.training.checkpoint import Position
from gatework.training.history import Record
from gatework.training.metrics import MetricsLog
from gatework.training.progress import Progress

PROGRESS_SECONDS = 0.1
FLUSH_SECONDS = 2.0


class Step(NamedTuple):
    """What is known of one step: its epoch, learning rate, loss, and gradient's norm."""

    epoch: int
    rate: float
    loss: float
    grad_norm: float


@final
class Reporter:
    """Reports on one run; cheap enough to be asked after every step.

    Args:
        position: The run's position, which the loop moves.
        metrics: Where the records go.
        progress: Where the text goes.
        now: The time, in seconds of the loop's clock.
    """

    def __init__(
        self, position: Position, metrics: MetricsLog, progress: Progress, now: float
    ) -> None:
        self._position = position
        self._metrics = metrics
        self._progress = progress
        self._logged, self._logged_step = now, position.step
        self._shown = -math.inf
        self._flushed = now

    def log(self, step: Step, now: float, *, validated: bool) -> None:
        """Add a line of metrics, for the steps since the line before."""
        at = self._position
        self._metrics.add(
            Record(
                step=at.step,
                epoch=step.epoch,
                loss=at.loss_sum / at.loss_count,
                learning_rate=step.rate,
                grad_norm=step.grad_norm,
                steps_per_second=(at.step - self._logged_step) / max(now - self._logged, 1e-9),
                elapsed=at.elapsed,
                validation=at.validation if validated else None,
            )
        )
        at.loss_sum, at.loss_count = 0.0, 0
        self._logged, self._logged_step = now, at.step

    def tick(self, step: Step, now: float, fraction: float) -> None:
        """Show where the run is and write waiting lines, each only if it is time to."""
        if now - self._shown >= PROGRESS_SECONDS:
            self._shown = now
            self._progress.update(fraction, self.describe(step.loss))
        if now - self._flushed >= FLUSH_SECONDS:
            self._flushed = now
            self._metrics.flush()

    def describe(self, loss: float | None = None) -> str:
        """Return a line about where the run is."""
        at = self._position
        parts = [f"step {at.step}"]
        if loss is not None:
            parts.append(f"loss {loss:.4g}")
        if at.validation is not None:
            parts.append(f"validation {at.validation:.4g}")
        if at.best_validation is not None:
            parts.append(f"best {at.best_validation:.4g} at step {at.best_step}")
        parts.append(f"{at.elapsed:.0f} s")
        return "  ".join(parts)
