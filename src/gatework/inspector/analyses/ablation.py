"""Ablation: take units, pairs, stretches of time out of a layer and see what the answer loses.

The one analysis here that speaks of cause: everything else is held to it. A unit is held at zero,
at its mean, or frozen (keep = 1, write = 0), in the running layer (Lakretz et al. 2019,
arXiv:1903.07435; Dalvi et al. 2019). effect = score with the change - score without it.
"""

import itertools
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch

from gatework.errors import InputError
from gatework.inspector.analyses.interventions import Clamp, Edits
from gatework.inspector.analyses.subject import Subject
from gatework.inspector.trace import Array

READING = (
    "Each bar is the change of the score when that unit (or pair, or stretch of steps) is taken "
    "out and everything else runs on; if the score is a loss, a tall positive bar means the model "
    "needs it. Near zero does not prove that a unit is idle: another may hold the same thing, "
    "which the pairs show. An interaction of a pair below zero, for a loss above zero for each "
    "alone, means they carry the same thing twice; above zero, that each stands in for the other. "
    "Zero is far from where a unit usually is; compare with 'mean' and 'freeze' before believing a "
    "large effect."
)

How = Literal["zero", "mean", "freeze"]
Window = tuple[int, int]


class Ablation(NamedTuple):
    """What each change did to the score.

    Attributes:
        name: the state that was held.
        how: at zero, at its mean, or frozen.
        units: the units of each row.
        lags: the steps of each column, from and up to (exclusive) how far from the end; None: all.
        score: (S,) without a change: S is the number of sequences, or 1 for a score of all.
        effect: (U, W, S) the score with the change less the one without.
    """

    name: str
    how: How
    units: tuple[tuple[int, ...], ...]
    lags: tuple[Window | None, ...]
    score: Array
    effect: Array

    @property
    def mean(self) -> Array:
        """(U, W) the mean effect over the sequences."""
        return self.effect.mean(axis=2)


class Interactions(NamedTuple):
    """How two units act together.

    Attributes:
        units: (U,) the units.
        single: (U, S) the effect of each alone.
        pair: (U, U, S) that of both together; on the diagonal that of one.
        interaction: (U, U, S) pair - single - single: 0 where they do not meet; 0 on the diagonal.
    """

    units: tuple[int, ...]
    single: Array
    pair: Array
    interaction: Array


def ablate(
    whole: Subject,
    units: Sequence[int | Sequence[int]] | None = None,
    *,
    name: str | None = None,
    how: How = "zero",
    lags: Sequence[Window | None] = (None,),
    layer: int = 0,
    reverse: bool = False,
) -> Ablation:
    """Take out each unit, or group of units, at all steps or only so far from the end.

    Args:
        whole: the model, its inputs and the score.
        units: units, or groups of them; every unit by itself if None. `[range(H)]` is all at once.
        name: the state to hold, "h" or "c"; the cell's memory if None.
        how: "zero"; "mean", over all real steps; "freeze", at its initial value, or at what it was
            when the stretch began.
        lags: the stretches of time, (from, up to) steps before the end; None is all of it.
        layer: the layer of the stack.
        reverse: the direction.

    Returns:
        One effect for each unit, stretch and sequence.

    Raises:
        InputError: a unit, state or layer is not there.

    Example:
        >>> import torch, gatework
        >>> from gatework.inspector.analyses.subject import subject
        >>> whole = subject(gatework.LSTM(3, 8), torch.randn(10, 2, 3))
        >>> ablate(whole, [0, 5, (1, 2)], lags=[None, (0, 5), (5, 10)]).mean.shape
        (3, 3)
    """
    cell = whole.layer.cell
    state = cell.memory if name is None else name
    groups = _groups(whole, units, state)
    level = mean_state(whole, state, layer=layer, reverse=reverse) if how == "mean" else None
    with torch.no_grad():
        score = whole.run()
        effects = []
        for group, window in itertools.product(groups, lags):
            value = None if how == "freeze" else 0.0
            if level is not None:
                value = tuple(float(level[unit]) for unit in group)
            clamp = Clamp(state, group, value, lags=window)
            effects.append(whole.run(edits={(layer, reverse): (clamp,)}) - score)
    table = torch.stack(effects).unflatten(0, (len(groups), len(lags)))
    return Ablation(state, how, groups, tuple(lags), score.cpu().numpy(), table.cpu().numpy())


