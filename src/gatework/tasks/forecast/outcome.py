"""What a fit leaves behind for people to read: the input of the report and of the summary."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatework.data import Panel
from gatework.tasks.forecast.evaluation import BackTest
from gatework.tasks.forecast.scores import Scores
from gatework.tasks.settings import Choice
from gatework.training.history import Curve


@dataclass(frozen=True)
class Outcome:
    """A finished fit.

    Args:
        panel: All the data.
        settings: Every setting by name.
        choices: Settings chosen from the data, with the reason.
        levels: Interval levels in percent.
        probabilities: The Q quantiles those levels need, the median among them.
        forecast: (S, T, Q) quantiles after the end of each series.
        back_test: The hold-out, or None if the data was too short to hold anything out.
        scores: Its table, or None.
        curves: Training curve of each network: (step, training loss, validation loss or None).
        training: Facts about the training, as pairs of a name and a value to read.
        notes: What a reader must know about the data, one line each.
    """

    panel: Panel
    settings: Mapping[str, Any]
    choices: tuple[Choice, ...]
    levels: tuple[float, ...]
    probabilities: tuple[float, ...]
    forecast: np.ndarray
    back_test: BackTest | None
    scores: Scores | None
    curves: tuple[Curve, ...]
    training: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
