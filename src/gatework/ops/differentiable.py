"""Autograd over the native scan: a fast first derivative, and a second one by the reference."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gatework.cells import AbstractCell, State
from gatework.ops.call import ScanCall
from gatework.ops.kernel import Kernel, kernel_of
from gatework.ops.noise import Regularisation, recurrent_scale
from gatework.ops.operator import (
    NOTHING,
    STRETCHES,
    TAPE,
    Reads,
    columns,
    scan_backward,
    scan_forward,
)
from gatework.ops.problem import Problem, shares
from gatework.ops.reference import REFERENCE


class _Plan(NamedTuple):
    """What is no tensor in one or two scans that share their cell, x and lengths."""

    cell: AbstractCell
    kernel: Kernel
    noises: tuple[Regularisation | None, ...]
    scales: int  # how many there are
    states: int  # initial ones of all directions
    numbers: tuple[int, ...]  # those of the operators, as the next three
    limits: tuple[float, ...]
    seeds: tuple[int, ...]
    reverse: bool
    keep: int
    trace: bool

    def reads(self, x: Tensor, lengths: Tensor | None, tensors: Sequence[Tensor]) -> Reads:
        """What the operators begin with; `tensors` are scales, states and params."""
        at = self.scales + self.states
        return Reads(
            x, tensors[self.scales : at], tensors[at:], lengths, tensors[: self.scales],
            self.numbers, self.limits, self.seeds, self.reverse,
        )  # fmt: skip


class _Scan(torch.autograd.Function):
    # One function with ctx, not forward and setup_context apart: torch then binds the arguments by
    # inspect.signature at every call, which takes longer than a small layer does.
    @staticmethod
    def forward(
        ctx: Any, plan: _Plan, x: Tensor, lengths: Tensor | None, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        results = scan_forward(plan.reads(x, lengths, tensors), plan.keep, trace=plan.trace)
        kept = results[-1]
        ctx.mark_non_differentiable(kept)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, lengths, results[0], kept, *tensors)
        ctx.plan = plan
        return tuple(results)

    @staticmethod
    def backward(
        ctx: Any, dy: Tensor | None, *cotangents: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        plan: _Plan = ctx.plan
        x, lengths, y, kept, *tensors = ctx.saved_tensors
        _, want_x, _, *needs = ctx.needs_input_grad
        reads = plan.reads(x, lengths, tensors)
        finals = len(plan.cell.states)
        reaches_trace = plan.trace and any(each is not None for each in cotangents[finals:])
        if torch.is_grad_enabled() or reaches_trace:
            # The gradients must be differentiable too, or the core has none of a trace.
            dx, *others = _reference_gradients(plan, reads, (dy, *cotangents[:-1]))
        else:
            want_params = True in needs[plan.scales + plan.states :]
            made = scan_backward(
                reads, plan.keep, y, kept, dy, cotangents[:finals], want_x, want_params
            )
            dx, *others = made if want_x else (None, *made)
            if not want_params:
                others += [None] * len(reads.params)
        return None, dx, None, *[None] * plan.scales, *others


def _reference_gradients(
    plan: _Plan, reads: Reads, cotangents: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """The gradients again, by torch's own autograd over the reference."""
    is_differentiable = torch.is_grad_enabled()
    inputs = (reads.x, *reads.state, *reads.params)
    with torch.enable_grad(), torch.autocast(reads.x.device.type, enabled=False):
        reached = [
            (value, cotangent)
            for value, cotangent in zip(_reference_outputs(plan, reads), cotangents, strict=True)
            if cotangent is not None
        ]
        wanted = [each for each in inputs if each.requires_grad]
        values, arriving = zip(*reached, strict=True)
        found = torch.autograd.grad(
            values, wanted, arriving, create_graph=is_differentiable, allow_unused=True
        )
    gradients = iter(found)
    return [next(gradients) if each.requires_grad else None for each in inputs]


