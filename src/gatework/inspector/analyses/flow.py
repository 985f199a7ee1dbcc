"""Gradient flow: how much of the error reaches the state of k steps ago, and by which way.

norm of dL/dh and dL/dc of every step against its lag. The whole gradient goes through every gate
(Hochreiter 1991; Pascanu et al. 2013, arXiv:1211.5063); the cell path is the part that goes along
the memory alone, d_t = direct_t + keep_{t+1} d_{t+1}: for an LSTM the product of forget gates.
dL/dc_t is the full derivative, h_t = o tanh(c_t) included.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gatework.cells import AbstractCell
from gatework.errors import InputError
from gatework.inspector.analyses.interventions import Clamp, Nudge
from gatework.inspector.analyses.steps import Steps
from gatework.inspector.analyses.subject import Subject
from gatework.inspector.trace import Array, SequencePass

READING = (
    "Lag 0 is the last step that the layer read; to the right lie earlier ones; the scale is of "
    "powers of ten. A straight line downwards is a gradient that vanishes by the same factor each "
    "step, and where it is some six powers below its start, nothing that happened there can be "
    "learnt. An upward line explodes. For an LSTM compare the whole with the cell path: where the "
    "two lie together the error came along the memory; where the whole is below, the ways through "
    "the gates cancel it; far above, they carry it. A plain RNN has no cell path beyond lag 0."
)


class PassFlow(NamedTuple):
    """The gradient in one layer and direction; NaN beyond a sequence's first step.

    Attributes:
        name: `l0`, `l1_reverse`.
        hidden: (K, B) the norm of dL/dh of k steps before the last that was read.
        memory: (K, B) that of the memory: dL/dc, or dL/dh where h is the memory.
        cell_path: (K, B) the norm of the part of `memory` that came along the memory alone.
    """

    name: str
    hidden: Array
    memory: Array
    cell_path: Array

    def mean(self, name: str) -> Array:
        """(K,) the mean norm over the sequences that are long enough."""
        return np.nanmean(getattr(self, name), axis=1)


class GradientFlow(NamedTuple):
    """The gradient of one score in all layers and directions of a stack.

    Attributes:
        path: where the stack is in the model.
        cell: what it is made of.
        passes: its layers and directions.
    """

    path: str
    cell: str
    passes: tuple[PassFlow, ...]

    def find(self, layer: int = 0, *, reverse: bool = False) -> PassFlow:
        """The flow of a layer and direction."""
        name = f"l{layer}_reverse" if reverse else f"l{layer}"
        for each in self.passes:
            if each.name == name:
                return each
        raise InputError(f"there is no pass {name}; expected {[p.name for p in self.passes]}.")


def gradient_flow(whole: Subject) -> GradientFlow:
    """The gradient of the (summed) score in every state of the layer, against lag.

    Args:
        whole: the model, its inputs, and the loss as its score.

    Raises:
        InputError: no sequence has a step, or the layer has zoneout, whose path we cannot part.

    Example:
        >>> import torch, gatework
        >>> from gatework.inspector.analyses.subject import subject
        >>> whole = subject(gatework.LSTM(3, 8), torch.randn(10, 2, 3))
        >>> gradient_flow(whole).find().cell_path.shape
        (10, 2)
    """
    cell = whole.layer.cell
    if any(option.startswith("zoneout") for option in whole.layer.regularisers.options):
        raise InputError(
            "the gradient of a layer with zoneout goes round its cell; cannot part it."
        )
    recorded = whole.recording()
    longest = int(whole.lengths.max())
    if longest == 0:
        raise InputError("no sequence has a step for a gradient to flow through.")
    nudges = _nudges(whole)
    total = whole.run(edits=nudges).sum()
    found = _gradients(total, nudges)
    flows = []
    for each in recorded.passes:
        by_state = found[each.layer, each.reverse]
        norms = [
            _of_sequence(cell, each.sequence(b), by_state, b) for b in range(len(whole.lengths))
        ]
        columns = [
            np.stack([_padded(part[at], longest) for part in norms], axis=1) for at in range(3)
        ]
        flows.append(PassFlow(each.name, *columns))
    return GradientFlow(whole.path, repr(cell), tuple(flows))


def by_loss_step(whole: Subject, *, layer: int = 0, reverse: bool = False) -> Array:
    """Each loss by itself: the norm of dL_s/dh_t, (S, T), over all sequences (RNNbow: Cashman et
    al. 2017, arXiv:1907.12545, itemise the gradient so).

    Args:
        whole: the model, its inputs, and a score that gives S losses: those of the steps.
        layer: the layer of the stack.
        reverse: the direction.
    """
    nudges = _nudges(whole)
    losses = whole.run(edits=nudges)
    by = next(each.by for each in nudges[layer, reverse] if each.name == "h")
    rows = []
    for loss in losses:
        (gradient,) = torch.autograd.grad(
            loss, by, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        rows.append(gradient.flatten(1).double().norm(dim=1))
    return torch.stack(rows).cpu().numpy()


Nudges = dict[tuple[int, bool], tuple[Nudge, ...]]


def _nudges(whole: Subject) -> Nudges:
    """Zeros to be added to every h and c, whose gradients are wanted."""
    x, cell = whole.entry.x, whole.layer.cell
    nudges: Nudges = {}
    for each in whole.layer.passes:
        sizes = cell.state_sizes(whole.layer.params(each))
        named = zip(cell.states, sizes, strict=True)
        nudges[each.layer, each.reverse] = tuple(
            Nudge(name, x.new_zeros(*x.shape[:2], size).requires_grad_())
            for name, size in named
            if name in ("h", "c")
        )
    return nudges


def _gradients(total: Tensor, nudges: Nudges) -> dict[tuple[int, bool], dict[str, Tensor]]:
    leaves = [each.by for edits in nudges.values() for each in edits]
    if total.requires_grad:
        found = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
    else:
        found = tuple(map(torch.zeros_like, leaves))
    by_leaf = iter(found)
    return {key: {each.name: next(by_leaf) for each in edits} for key, edits in nudges.items()}


def _of_sequence(
    cell: AbstractCell, made: SequencePass, by_state: dict[str, Tensor], sequence: int
) -> tuple[Array, Array, Array]:
    """Norms of the hidden gradient, the memory's and the cell path's; lag 0 first."""
    length = len(made)
    if length == 0:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    steps = Steps.of(made)
    nudged = {
        name: steps.in_order(values[:length, sequence].detach().cpu())
        for name, values in by_state.items()
    }
    through = _pulled_back(steps, nudged)
    direct = {name: _without_next(nudged[name], through[name]) for name in nudged}
    memory, along = nudged[cell.memory], direct[cell.memory]
    if cell.memory != "h":
        memory = memory + _shown(steps, nudged["h"])
        along = along + _shown(steps, direct["h"])
    keep = steps.in_order(torch.from_numpy(np.ascontiguousarray(made.roles.keep)))
    path = [along[-1].double()]  # float64: the squares of small gradients are smaller still
    for t in reversed(range(length - 1)):
        path.append(along[t] + keep[t + 1] * path[-1])
    hidden, whole = (part.double().norm(dim=1).flip(0).numpy() for part in (nudged["h"], memory))
    return hidden, whole, torch.stack(path).norm(dim=1).numpy()


def _without_next(whole: Tensor, through: Tensor) -> Tensor:
    """What of a state's gradient did not come through the next step; rounding is none."""
    next_step = torch.cat([through[1:], torch.zeros_like(through[:1])])
    rest = whole - next_step
    rounding = 1e3 * torch.finfo(rest.dtype).eps * (whole.abs() + next_step.abs())
    return rest.where(rest.abs() > rounding, 0.0)


def _pulled_back(steps: Steps, by_state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The gradient of the old state, through each step, of that of the new one."""
    leaves = tuple(part.detach().requires_grad_() for part in steps.old)
    named = dict(zip(steps.cell.states, steps.update(leaves), strict=True))
    total = torch.stack([(named[name] * by).sum() for name, by in by_state.items()]).sum()
    found = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
    return dict(zip(steps.cell.states, found, strict=True))


def _shown(steps: Steps, by_h: Tensor) -> Tensor:
    """The gradient of the memory, through the same step's h, of that of h.

    With all kept and nothing written, a step shows of a memory what it would show of it.
    """
    still = Clamp(steps.cell.memory).params(steps.cell, steps.params)
    at = steps.cell.states.index(steps.cell.memory)
    memory = steps.new[at].detach().requires_grad_()
    h = steps.update((*steps.old[:at], memory, *steps.old[at + 1 :]), still)[0]
    return torch.autograd.grad((h * by_h).sum(), memory)[0]


def _padded(values: Array, length: int) -> Array:
    return np.concatenate([values, np.full(length - len(values), np.nan)])
