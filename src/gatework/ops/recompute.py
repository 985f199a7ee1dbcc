"""A scan that keeps no tape: the backward pass runs it again, one stretch of steps at a time.

A stretch has about sqrt(T) steps. What stays in memory is x, y and their gradients, c at the start
of every stretch, and the tape of one (Chen et al. 2016, arXiv:1604.06174).
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gatework.errors import InputError
from gatework.ops import core
from gatework.ops.core import Gradients
from gatework.ops.problem import Problem

_SHORTEST = 16  # steps: in shorter stretches the fixed cost of a pass would show


class Stretch(NamedTuple):
    """Steps from `first` up to, but without, `last`."""

    first: int
    last: int

    def of(self, values: Tensor) -> Tensor:
        """These steps of (T, ...)."""
        return values[self.first : self.last]


def forward(problems: Sequence[Problem], outputs: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
    """As `core.forward`; but what it keeps is c at the start of every stretch but the first."""
    kept: list[Tensor] = []
    finals: list[Tensor] = []
    for stretches in _in_order(problems):
        if finals:
            problems = _from_state(problems, finals)
            kept += [part for problem in problems for part in problem.state[1:]]
        targets = [stretch.of(y) for y, stretch in zip(outputs, stretches, strict=True)]
        finals, _ = core.forward(
            _cut(problems, stretches), targets, keep_tape=False, keep_packed=True
        )
    return finals, torch.stack(kept).flatten() if kept else torch.empty(0)


def backward(
    problems: Sequence[Problem],
    outputs: Sequence[Tensor],
    kept: Tensor,
    d_outputs: Sequence[Tensor | None],
    d_finals: Sequence[Tensor | None],
    dx: Tensor | None,
    *,
    want_params: bool,
) -> list[Gradients]:
    """As `core.backward`; but the gradients of x are added into `dx`, which holds zeros."""
    in_order = list(_in_order(problems))
    _, *memory_sizes = core.bind(problems[0]).state_sizes  # that of c, if there is one
    memories = len(problems) * len(memory_sizes)
    memory_shape = (memories * (len(in_order) - 1), problems[0].x.shape[1], *memory_sizes)
    if kept.numel() != math.prod(memory_shape):
        raise InputError(
            f"what the forward pass kept has {kept.numel()} numbers; expected {memory_shape}."
        )
    kept = kept.view(memory_shape)
    totals: list[Gradients] = []
    for index in reversed(range(len(in_order))):
        stretches = in_order[index]
        if index:
            c = iter(kept[(index - 1) * memories : index * memories])
            entered = [
                each._replace(state=(_h_before(each, y, stretch), *([next(c)] if memories else [])))
                for each, y, stretch in zip(problems, outputs, stretches, strict=True)
            ]
        else:
            entered = problems
        parts = _cut(entered, stretches)
        again = [
            torch.empty_like(stretch.of(y)) for y, stretch in zip(outputs, stretches, strict=True)
        ]
        _, tape = core.forward(parts, again, keep_tape=True, keep_packed=True)
        d_parts = [None if dx is None else torch.empty_like(part.x) for part in parts]
        arriving = [
            None if dy is None else stretch.of(dy)
            for dy, stretch in zip(d_outputs, stretches, strict=True)
        ]
        results = core.backward(
            parts, again, tape, arriving, d_finals, d_parts, want_params=want_params
        )
        del tape, again
        for d_part, stretch in zip(d_parts, stretches, strict=True):
            if dx is not None and d_part is not None:
                stretch.of(dx).add_(d_part)
        d_finals = [each for result in results for each in result.state]
        totals = [_sum(*pair) for pair in zip(totals, results, strict=True)] if totals else results
    return totals


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


def _from_state(problems: Sequence[Problem], state: Sequence[Tensor]) -> list[Problem]:
    size = len(state) // len(problems)
    return [
        each._replace(state=state[index * size : (index + 1) * size])
        for index, each in enumerate(problems)
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


def _sum(total: Gradients, more: Gradients) -> Gradients:
    """The state's gradient is that of the earlier stretch; the parameters' add up."""
    if total.params is not None and more.params is not None:
        for into, value in zip(total.params, more.params, strict=True):
            into.add_(value)
    return Gradients(more.state, total.params)