def _reference_outputs(plan: _Plan, reads: Reads) -> list[Tensor]:
    """As the forward operator gives them, less what it keeps."""
    count = len(plan.seeds)
    states, params = shares(reads.state, count), shares(reads.params, count)
    results = [
        REFERENCE.run(
            ScanCall(
                plan.cell,
                dict(zip(plan.kernel.names, params[index], strict=True)),
                reads.x,
                tuple(states[index]) or None,
                reads.lengths,
                plan.reverse if count == 1 else index == 1,
                plan.trace,
                plan.noises[index],
                "tape",
            )
        )
        for index in range(count)
    ]
    names = _traced(plan.cell)
    return [
        torch.cat([result.output for result in results], dim=-1),
        *map(torch.stack, zip(*[result.state for result in results], strict=True)),
        *(torch.stack([each.trace[name] for name in names]) for each in results if each.trace),
    ]


def _traced(cell: AbstractCell) -> tuple[str, ...]:
    """What a trace of the operator holds, in its order; h is y."""
    return (*cell.gates, *cell.states[1:])


def problem(call: ScanCall) -> Problem:
    """What the core reads of a call, which is not in training."""
    state = call.state or ()
    kernel = kernel_of(call.cell, call.params)
    assert kernel is not None, "refused"
    plan = _plan((call,), kernel, 0, len(state), NOTHING, bfloat16=False)
    params = [call.params[name] for name in kernel.names]
    return plan.reads(call.x, call.lengths, (*state, *params)).problems()[0]


def scan(*calls: ScanCall, bfloat16: bool = False) -> tuple[Tensor, State, list[dict[str, Tensor]]]:
    """Run one call, or two that differ in direction, params and state: forward, then reversed.

    Args:
        calls: what to run.
        bfloat16: products may be made of operands that are rounded to it.

    Returns:
        The output, (T, B, D * P) for D directions; the final state, (D, B, size) each; the trace of
        each direction, or none.
    """
    call = calls[0]
    kernel = kernel_of(call.cell, call.params)
    assert kernel is not None, "refused"
    scales = [each for one in calls if one.regularisation is not None for each in _scale(one)]
    state = [part for one in calls if one.state is not None for part in one.state]
    params = [one.params[name] for one in calls for name in kernel.names]
    tensors = (*scales, *state, *params)
    keep = NOTHING
    if torch.is_grad_enabled() and any([each.requires_grad for each in (call.x, *tensors)]):
        keep = STRETCHES if call.memory == "recompute" and not call.trace else TAPE
    plan = _plan(calls, kernel, len(scales), len(state), keep, bfloat16=bfloat16)
    if keep == NOTHING:
        results = scan_forward(plan.reads(call.x, call.lengths, tensors), keep, trace=call.trace)
    else:
        *results, _ = _Scan.apply(plan, call.x, call.lengths, *tensors)
    output, *rest = results
    finals = len(call.cell.states)
    traces = []
    if call.trace:
        names = _traced(call.cell)
        traces = [
            dict(zip(names, trace, strict=True)) | {"h": h}
            for trace, h in zip(rest[finals:], columns(output, len(calls)), strict=True)
        ]
    return output, tuple(rest[:finals]), traces


def _plan(
    calls: Sequence[ScanCall],
    kernel: Kernel,
    scales: int,
    states: int,
    keep: int,
    *,
    bfloat16: bool,
) -> _Plan:
    call = calls[0]
    noise = call.regularisation
    limits, is_training = (0.0, 0.0, kernel.clip), False
    noises, seeds = (None,) * len(calls), (0,) * len(calls)
    if noise is not None:
        noises = tuple([one.regularisation for one in calls])
        seeds = tuple([0 if each is None else each.seed for each in noises])
        limits = (*(*noise.zoneout, 0.0)[:2], kernel.clip)
        is_training = noise.training
    numbers = (kernel.cell, kernel.options, kernel.present, int(is_training), int(bfloat16))
    return _Plan(
        call.cell, kernel, noises, scales, states, numbers, limits, seeds, call.reverse, keep,
        call.trace,
    )  # fmt: skip


def _scale(call: ScanCall) -> tuple[Tensor, ...]:
    """What recurrent dropout multiplies h by, if it does."""
    batch, weight = call.x.shape[1], call.params["weight_hh"]
    scale = recurrent_scale(call.regularisation, batch, weight.shape[1], weight)
    return () if scale is None else (scale,)
