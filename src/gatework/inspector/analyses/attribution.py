"""Attribution: what each input of each step, and the initial state, did to the score.

Gradient x input; integrated gradients along the straight line from a baseline (Sundararajan et al.
2017, arXiv:1703.01365), over x, h_0 and c_0 at once, so that the parts add up to the difference of
the scores; occlusion, which puts the baseline in the place of one input and runs again.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gatework.cells import State
from gatework.errors import InputError
from gatework.inspector.analyses.subject import Subject
from gatework.inspector.trace import Array

READING = (
    "A number is how much of the score this input of this step is given credit for, against the "
    "baseline named beside it; the rows h_0 and c_0 are the initial state's share. The "
    "completeness error is what is left of 'score - score of the baseline' when all credits are "
    "summed: read a map only where it is small. Gradients fade with the distance to the end, so a "
    "map that grows steadily towards the last step may show the fading and not the task; look at "
    "the agreement with occlusion, and at the alarm, before trusting one. No method alone is an "
    "explanation."
)


class Attribution(NamedTuple):
    """Credits of each sequence's inputs; zero past its length.

    Attributes:
        method: which.
        x: (T, B, I) the credits of the inputs that the layer read; I is 1 if only whole steps were
            asked about.
        state: by name, (B,) that of the initial state, of all layers together.
        score: (B,) the score.
        baseline_score: (B,) the score of the baseline; NaN for a method without one.
        baseline: what the baseline is, in words.
        lengths: (B,) the steps of each sequence.
    """

    method: str
    x: Array
    state: dict[str, Array]
    score: Array
    baseline_score: Array
    baseline: str
    lengths: Array

    @property
    def steps(self) -> Array:
        """(T, B) the credit of each step."""
        return self.x.sum(axis=2)

    @property
    def completeness_error(self) -> Array:
        """(B,) score - baseline_score - the sum of all credits."""
        total = self.steps.sum(axis=0) + sum(self.state.values())
        return self.score - self.baseline_score - total

    def of(self, sequence: int) -> Array:
        """The credits of one sequence, (T, I), its own steps only."""
        return self.x[: int(self.lengths[sequence]), sequence]


class Interactions(NamedTuple):
    """What two steps do together.

    Attributes:
        steps: (S,) the steps.
        single: (S, B) the credit of each alone, by occlusion.
        interaction: (S, S, B) credit of both together, less those of each; 0 on the diagonal.
    """

    steps: tuple[int, ...]
    single: Array
    interaction: Array


def gradient_times_input(whole: Subject) -> Attribution:
    """x . dscore/dx, and likewise the initial states; the baseline is zero.

    Raises:
        InputError: score is one number for several sequences.

    Example:
        >>> import torch, gatework
        >>> from gatework.inspector.analyses.subject import subject
        >>> whole = subject(gatework.LSTM(3, 8), torch.randn(10, 2, 3))
        >>> gradient_times_input(whole).of(0).shape
        (10, 3)
    """
    whole.require_scores_by_sequence()
    zero = _zeros(whole)
    gradients = _gradients(whole, whole.entry.x, whole.entry.state)
    return _credited("gradient x input", whole, zero, "zero", gradients)


def integrated_gradients(
    whole: Subject, *, baseline: Tensor | None = None, points: int = 32
) -> Attribution:
    """(x - x') times the mean gradient on the way from x' to x, for x, h_0 and c_0 at once.

    Args:
        whole: the model, its inputs and the score.
        baseline: x', (I,) or (T, B, I): the input that says nothing; zero if None. That of the
            initial states is zero.
        points: Gauss-Legendre points of the integral; more make the completeness error smaller.
            Layer normalisation all but jumps where its input passes zero: there no number helps,
            and the error says so.

    Raises:
        InputError: the baseline does not fit, or score is one number for several sequences.

    Example:
        >>> import torch, gatework
        >>> from gatework.inspector.analyses.subject import subject
        >>> whole = subject(gatework.GRU(3, 8), torch.randn(10, 2, 3))
        >>> bool(abs(integrated_gradients(whole).completeness_error).max() < 1e-5)
        True
    """
    whole.require_scores_by_sequence()
    start, words = _baseline(whole, baseline)
    places, weights = np.polynomial.legendre.leggauss(points)
    total: list[Tensor] | None = None
    for place, weight in zip((places + 1) / 2, weights / 2, strict=True):
        at = [
            lowest + float(place) * (highest - lowest)
            for lowest, highest in zip(start, _parts(whole), strict=True)
        ]
        found = [float(weight) * part for part in _gradients(whole, at[0], tuple(at[1:]))]
        total = found if total is None else [a + b for a, b in zip(total, found, strict=True)]
    assert total is not None
    return _credited("integrated gradients", whole, start, words, total)


def occlusion(
    whole: Subject, *, baseline: Tensor | None = None, by_feature: bool = False
) -> Attribution:
    """score - score with the baseline in the place of one step, or of one feature of one step.

    Nothing makes these add up: the completeness error says how much steps share.

    Args:
        whole: the model, its inputs and the score.
        baseline: as in `integrated_gradients`.
        by_feature: occlude each feature of each step by itself: I times as many runs.

    Raises:
        InputError: as `integrated_gradients` does.

    Example:
        >>> import torch, gatework
        >>> from gatework.inspector.analyses.subject import subject
        >>> whole = subject(gatework.GRU(3, 8), torch.randn(10, 2, 3))
        >>> occlusion(whole).x.shape, occlusion(whole, by_feature=True).x.shape
        ((10, 2, 1), (10, 2, 3))
    """
    whole.require_scores_by_sequence()
    start, words = _baseline(whole, baseline)
    x, state = whole.entry.x, whole.entry.state
    features = [[i] for i in range(x.shape[2])] if by_feature else [list(range(x.shape[2]))]
    credits = np.zeros((*x.shape[:2], len(features)), dtype=_array(x).dtype)
    with torch.no_grad():
        score = whole.run()
        for t in range(len(x)):
            for at, group in enumerate(features):
                changed = x.clone()
                changed[t][:, group] = start[0][t][:, group]
                credits[t, :, at] = _array(score - whole.run(x=changed))
        initial = {
            name: _array(score - whole.run(state=(*state[:at], start[1 + at], *state[at + 1 :])))
            for at, name in enumerate(whole.layer.cell.states)
        }
        lowest = whole.run(x=start[0], state=tuple(start[1:]))
    credits[np.arange(len(x))[:, None] >= whole.lengths.numpy()] = 0
    return Attribution(
        "occlusion", credits, initial, _array(score), _array(lowest), words, whole.lengths.numpy()
    )


def occlusion_pairs(
    whole: Subject, steps: list[int], *, baseline: Tensor | None = None
) -> Interactions:
    """Occlude every pair of `steps`: how far their credits are from adding up.

    The other arguments are those of `occlusion`.
    """
    whole.require_scores_by_sequence()
    start, _ = _baseline(whole, baseline)

    def without(*gone: int) -> Array:
        changed = whole.entry.x.clone()
        for t in gone:
            changed[t] = start[0][t]
        return _array(score - whole.run(x=changed))

    with torch.no_grad():
        score = whole.run()
        single = np.stack([without(t) for t in steps])
        interaction = np.zeros((len(steps), *single.shape), dtype=single.dtype)
        for a in range(len(steps)):
            for b in range(a):
                both = without(steps[a], steps[b]) - single[a] - single[b]
                interaction[a, b] = interaction[b, a] = both
    return Interactions(tuple(steps), single, interaction)


def _parts(whole: Subject) -> list[Tensor]:
    return [whole.entry.x, *whole.entry.state]


def _zeros(whole: Subject) -> list[Tensor]:
    return [torch.zeros_like(part) for part in _parts(whole)]


def _baseline(whole: Subject, baseline: Tensor | None) -> tuple[list[Tensor], str]:
    start = _zeros(whole)
    if baseline is None:
        return start, "zero"
    shape = whole.entry.x.shape
    if baseline.shape not in (shape, shape[2:]):
        raise InputError(
            f"baseline has shape {tuple(baseline.shape)}; expected (I,) = {tuple(shape[2:])} "
            f"or (T, B, I) = {tuple(shape)}."
        )
    given = baseline.to(start[0]).expand(shape).contiguous()
    return [given, *start[1:]], "the x that was given, initial states of zero"


def _gradients(whole: Subject, x: Tensor, state: State) -> list[Tensor]:
    """Of the sum of the scores: each sequence's own, as sequences do not see each other."""
    leaves = [part.detach().requires_grad_() for part in (x, *state)]
    total = whole.run(x=leaves[0], state=tuple(leaves[1:])).sum()
    if not total.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    return [
        torch.zeros_like(leaf) if part is None else part
        for leaf, part in zip(leaves, found, strict=True)
    ]


def _credited(
    method: str, whole: Subject, start: list[Tensor], words: str, gradients: list[Tensor]
) -> Attribution:
    with torch.no_grad():
        score, lowest = whole.run(), whole.run(x=start[0], state=tuple(start[1:]))
        credits = [
            (highest - low) * gradient
            for highest, low, gradient in zip(_parts(whole), start, gradients, strict=True)
        ]
        past = torch.arange(len(credits[0])).unsqueeze(1) >= whole.lengths
        x = credits[0].masked_fill(past.to(credits[0].device).unsqueeze(2), 0)
    states = zip(whole.layer.cell.states, credits[1:], strict=True)
    return Attribution(
        method,
        _array(x),
        {name: _array(part.sum(dim=(0, 2))) for name, part in states},
        _array(score),
        _array(lowest),
        words,
        whole.lengths.numpy(),
    )


def _array(values: Tensor) -> Array:
    return values.detach().cpu().numpy()
