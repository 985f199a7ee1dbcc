"""Do the attributions agree with what happens when a step is taken away?

Spearman's rank correlation, over the steps of a sequence, of how much credit a method gives with
how much the score really changes. And the vanishing-saliency alarm (Ismail et al. 2019,
arXiv:1910.12370): a map that only grows or only shrinks with position shows the network's fading
gradient, not the task.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gatework.errors import InputError
from gatework.inspector.analyses.ablation import skip_steps
from gatework.inspector.analyses.attribution import (
    Attribution,
    gradient_times_input,
    integrated_gradients,
    occlusion,
)
from gatework.inspector.analyses.relevance import REFUSED, lrp
from gatework.inspector.analyses.subject import Subject
from gatework.inspector.trace import Array

READING = (
    "Each number is the rank correlation, from -1 to 1, between a method's credits (their size, "
    "not their sign) and what occlusion or ablation of the same steps does to the score, averaged "
    "over sequences. Near 1 the method points where the change is; near 0 it does not, however "
    "plausible its map looks. Most steps of most sequences matter little and are ranked by noise, "
    "so 0.5 can still mean that the few important steps are named; compare the top steps. An alarm "
    "says that a method ranks the steps by position alone while the model does not."
)
ALARM = 0.9  # a rank correlation with position from which a map counts as monotone


class Agreement(NamedTuple):
    """How each method agrees with one reference.

    Attributes:
        reference: what they are held to.
        methods: the methods.
        correlation: (M, B) rank correlation of the sizes of the credits with the reference's; NaN
            where a sequence has fewer than two steps, or all its steps the same credit.
        position: (M, B) that with the place in the sequence: 1 is a map that only grows.
        reference_position: (B,) that of the reference.
        alarm: (M,) whether the method is monotone in position where the reference is not.
        sequences: how many sequences could be judged.
    """

    reference: str
    methods: tuple[str, ...]
    correlation: Array
    position: Array
    reference_position: Array
    alarm: tuple[bool, ...]
    sequences: int

    @property
    def mean(self) -> dict[str, float]:
        """By method, the mean correlation over the sequences that could be judged."""
        return {name: _mean(row) for name, row in zip(self.methods, self.correlation, strict=True)}


class Attributions(NamedTuple):
    """All methods on the same score.

    Attributes:
        credits: of each method.
        with_occlusion: how they agree with occlusion.
        with_ablation: how they agree with a step that the layer lets pass.
        left_out: methods that have no rule for this layer.
    """

    credits: tuple[Attribution, ...]
    with_occlusion: Agreement
    with_ablation: Agreement
    left_out: tuple[str, ...]


def attributions(whole: Subject) -> Attributions:
    """Attribute a score by every method and hold each to occlusion and to ablation.

    Raises:
        InputError: score is one number for several sequences.

    Example:
        >>> import torch, gatework
        >>> from gatework.inspector.analyses.subject import subject
        >>> found = attributions(subject(gatework.LSTM(3, 8), torch.randn(10, 2, 3)))
        >>> list(found.with_occlusion.mean)
        ['gradient x input', 'integrated gradients', 'LRP', 'ablation']
    """
    credits = [gradient_times_input(whole), integrated_gradients(whole)]
    options = (*whole.layer.cell.options, *whole.layer.regularisers.options)
    has_rules = not any(each.startswith(REFUSED) for each in options)
    if has_rules:
        credits.append(lrp(whole).credits)
    occluded, ablated = occlusion(whole), by_ablation(whole)
    return Attributions(
        (*credits, occluded, ablated),
        agreement([*credits, ablated], occluded),
        agreement([*credits, occluded], ablated),
        () if has_rules else ("LRP",),
    )


def agreement(credits: Sequence[Attribution], reference: Attribution) -> Agreement:
    """Rank every method's steps against the reference's.

    Raises:
        InputError: there is no method, or one is of other sequences.
    """
    if not credits:
        raise InputError("no attribution was given to compare.")
    lengths = reference.lengths
    for each in credits:
        if each.lengths.tolist() != lengths.tolist():
            raise InputError(
                f"{each.method} is of sequences of {each.lengths.tolist()} steps; "
                f"{reference.method}, of {lengths.tolist()}."
            )
    truth = _sizes(reference)
    places = [np.arange(n, dtype=float) for n in lengths]
    correlation = np.array([_ranked(_sizes(each), truth) for each in credits])
    position = np.array([_ranked(_sizes(each), places) for each in credits])
    real = np.array(_ranked(truth, places))
    return Agreement(
        reference.method,
        tuple(each.method for each in credits),
        correlation,
        position,
        real,
        tuple(abs(_mean(row)) >= ALARM > abs(_mean(real)) for row in position),
        int(np.isfinite(correlation).all(axis=0).sum()),
    )


def by_ablation(whole: Subject) -> Attribution:
    """The credit of each step by letting it pass: score - score with all states frozen there."""
    credits = -skip_steps(whole)
    score = whole.run().detach().cpu().numpy()
    nothing = {name: np.zeros_like(score) for name in whole.layer.cell.states}
    return Attribution(
        "ablation", credits[:, :, None], nothing, score, np.full_like(score, np.nan),
        "the step had not come", whole.lengths.numpy(),
    )  # fmt: skip


def top_steps(credits: Attribution, count: int) -> list[list[int]]:
    """For each sequence the `count` steps with the largest credits, in the order of time."""
    return [sorted(np.argsort(-sizes, kind="stable")[:count].tolist()) for sizes in _sizes(credits)]


def rank_correlation(a: Array, b: Array) -> float:
    """Spearman's; ties share their mean rank. NaN for fewer than two values or no spread."""
    if len(a) < 2 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("nan")
    ranks = [_ranks(values) - (len(a) - 1) / 2 for values in (a, b)]
    spread = np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum())
    return float((ranks[0] * ranks[1]).sum() / spread) if spread > 0 else float("nan")


def _ranks(values: Array) -> Array:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts + 1) / 2)[inverse]


def _sizes(credits: Attribution) -> list[Array]:
    """|credit| of each step of each sequence."""
    return [np.abs(credits.of(b)).sum(axis=1) for b in range(len(credits.lengths))]


def _ranked(one: Sequence[Array], other: Sequence[Array]) -> list[float]:
    return [rank_correlation(a, b) for a, b in zip(one, other, strict=True)]


def _mean(values: Array) -> float:
    judged = values[np.isfinite(values)]
    return float(judged.mean()) if len(judged) else float("nan")
