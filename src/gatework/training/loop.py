"""The training loop: read `train`, then `_Training.run` and `_Training.advance`.

To spread a run over processes, what has to change is here and small: each rank's share of the
plan (`_plan_epoch`), the wrapped model (`_step`), and which rank saves and reports.
"""

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar, final

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from gatework.errors import InputError
from gatework.training.checkpoint import read_checkpoint
from gatework.training.errors import Interrupted, TrainingError
from gatework.training.guard import find_breakdown
from gatework.training.history import History, Stopped
from gatework.training.interrupt import deferred_interrupt
from gatework.training.metrics import MetricsLog
from gatework.training.progress import Progress, SilentProgress
from gatework.training.randomness import get_randomness, own_randomness, set_randomness
from gatework.training.reporting import Reporter, Step
from gatework.training.schedule import fraction_done, learning_rate
from gatework.training.settings import TrainSettings
from gatework.training.source import BatchSource
from gatework.training.state import RunState
from gatework.training.weights import load_tensors, model_tensors

Batch = TypeVar("Batch")
Model = TypeVar("Model", bound=nn.Module)

# An improvement is saved at once, unless saving would then take more of the time than this.
SAVING_SHARE = 0.05
ENDINGS: Mapping[Stopped, str] = {
    "max_steps": "done",
    "epochs": "done",
    "patience": "stopped: no further gain",
    "time_budget": "stopped: the time is spent",
}


def train(  # noqa: PLR0913
    model: Model,
    source: BatchSource[Batch],
    loss: Callable[[Model, Batch], Tensor],
    *,
    settings: TrainSettings,
    validate: Callable[[Model], float] | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
    title: str = "training",
) -> History:
    """Train a model in place, and leave it in eval mode with the weights `settings.keep` names.

    Called again with the same arguments and the folder of a run that was cut off, it goes on from
    the last checkpoint, and ends with the same weights, to the bit, as if it had never stopped
    (unless `time_budget` came into play); a finished run is only loaded. The state of torch's
    global generators is left as it was found.

    Args:
        model: The model, on the device to train on.
        source: Where batches come from.
        loss: Mean loss of the model on a batch: a scalar that `backward` works on.
        settings: How to train.
        validate: Score of the model, lower is better; called without gradients and in eval mode.
            What it draws from the global generators does not change the training.
        folder: Where `state/` and `metrics.jsonl` go; made if need be. None keeps nothing.
        progress: Where to show how far it is; None shows nothing.
        title: What the progress calls this job.

    Returns:
        What happened: see `History`.

    Raises:
        InputError: The settings are not those of the run in the folder, its checkpoint is damaged,
            or the arguments do not fit together.
        TrainingError: A loss, a gradient or a validation is not finite, or the disk is full. The
            last good checkpoint stands.
        Interrupted: Ctrl-C; there is a checkpoint to go on from, if there is a folder.

    Example:
        >>> class Doubling:
        ...     def plan(self, generator):
        ...         return torch.randperm(64, generator=generator).split(16)
        ...     def load(self, index):
        ...         x = index.float().unsqueeze(1) / 64
        ...         return x, 2 * x
        >>> def squared_error(model, batch):
        ...     return nn.functional.mse_loss(model(batch[0]), batch[1])
        >>> settings = TrainSettings(max_steps=50, learning_rate=0.1)
        >>> history = train(nn.Linear(1, 1), Doubling(), squared_error, settings=settings)
        >>> history.steps, history.stopped
        (50, 'max_steps')
    """
    if validate is None and settings.patience is not None:
        raise InputError("patience needs something to validate: give validate, or patience=None.")
    state = RunState(model, settings)
    with own_randomness(state.device), deferred_interrupt() as interrupt:
        torch.manual_seed(settings.seed)
        metrics_size = _restore(state, folder)
        metrics = MetricsLog(folder / "metrics.jsonl" if folder else None, metrics_size)
        training = _Training(state, source, loss, validate, folder, metrics)
        return training.run(interrupt.is_set, progress or SilentProgress(), title)


def _restore(state: RunState, folder: Path | None) -> int:
    """Go to the folder's checkpoint, if there is one; return the size its metrics had."""
    if folder is None:
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = read_checkpoint(folder)
    if checkpoint is None:
        return 0
    state.load(checkpoint, folder)
    return checkpoint.manifest.metrics_size


