"""A scan that keeps no tape: the backward pass runs it again, one stretch of steps at a time.

A stretch has about sqrt(T) steps. What stays in memory is x, y and their gradients, c at the start
of every stretch, and the tape of one (Chen et al. 2016, arXiv:1604.06174).
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gatework.errors import InputError
from gatework.ops import core
from gatework.ops.kernel import state_sizes
from gatework.ops.problem import Problem, shares

_SHORTEST = 16  # steps: in shorter stretches the fixed cost of a pass would show


class Stretch(NamedTuple):
    """Steps from `first` up to, but without, `last`."""

    first: int
    last: int

    def of(self, values: Tensor) -> Tensor:
        """These steps of (T, ...)."""
        return values[self.first : self.last]


def forward(problems: Sequence[Problem]) -> list[Tensor]:
    """As `core.forward`; but what it keeps is c at the start of every stretch but the first."""
    first = problems[0]
    steps, batch, _ = first.x.shape
    width, *_ = state_sizes(first.kernel, first.params)
    y = first.x.new_empty(steps, batch, len(problems) * width)
    outputs = y.split(width, dim=-1)
    kept: list[Tensor] = []
    finals: list[Tensor] = []
    for stretches in _in_order(problems):
        if finals:
            problems = _from_state(problems, finals)
            kept += finals[1:]
        targets = [stretch.of(each) for each, stretch in zip(outputs, stretches, strict=True)]
        finals = core.forward(_cut(problems, stretches), targets, keep_tape=False, keep_packed=True)
    return [y, *finals, torch.stack(kept).flatten() if kept else y.new_empty(0)]


def backward(
    problems: Sequence[Problem],
    outputs: Sequence[Tensor],
    kept: Tensor,
    d_outputs: Sequence[Tensor | None],
    d_finals: Sequence[Tensor | None],
    *,
    want_x: bool,
    want_params: bool,
) -> list[Tensor]:
    """As `core.backward`, on what this module's `forward` kept."""
    in_order = list(_in_order(problems))
    count, first = len(problems), problems[0]
    _, *memory_sizes = state_sizes(first.kernel, first.params)  # that of c, if there is one
    memory_shape = (len(in_order) - 1, len(memory_sizes), count, first.x.shape[1], *memory_sizes)
    if kept.numel() != math.prod(memory_shape):
        raise InputError(
            f"what the forward pass kept has {kept.numel()} numbers; expected {memory_shape}."
        )
    kept = kept.view(memory_shape)
    dx = [torch.empty_like(first.x) for _ in problems if want_x]
    d_params: list[Tensor] = []
    d_state: list[Tensor] = []
    for index in reversed(range(len(in_order))):
        stretches = in_order[index]
        entered = problems
        if index:
            h = [_h_before(*each) for each in zip(problems, outputs, stretches, strict=True)]
            entered = _from_state(problems, [h, *kept[index - 1]])
        parts = _cut(entered, stretches)
        again = [
            torch.empty_like(stretch.of(y)) for y, stretch in zip(outputs, stretches, strict=True)
        ]
        tape = core.forward(parts, again, keep_tape=True, keep_packed=True)[-1]
        arriving = [
            None if dy is None else stretch.of(dy)
            for dy, stretch in zip(d_outputs, stretches, strict=True)
        ]
        made = core.backward(
            parts, again, tape, arriving, d_finals, want_x=want_x, want_params=want_params
        )
        del tape, again
        for whole, stretch in zip(dx, stretches, strict=False):
            stretch.of(whole).copy_(made.pop(0))
        states = count * len(parts[0].state)
        d_state, weights = made[:states], made[states:]
        d_finals = [torch.stack(each) for each in zip(*shares(d_state, count), strict=True)]
        for total, more in zip(d_params, weights, strict=False):
            total.add_(more)
        d_params = d_params or weights
    return [*dx, *d_state, *d_params]


def _in_order(problems: Sequence[Problem]) -> Iterator[tuple[Stretch, ...]]:
    """The stretches that the problems run side by side, in the order in which they run."""
    steps = problems[0].x.shape[0]
    size = max(_SHORTEST, math.isqrt(steps))
    stretches = [Stretch(first, min(first + size, steps)) for first in range(0, steps, size)]
    backwards = stretches[::-1]
    return zip(*(backwards if each.reverse else stretches for each in problems), strict=True)


def _cut(problems: Sequence[Problem], stretches: Sequence[Stretch]) -> list[Problem]:
    """The problems on these steps alone."""
    return [
        problem._replace(
            x=stretch.of(problem.x),
            first_step=stretch.first,
            lengths=None
            if problem.lengths is None
            else (problem.lengths - stretch.first).clamp(0, stretch.last - stretch.first),
        )
        for problem, stretch in zip(problems, stretches, strict=True)
    ]


def _from_state(problems: Sequence[Problem], state: Sequence[Iterable[Tensor]]) -> list[Problem]:
    """The problems from what `state` holds for each: h of all, then c of all."""
    return [
        problem._replace(state=own)
        for problem, own in zip(problems, zip(*state, strict=True), strict=True)
    ]


def _h_before(problem: Problem, y: Tensor, stretch: Stretch) -> Tensor:
    """h as the first step that a sequence takes in `stretch` finds it."""
    if not problem.reverse:
        return y[stretch.first - 1].contiguous()
    h = y[stretch.last]
    if problem.lengths is None:
        return h.contiguous()
    is_under_way = problem.lengths > stretch.last
    return torch.where(is_under_way.unsqueeze(1), h, problem.state[0] if problem.state else 0.0)
