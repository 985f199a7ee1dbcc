"""What a fit leaves behind for people to read: the input of the report and of the summary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from gatework.data.checks import counted
from gatework.data.labelled import Sequences
from gatework.data.labels import Classes, count
from gatework.tasks.classify.fitted import Answers, Fitted
from gatework.tasks.classify.scores import MODEL, MethodScores, Scores, choose_metric, measure


class Judged(NamedTuple):
    """One held-out part: what was said of it, and what is true.

    sequences has the n judged; targets (n,) or (n, K); index (n,) their places in the data, or
    None for a test part; unknown counts those whose label was never seen in training.
    """

    sequences: Sequences
    answers: Answers
    targets: np.ndarray
    index: np.ndarray | None
    unknown: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """A finished fit.

    Args:
        train: All labelled data.
        classes: What they can be.
        settings: Every setting by name.
        fitted: The final classifier.
        judged: The held-out parts, one a round.
        notes: What a reader must know about the data, one line each.
        protocol: How it was judged, in words.
    """

    train: Sequences
    classes: Classes
    settings: Mapping[str, Any]
    fitted: Fitted
    judged: tuple[Judged, ...]
    notes: tuple[str, ...]
    protocol: str

    @cached_property
    def scores(self) -> Scores | None:
        """The score table, or None if nothing was held out."""
        if not self.judged:
            return None
        return score(self.judged, self.shares, several=self.classes.several)

    @cached_property
    def shares(self) -> list[float]:
        """(K,) the part of the labelled data that is of each class."""
        counts = count(self.train.known_labels)
        return [counts[name] / len(self.train) for name in self.classes.names]


def judge(fitted: Fitted, sequences: Sequences, index: np.ndarray | None) -> Judged:
    """Ask a fitted classifier and its baselines about sequences whose labels are known."""
    labels = sequences.known_labels
    return Judged(
        sequences,
        fitted.answers(sequences),
        fitted.classes.numbers(labels),
        index,
        len(fitted.classes.unknown(labels)),
    )


def score(
    judged: Sequence[Judged], shares: Sequence[float], *, several: bool, seen: bool = False
) -> Scores:
    """Turn held-out parts into the score table.

    Args:
        judged: One part a round.
        shares: Of each class in training.
        several: Whether a sequence can be of several classes.
        seen: Whether the classifier was trained on these very sequences.
    """
    methods = []
    for name in dict.fromkeys(name for part in judged for name in part.answers.probabilities):
        # Where nothing was mixed in, the network alone is Gatework.
        keys = [name if name in part.answers.probabilities else MODEL for part in judged]
        rounds = [
            measure(part.answers.probabilities[key], part.answers.predicted[key], part.targets)
            for key, part in zip(keys, judged, strict=True)
        ]
        values = {metric: tuple(each[metric] for each in rounds) for metric in rounds[0]}
        methods.append(MethodScores(name, values))
    total = sum(len(part.targets) for part in judged)
    unknown = sum(part.unknown for part in judged)
    remarks = [f"{counted(total, 'sequence')} judged" + _in_rounds(len(judged)) + "."]
    if unknown:
        remarks.append(
            f"{counted(unknown, 'label')} of them never seen in training: counted as wrong."
        )
    if seen:
        remarks.append("The model was trained on these sequences: its row flatters it.")
    return Scores(
        tuple(methods), choose_metric(shares, several=several), total, len(judged), tuple(remarks)
    )


def _in_rounds(rounds: int) -> str:
    return f" in {rounds} rounds, of which mean and standard deviation" if rounds > 1 else ""