@final
class _Training:
    """What moves a run forward, from the state it is in."""

    def __init__(
        self,
        state: RunState,
        source: BatchSource[Any],
        loss: Callable[[Any, Any], Tensor],
        validate: Callable[[Any], float] | None,
        folder: Path | None,
        metrics: MetricsLog,
    ) -> None:
        self.state, self.source, self.loss, self.validate = state, source, loss, validate
        self.folder, self.metrics = folder, metrics
        self.model, self.settings, self.position = state.model, state.settings, state.position
        self.plan: Sequence[Tensor] = ()
        now = monotonic()
        self.began = now - self.position.elapsed
        self.saved, self.save_cost = now, 0.0

    def run(self, interrupted: Callable[[], bool], progress: Progress, title: str) -> History:
        """Advance until a setting says stop, then give the model its final weights."""
        reporter = Reporter(self.position, self.metrics, progress, monotonic())
        ending = "failed"
        progress.start(title)
        self.model.train()
        try:
            while self.position.stopped is None:
                self.advance(reporter)
                if interrupted():
                    self._save()
                    raise KeyboardInterrupt
            self._finish()
            ending = ENDINGS[self.position.stopped]
        except KeyboardInterrupt:
            # Raised at the end of a step, after saving; or by a second Ctrl-C amid one, when the
            # state may be half changed and what was saved before has to do.
            ending = "interrupted"
            raise Interrupted(f"Interrupted at step {self.position.step}. {self._kept()}") from None
        finally:
            self.model.eval()
            progress.finish(f"{reporter.describe()}  {ending}")
            self.metrics.close()
        return self._history()

    def advance(self, reporter: Reporter) -> None:
        """Take one step, and do what is due after it."""
        at, settings = self.position, self.settings
        if not self.plan:
            self.plan = self._plan_epoch()
        epochs = at.epoch + (at.batch + 0.5) / len(self.plan)
        rate = learning_rate(settings, fraction_done(settings, at.step + 0.5, epochs, at.elapsed))
        step = self._step(self.plan[at.batch], rate)
        self._count(step.loss)

        at.elapsed = monotonic() - self.began
        at.stopped = self._limit_reached()
        last = at.stopped is not None
        validated = self.validate is not None and (last or at.step % settings.validate_every == 0)
        improved = validated and self._validate()

        now = monotonic()
        at.elapsed = now - self.began
        last = at.stopped is not None
        if validated or last or at.step % settings.log_every == 0:
            reporter.log(step, now, validated=validated)
        reporter.tick(step, now, fraction_done(settings, at.step, epochs, at.elapsed))
        if last or self._save_is_due(now, improved=improved):
            self._save()

    def _plan_epoch(self) -> Sequence[Tensor]:
        state, at = self.state, self.position
        state.plan_state = state.generator.get_state()
        plan = self.source.plan(state.generator)
        if len(plan) == 0:
            raise InputError("An epoch of the data has no batches: there is nothing to train on.")
        if at.batch > 0 and len(plan) != state.epoch_batches:
            raise InputError(
                f"The data changed: the current epoch of the run in {self.folder} has "
                f"{state.epoch_batches} batches, and now {len(plan)}. Resume with the data and "
                "batch size of before, or train in another folder."
            )
        state.epoch_batches = len(plan)
        return plan

    def _step(self, index: Tensor, rate: float) -> Step:
        """Change the weights by one batch."""
        state, limit = self.state, self.settings.clip_norm
        batch = self.source.load(index)
        randomness = get_randomness(state.device)
        state.optimizer.clear()
        rounds = self.settings.precision == "bfloat16"
        with torch.autocast(state.device.type, torch.bfloat16, enabled=rounds):
            loss = self.loss(self.model, batch)
        if loss.ndim != 0 or not loss.requires_grad:
            raise InputError(
                f"The loss has shape {tuple(loss.shape)} and requires_grad={loss.requires_grad}; "
                "expected a scalar that depends on the model's parameters."
            )
        loss.backward()
        gradients = [p.grad for p in state.parameters.values() if p.grad is not None]
        total = get_total_norm(gradients, foreach=True)
        # The only wait for the device in a step: a bad gradient must not reach the weights.
        step = Step(self.position.epoch, rate, loss.item(), total.item())
        if not (math.isfinite(step.loss) and math.isfinite(step.grad_norm)):
            set_randomness(state.device, randomness)
            raise self._broken(step, batch)
        if limit is not None and step.grad_norm > limit:
            clip_grads_with_norm_(state.parameters.values(), limit, total, foreach=True)
        state.optimizer.step(rate)
        if state.average is not None:
            state.average.update(self.position.step + 1)
        return step

    def _count(self, loss: float) -> None:
        at = self.position
        at.step += 1
        at.batch += 1
        at.loss_sum += loss
        at.loss_count += 1
        if at.batch == len(self.plan):
            at.epoch += 1
            at.batch = 0
            self.plan = ()
            self.state.plan_state = self.state.generator.get_state()

    def _limit_reached(self) -> Stopped | None:
        at, settings = self.position, self.settings
        if settings.max_steps is not None and at.step >= settings.max_steps:
            return "max_steps"
        if settings.epochs is not None and at.epoch >= settings.epochs:
            return "epochs"
        if settings.time_budget is not None and at.elapsed >= settings.time_budget:
            return "time_budget"
        return None

    def _validate(self) -> bool:
        """Validate, and remember the weights if they are the best so far; say whether they are."""
        at, average = self.position, self.state.average
        assert self.validate is not None
        self.model.eval()
        averaged = average.applied() if average is not None else contextlib.nullcontext()
        with own_randomness(self.state.device), averaged, torch.no_grad():
            value = float(self.validate(self.model))
            if not math.isfinite(value):
                raise TrainingError(
                    f"The validation after step {at.step} is {value}; expected a finite number. "
                    f"Look at the validation data and its scale. {self._kept()}"
                )
            improved = at.best_validation is None or value < at.best_validation
            if improved and self.settings.keep == "best":
                tensors = model_tensors(self.model)
                self.state.best = {name: tensor.clone() for name, tensor in tensors.items()}
        if average is not None:
            average.notice(value)
        self.model.train()
        at.validation = value
        at.stale = 0 if improved else at.stale + 1
        if improved:
            at.best_validation, at.best_step = value, at.step
        elif at.stopped is None and at.stale == self.settings.patience:
            at.stopped = "patience"
        return improved

    def _save_is_due(self, now: float, *, improved: bool) -> bool:
        since = now - self.saved
        return since >= self.settings.checkpoint_seconds or (
            improved and since * SAVING_SHARE >= self.save_cost
        )

    def _save(self) -> None:
        if self.folder is not None:
            began = monotonic()
            self.state.save(self.folder, self.metrics.settle())
            self.saved = monotonic()
            self.save_cost = self.saved - began

    def _finish(self) -> None:
        if self.state.best is not None:
            load_tensors(self.model, self.state.best, "the best weights")
        elif self.state.average is not None:
            self.state.average.apply()

    def _history(self) -> History:
        at = self.position
        assert at.stopped is not None
        return History(
            records=self.metrics.records,
            steps=at.step,
            epochs=at.epoch,
            elapsed=at.elapsed,
            stopped=at.stopped,
            best_validation=at.best_validation,
            best_step=at.best_step,
        )

    def _broken(self, step: Step, batch: Any) -> TrainingError:
        at, settings = self.position, self.settings
        return TrainingError(
            f"Step {at.step + 1} (epoch {at.epoch}, batch {at.batch}) broke: the loss is "
            f"{step.loss} and the gradient's norm {step.grad_norm}. "
            f"{find_breakdown(self.model, self.loss, batch)} Look for such values in the data, or "
            f"lower learning_rate (now {settings.learning_rate}) or clip_norm (now "
            f"{settings.clip_norm}) and train in another folder. {self._kept()}"
        )

    def _kept(self) -> str:
        """Say what there is to go on from."""
        if self.folder is None:
            return "Nothing was saved: this run has no folder."
        if not (self.folder / "state").exists():
            return "There was no checkpoint yet."
        return f"The last checkpoint is in {self.folder / 'state'}; the same call goes on from it."
