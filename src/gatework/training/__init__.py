"""The training loop that every task uses, with its checkpoints, metrics and progress.

Knows torch and nothing of tasks: it is given a model, a source of batches and a loss.
"""

from gatework.training.errors import Interrupted, TrainingError
from gatework.training.history import History, Record, read_metrics
from gatework.training.loop import train
from gatework.training.progress import (
    PlainProgress,
    Progress,
    RichProgress,
    SilentProgress,
    choose_progress,
)
from gatework.training.schedule import learning_rate
from gatework.training.settings import TrainSettings
from gatework.training.source import BatchSource
from gatework.training.weights import load_weights, save_weights

__all__ = [
    "BatchSource",
    "History",
    "Interrupted",
    "PlainProgress",
    "Progress",
    "Record",
    "RichProgress",
    "SilentProgress",
    "TrainSettings",
    "TrainingError",
    "choose_progress",
    "learning_rate",
    "load_weights",
    "read_metrics",
    "save_weights",
    "train",
]
