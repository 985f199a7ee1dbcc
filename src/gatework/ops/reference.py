"""The executable specification: any cell, dtype and device, in eager torch; double backward too.

It knows no equation. It packs the real steps of a ragged batch, longest sequence first, so that
the sequences still running at a step are a prefix, and takes one step at a time on that prefix.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from gatework.cells import State
from gatework.ops.backend import Backend
from gatework.ops.call import ScanCall, ScanResult
from gatework.ops.noise import recurrent_scale, zone_out, zoneout_masks


class Packing(NamedTuple):
    """Where each real step of a ragged (T, B) batch lies.

    Attributes:
        order: (B,) the sequences, longest first.
        counts: how many run at step 0, 1, ... of the scan. It stops where none does, but holds
            at least step 0, so that even a batch of empty sequences has a step to look at.
        rows: (N,) the place t * B + b of each real step, in the order in which they run.
    """

    order: Tensor
    counts: list[int]
    rows: Tensor


def pack(lengths: Tensor, *, reverse: bool, device: torch.device) -> Packing:
    """Lay out the steps of sequences with these `lengths`, (B,) on the CPU."""
    order = torch.argsort(lengths, descending=True, stable=True)
    left = lengths[order]
    step = torch.arange(max(int(left[0]), 1)).unsqueeze(1)
    running = step < left
    time = left - 1 - step if reverse else step
    rows = (time * len(lengths) + order)[running]
    return Packing(order.to(device), running.sum(1).tolist(), rows.to(device))


def pack_dense(steps: int, batch: int, *, reverse: bool, device: torch.device) -> Packing:
    """Lay out sequences that all have `steps` steps; they stay in the order of the batch."""
    rows = torch.arange(steps * batch, device=device).view(steps, batch)
    in_order = rows.flip(0) if reverse else rows
    return Packing(torch.arange(batch, device=device), [batch] * steps, in_order.flatten())


def run(call: ScanCall) -> ScanResult:
    """Run the scan."""
    return _run_dense(call) if call.lengths is None else _run_ragged(call, call.lengths)


def _run_dense(call: ScanCall) -> ScanResult:
    time, batch = call.x.shape[:2]
    packing = pack_dense(time, batch, reverse=call.reverse, device=call.x.device)
    x_gates = _input_gates(call, call.x).unbind()
    steps, state = _steps(
        call, packing, x_gates[::-1] if call.reverse else x_gates, call.initial_state()
    )
    names = steps[0] if call.trace else ("h",)
    in_time = steps[::-1] if call.reverse else steps
    stacked = {name: torch.stack([step[name] for step in in_time]) for name in names}
    return ScanResult(stacked["h"], state, stacked if call.trace else None)


def _run_ragged(call: ScanCall, lengths: Tensor) -> ScanResult:
    time, batch = call.x.shape[:2]
    packing = pack(lengths, reverse=call.reverse, device=call.x.device)
    x = call.x.flatten(0, 1).index_select(0, packing.rows)
    state = tuple(part.index_select(0, packing.order) for part in call.initial_state())

    x_gates = _input_gates(call, x).split(packing.counts)
    steps, state = _steps(call, packing, x_gates, state)

    def spread(name: str) -> Tensor:
        values = torch.cat([step[name] for step in steps])
        padded = values.new_zeros(time * batch, values.shape[-1])
        return padded.index_copy(0, packing.rows, values).unflatten(0, (time, batch))

    spread_out = {name: spread(name) for name in (steps[0] if call.trace else ("h",))}
    restored = torch.argsort(packing.order)
    state = tuple(part.index_select(0, restored) for part in state)
    return ScanResult(spread_out["h"], state, spread_out if call.trace else None)


def _input_gates(call: ScanCall, x: Tensor) -> Tensor:
    return functional.linear(x, call.params["weight_ih"], call.params.get("bias_ih"))


def _steps(
    call: ScanCall, packing: Packing, x_gates: tuple[Tensor, ...], state: State
) -> tuple[list[dict[str, Tensor]], State]:
    """Take every step; where the rows of `x_gates` become fewer, the last sequences have ended."""
    weight, bias = call.params["weight_hh"], call.params.get("bias_hh")
    scale, masks = _noise(call, packing, state)
    taken: list[dict[str, Tensor]] = []
    ended: list[State] = []
    for x_step, step_masks in zip(x_gates, masks, strict=True):
        running = len(x_step)
        if running < len(state[0]):
            ended.append(tuple(part[running:] for part in state))
            state = tuple(part[:running] for part in state)
        h_read = state[0] if scale is None else state[0] * scale[:running]
        h_gates = functional.linear(h_read, weight, bias)
        new, activations = call.cell.update(call.params, x_step, h_gates, state, h_read)
        state = tuple(map(zone_out, state, new, step_masks))
        taken.append(activations | dict(zip(call.cell.states, state, strict=True)))
    if ended:
        parts = zip(state, *reversed(ended), strict=True)
        state = tuple(torch.cat(part) for part in parts)
    return taken, state


def _noise(
    call: ScanCall, packing: Packing, state: State
) -> tuple[Tensor | None, list[tuple[Tensor | float, ...]]]:
    """The scale of the h that is read, and the zoneout mask of each state at each step."""
    h, steps = state[0], len(packing.counts)
    if call.regularisation is None:
        return None, [(0.0,) * len(state)] * steps
    scale = recurrent_scale(call.regularisation, *h.shape, like=h)
    if scale is not None:
        scale = scale.index_select(0, packing.order)
    widths = tuple(part.shape[1] for part in state)
    masks = zoneout_masks(call.regularisation, packing.rows, widths)
    by_state = [
        mask.split(packing.counts) if isinstance(mask, Tensor) else [mask] * steps for mask in masks
    ]
    return scale, list(zip(*by_state, strict=True))


REFERENCE = Backend("reference", lambda _call: None, run)
