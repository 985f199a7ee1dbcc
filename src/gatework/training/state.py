"""Everything about a run that changes as it goes on, and its way into a checkpoint and back."""

import dataclasses
from pathlib import Path
from typing import final

import torch
from torch import Tensor, nn

from gatework.errors import InputError
from gatework.training.average import AbstractAverage, MovingAverage, TriggeredAverage
from gatework.training.checkpoint import VERSION, Checkpoint, Manifest, Position, write_checkpoint
from gatework.training.optimizer import AdamW
from gatework.training.randomness import get_randomness, set_randomness
from gatework.training.settings import TrainSettings
from gatework.training.sgd import SGD
from gatework.training.weights import load_tensors, model_tensors

# They decide when something is saved, not what.
FREE_TO_CHANGE = ("checkpoint_seconds",)


@final
class RunState:
    """The state of a run, at its start.

    Args:
        model: The model, which stays the caller's object.
        settings: The settings of the run.

    Attributes:
        parameters: The trainable parameters by name, tied ones once.
        device: Where they are.
        optimizer: What changes them.
        average: Their average, or None.
        best: A copy of the weights that validated best, or None.
        generator: Draws the plans of the epochs.
        plan_state: The generator's state before it drew the current epoch.
        epoch_batches: Batches in the current epoch; 0 before the first.
        position: How far the run is.

    Raises:
        InputError: The model has nothing to train.
    """

    def __init__(self, model: nn.Module, settings: TrainSettings) -> None:
        self.parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        if not self.parameters:
            raise InputError(
                "The model has no parameters that require gradients: nothing to train."
            )
        self.model = model
        self.settings = settings
        self.device = next(iter(self.parameters.values())).device
        self.average: AbstractAverage | None = None
        if settings.optimizer == "asgd":
            self.optimizer = SGD(self.parameters, settings.weight_decay)
            self.average = TriggeredAverage(self.parameters, settings.interval)
        else:
            self.optimizer = AdamW(self.parameters, settings.weight_decay)
        if settings.average is not None:
            self.average = MovingAverage(self.parameters, settings.average)
        self.best: dict[str, Tensor] | None = None
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.plan_state = self.generator.get_state()
        self.epoch_batches = 0
        self.position = Position()

    def save(self, folder: Path, metrics_size: int) -> None:
        """Write a checkpoint of this moment.

        Raises:
            TrainingError: The disk is full, or cannot be written to.
        """
        groups = {
            "model": model_tensors(self.model),
            "optimizer": self.optimizer.tensors(),
            "rng": {**get_randomness(self.device), "plan": self.plan_state},
        }
        if self.average is not None:
            groups["average"] = self.average.tensors()
        if self.best is not None:
            groups["best"] = self.best
        manifest = Manifest(
            version=VERSION,
            settings=dataclasses.asdict(self.settings),
            position=self.position,
            epoch_batches=self.epoch_batches,
            metrics_size=metrics_size,
            checksums={},
        )
        write_checkpoint(folder, manifest, groups)

    def load(self, checkpoint: Checkpoint, folder: Path) -> None:
        """Go to the moment of a checkpoint, and to its state of torch's global generators.

        Raises:
            InputError: The settings have changed since, or the model is another.
        """
        manifest, groups = checkpoint
        self._check_settings(manifest, folder)
        path = folder / "state"
        load_tensors(self.model, groups["model"], str(path / "model.safetensors"))
        self.optimizer.load(groups["optimizer"], str(path / "optimizer.safetensors"))
        if self.average is not None:
            self.average.load(groups["average"])
        self.best = groups.get("best")
        set_randomness(self.device, groups["rng"])
        self.plan_state = groups["rng"]["plan"]
        self.generator.set_state(self.plan_state)
        self.epoch_batches = manifest.epoch_batches
        self.position = manifest.position

    def _check_settings(self, manifest: Manifest, folder: Path) -> None:
        now, then = dataclasses.asdict(self.settings), manifest.settings
        changed = [
            f"{name} (was {then.get(name)!r}, now {now.get(name)!r})"
            for name in sorted(now.keys() | then.keys())
            if name not in FREE_TO_CHANGE and now.get(name) != then.get(name)
        ]
        if changed:
            raise InputError(
                f"The run in {folder} was started with other settings: {', '.join(changed)}. "
                "Resume it with those, or train in another folder."
            )