def pairs(
    whole: Subject,
    units: Sequence[int],
    *,
    name: str | None = None,
    how: How = "zero",
    layer: int = 0,
    reverse: bool = False,
) -> Interactions:
    """Take out every pair of `units`, and each of them alone.

    The arguments are those of `ablate`.

    Example:
        >>> import torch, gatework
        >>> from gatework.inspector.analyses.subject import subject
        >>> whole = subject(gatework.GRU(3, 8), torch.randn(10, 2, 3))
        >>> pairs(whole, [0, 1, 5]).interaction.shape
        (3, 3, 2)
    """
    chosen = tuple(units)
    both = list(itertools.combinations(range(len(chosen)), 2))
    groups: list[tuple[int, ...]] = [(unit,) for unit in chosen]
    groups += [(chosen[a], chosen[b]) for a, b in both]
    found = ablate(whole, groups, name=name, how=how, layer=layer, reverse=reverse).effect[:, 0]
    single = found[: len(chosen)]
    pair = np.zeros((len(chosen), *single.shape), dtype=found.dtype)
    pair[np.arange(len(chosen)), np.arange(len(chosen))] = single
    for (a, b), effect in zip(both, found[len(chosen) :], strict=True):
        pair[a, b] = pair[b, a] = effect
    interaction = pair - single[:, None] - single[None]
    interaction[np.arange(len(chosen)), np.arange(len(chosen))] = 0
    return Interactions(chosen, single, pair, interaction)


def clamp(whole: Subject, *clamps: Clamp, layer: int = 0, reverse: bool = False) -> Array:
    """The change of the score with these gates and states held, (S,).

    Example:
        >>> import torch, gatework
        >>> from gatework.inspector.analyses.interventions import Clamp
        >>> from gatework.inspector.analyses.subject import subject
        >>> whole = subject(gatework.LSTM(3, 8), torch.randn(10, 2, 3))
        >>> clamp(whole, Clamp("f", units=(3,), value=1.0), Clamp("o", value=0.5)).shape
        (2,)
    """
    edits: Edits = {(layer, reverse): clamps}
    with torch.no_grad():
        return (whole.run(edits=edits) - whole.run()).cpu().numpy()


def skip_steps(whole: Subject) -> Array:
    """The change of the score were one step to pass as if it had not come, (T, S).

    All states of all layers and directions are frozen at that step, counted from each sequence's
    first; a bidirectional stack's other outputs of that step are those of the step before it.
    """
    steps = len(whole.entry.x)
    state = whole.layer.cell.memory
    names = dict.fromkeys((state, "h"))
    with torch.no_grad():
        score = whole.run()
        effects = []
        for t in range(steps):
            held = tuple(Clamp(name, steps=(t, t + 1)) for name in names)
            edits = {(each.layer, each.reverse): held for each in whole.layer.passes}
            effects.append(whole.run(edits=edits) - score)
    return torch.stack(effects).cpu().numpy()


def mean_state(whole: Subject, name: str, *, layer: int = 0, reverse: bool = False) -> Array:
    """The mean of a state over all real steps of all sequences, (size,).

    Raises:
        InputError: there is no such state, or not one step.
    """
    values = whole.recording().find(layer, reverse=reverse).values
    if name not in whole.layer.cell.states:
        raise InputError(f"{whole.layer.cell.name} has no state {name!r} to average.")
    if len(values[name]) == 0:
        raise InputError("no sequence has a step, so there is no mean of a state.")
    return values[name].mean(axis=0)


def _groups(
    whole: Subject, units: Sequence[int | Sequence[int]] | None, state: str
) -> tuple[tuple[int, ...], ...]:
    if units is not None:
        return tuple((each,) if isinstance(each, int) else tuple(each) for each in units)
    cell = whole.layer.cell
    if state not in cell.states:
        raise InputError(f"{cell.name} has no state {state!r}; it has {', '.join(cell.states)}.")
    sizes = cell.state_sizes(whole.layer.params(whole.layer.passes[0]))
    return tuple((unit,) for unit in range(sizes[cell.states.index(state)]))
