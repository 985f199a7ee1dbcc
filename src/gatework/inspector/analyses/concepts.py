"""The unit search: which single unit holds what one names."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatework.errors import InputError
from gatework.inspector.analyses.rows import per_step, table, usable
from gatework.inspector.trace import Array, PassTrace

READING = (
    "Name something that is true at some steps and false at others; the search says how well each "
    "single unit tells them apart. An AUC of 1 means that the unit is always higher where it is "
    "true, 0 that it is always lower, 0.5 that it does not know. The best of many units looks good "
    "by chance when steps are few: believe it if it holds on other sequences, and call it the "
    "unit's purpose only if the model errs without the unit. A network may well spread over many "
    "units what no single one holds; for that there are probes."
)
BINS = 10


class UnitScores(NamedTuple):
    """How well each unit tells the steps at which a concept holds from the others.

    Attributes:
        auc: (H,) the chance that the unit is higher at a step where it holds than at one where it
            does not, ties counted half.
        iou: (H,) intersection over union of the steps where it holds with as many steps as these,
            those where the unit is highest, or lowest if auc < 0.5; with ties there may be more.
        mutual_information: (H,) in bits, between the concept and the tenth of its own values in
            which the unit is. A plug-in estimate: about 6.5 / steps bits too high.
        order: (H,) the units, those that tell best by auc first.
        steps: how many were used.
        positive: at how many of them the concept holds.
    """

    auc: Array
    iou: Array
    mutual_information: Array
    order: NDArray[np.intp]
    steps: int
    positive: int

    @property
    def best(self) -> int:
        """The unit that tells best."""
        return int(self.order[0])

    def __str__(self) -> str:
        rows = [
            (str(unit), *(f"{score[unit]:.3f}" for score in self[:3])) for unit in self.order[:5]
        ]
        return f"{self.positive} of {self.steps} steps\n" + table(
            ("unit", "AUC", "IoU", "bits"), rows
        )


def unit_scores(
    part: PassTrace,
    concept: ArrayLike,
    *,
    state: str | None = None,
    where: ArrayLike | None = None,
) -> UnitScores:
    """Score each unit against a concept, as NeuroX and network dissection do with neurons.

    AUC is the Mann-Whitney statistic over the product of the counts; IoU that of Bau et al. 2017
    (arXiv:1704.05796) with the threshold at the concept's own frequency.

    Args:
        part: one layer and direction.
        concept: (N,) true or false at each step.
        state: which state or gate; None is the memory.
        where: (N,) bool, the steps to look at; all if None. Those with NaN are never looked at.

    Raises:
        InputError: a shape is wrong, or the concept is the same at all steps.

    Example:
        >>> import numpy as np, torch, gatework
        >>> x = torch.randn(10, 20, 3)
        >>> part = gatework.trace(gatework.LSTM(3, 8), x)[""].find()
        >>> found = unit_scores(part, part.inputs[:, 0] > 0)
        >>> found.auc.shape, bool(found.auc[found.best] in (found.auc.max(), found.auc.min()))
        ((8,), True)
    """
    values, used = usable(part, state, where)
    holds = per_step(concept, len(used), "concept")[used].astype(bool)
    values = values[used]
    positive = int(holds.sum())
    if not 0 < positive < len(holds):
        raise InputError(
            f"the concept holds at {positive} of the {len(holds)} steps looked at; expected some "
            "at which it does and some at which it does not."
        )
    units = range(values.shape[1])
    auc = np.array([_auc(values[:, unit], holds) for unit in units])
    iou = np.array([_iou(values[:, u] * (1 if auc[u] >= 0.5 else -1), holds) for u in units])
    bits = np.array([_bits(values[:, unit], holds) for unit in units])
    order = np.argsort(-np.abs(auc - 0.5), kind="stable")
    return UnitScores(auc, iou, bits, order, len(holds), positive)


def unit_correlations(
    part: PassTrace,
    concept: ArrayLike,
    *,
    state: str | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """(H,) Pearson's correlation of each unit with a number; NaN for a unit that does not vary.

    Args:
        part: one layer and direction.
        concept: (N,) a number at each step; NaN where it is not known.
        state: which state or gate; None is the memory.
        where: (N,) bool, the steps to look at; all if None.

    Raises:
        InputError: a shape is wrong, or the number does not vary.

    Example:
        >>> import torch, gatework
        >>> part = gatework.trace(gatework.RNN(1, 8), torch.randn(10, 20, 1))[""].find()
        >>> unit_correlations(part, part.inputs[:, 0]).shape
        (8,)
    """
    values, used = usable(part, state, where)
    numbers = per_step(concept, len(used), "concept").astype(np.float64)
    used = used & np.isfinite(numbers)
    if len(np.unique(numbers[used])) < 2:
        raise InputError(f"the number does not vary over the {int(used.sum())} steps looked at.")
    values, numbers = values[used] - values[used].mean(0), numbers[used] - numbers[used].mean()
    sizes = np.sqrt((values**2).sum(0) * (numbers**2).sum())
    missing = np.full(sizes.shape, np.nan)
    return np.divide(numbers @ values, sizes, out=missing, where=sizes > 0)


def _auc(values: Array, holds: NDArray[np.bool_]) -> float:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]  # from 1; ties share theirs
    positive, negative = int(holds.sum()), int((~holds).sum())
    above = ranks[holds].sum() - positive * (positive + 1) / 2
    return float(above / (positive * negative))


def _iou(values: Array, holds: NDArray[np.bool_]) -> float:
    on = values >= np.partition(values, -holds.sum())[-holds.sum()]
    return float((on & holds).sum() / (on | holds).sum())


def _bits(values: Array, holds: NDArray[np.bool_]) -> float:
    edges = np.quantile(values, np.arange(1, BINS) / BINS)
    bins = np.searchsorted(edges, values, side="right")
    joint = np.array([np.bincount(bins[holds == held], minlength=BINS) for held in (False, True)])
    joint = joint / joint.sum()
    independent = joint.sum(0) * joint.sum(1, keepdims=True)
    filled = joint > 0
    return float((joint[filled] * np.log2(joint[filled] / independent[filled])).sum())
