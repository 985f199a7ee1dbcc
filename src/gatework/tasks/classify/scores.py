"""The score table: Gatework beside the simple rules, and the sentence that says who won."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gatework.tasks.classify import metrics
from gatework.tasks.columns import in_columns

MODEL: Final = "gatework"
_RARE: Final = 0.2
_SPOKEN: Final = {
    MODEL: "Gatework",
    "network-alone": "its network alone",
    "naive-bayes": "naive Bayes",
    "logistic": "logistic regression",
    "majority": "the majority",
}
_HEADS: Final = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "log_loss": "log loss",
    "brier": "Brier",
    "calibration_error": "calibration error",
}
LOWER_IS_BETTER: Final = ("log_loss", "brier", "calibration_error")


@dataclass(frozen=True)
class MethodScores:
    """The row of one method: a metric's name to its value in each round; NaN where undefined."""

    name: str
    values: dict[str, tuple[float, ...]]

    def mean(self, metric: str) -> float:
        """Return the mean over the rounds in which the metric is defined."""
        known = [value for value in self.values[metric] if math.isfinite(value)]
        return float(np.mean(known)) if known else float("nan")

    def spread(self, metric: str) -> float | None:
        """Return the standard deviation over the rounds (n - 1); None for a single one."""
        known = [value for value in self.values[metric] if math.isfinite(value)]
        return float(np.std(known, ddof=1)) if len(known) > 1 else None


@dataclass(frozen=True)
class Scores:
    """The score table: Gatework first, the simple rules beside it.

    Args:
        methods: One row a method.
        metric: What the verdict is on.
        judged: Sequences that were judged, over all rounds.
        rounds: How often: folds times seeds.
        remarks: What a reader of the table must know.
    """

    methods: tuple[MethodScores, ...]
    metric: str
    judged: int
    rounds: int = 1
    remarks: tuple[str, ...] = ()

    def verdict(self) -> str:
        """Say in one sentence who won."""
        model = self.methods[0].mean(self.metric)
        rivals = [m for m in self.methods[1:] if m.name != "network-alone"]
        known = [m for m in rivals if math.isfinite(m.mean(self.metric))]
        if not math.isfinite(model) or not known:
            return "No verdict: nothing that was held out could be scored."
        best = max(known, key=lambda method: method.mean(self.metric))
        theirs, head = best.mean(self.metric), _HEADS[self.metric]
        figures = f"{head} {model:.3f} against {theirs:.3f}"
        if model > theirs:
            return f"Gatework beats {spoken(best.name)} ({figures})."
        if model == theirs:
            return f"Gatework and {spoken(best.name)} tie ({figures})."
        return f"Gatework loses to {spoken(best.name)} ({figures}): prefer the simple rule here."

    @property
    def won(self) -> bool:
        """Whether Gatework is ahead of all the simple rules."""
        return " beats " in self.verdict()

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of the table, in order."""
        return tuple(self.methods[0].values)

    def records(self) -> list[dict[str, str | float]]:
        """Return one flat row a method: each metric's mean, and its spread over several rounds."""
        rows = []
        for method in self.methods:
            row: dict[str, str | float] = {"method": method.name}
            for metric in self.metrics:
                row[metric] = method.mean(metric)
                spread = method.spread(metric)
                if spread is not None:
                    row[f"{metric}-spread"] = spread
            rows.append(row)
        return rows

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the header and the rows, one a method, of the table as people read it."""
        header = ("", *(_HEADS[metric] for metric in self.metrics))
        return header, [
            (spoken(m.name), *(written(m.mean(x), m.spread(x)) for x in self.metrics))
            for m in self.methods
        ]

    def __str__(self) -> str:
        # One column a method: that fits a narrow terminal, whatever the number of metrics.
        header, rows = self.table()
        return "\n".join(
            [*in_columns(zip(header, *rows, strict=True)), *self.remarks, self.verdict()]
        )


def spoken(name: str) -> str:
    """Return a method's name for people."""
    return _SPOKEN.get(name, name)


def written(value: float, spread: float | None = None) -> str:
    """Write a score, and its spread if there is one.

    Example:
        >>> written(0.8251, 0.01), written(float("nan"))
        ('0.825 ± 0.010', 'undefined')
    """
    if not math.isfinite(value):
        return "undefined"
    return f"{value:.3f}" + ("" if spread is None else f" ± {spread:.3f}")


def choose_metric(shares: Sequence[float], *, several: bool) -> str:
    """Return what the verdict is on: accuracy says little where one class is rare.

    Example:
        >>> choose_metric([0.5, 0.5], several=False), choose_metric([0.9, 0.1], several=False)
        ('accuracy', 'auroc')
    """
    if several:
        return "macro_f1"
    if min(shares) >= _RARE or len(shares) > 2:
        return "accuracy"
    return "auroc"


def measure(
    probabilities: np.ndarray, predicted: np.ndarray, targets: np.ndarray
) -> dict[str, float]:
    """Score one method on one held-out part.

    Args:
        probabilities: (n, K).
        predicted: (n,) classes, or (n, K) zeros and ones.
        targets: (n,) classes, -1 for one never seen in training; or (n, K).
    """
    classes = probabilities.shape[1]
    found = {
        "accuracy": metrics.accuracy(predicted, targets),
        "macro_f1": metrics.macro_f1(predicted, targets, classes),
        "auroc": _mean_by_class(metrics.auroc, probabilities, targets),
        "auprc": _mean_by_class(metrics.average_precision, probabilities, targets),
        "log_loss": metrics.log_loss(probabilities, targets),
        "brier": metrics.brier(probabilities, targets),
        "calibration_error": metrics.calibration_error(probabilities, targets),
    }
    return found


def _mean_by_class(metric, probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Of two classes, that of the rarer one; of more, the mean over those that can be scored."""
    if targets.ndim == 1 and probabilities.shape[1] == 2:
        rare = int((targets == 1).sum() <= (targets == 0).sum())
        return metric(probabilities[:, rare], targets == rare)
    columns = range(probabilities.shape[1])
    truth = [targets == k if targets.ndim == 1 else targets[:, k] > 0 for k in columns]
    each = [metric(probabilities[:, k], truth[k]) for k in columns]
    known = [value for value in each if math.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
