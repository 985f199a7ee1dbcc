"""The native core as a backend: CPU, float32."""

import dataclasses

import torch
from torch import Tensor

from gatework.cells import State
from gatework.ops import core, differentiable, transforms
from gatework.ops.backend import Backend
from gatework.ops.call import ScanCall, ScanResult
from gatework.ops.kernel import kernel_of


def refuses(call: ScanCall) -> str | None:
    """Say what the core lacks for this call."""
    if core.UNAVAILABLE:
        return core.UNAVAILABLE
    if call.x.device.type != "cpu":
        return f"it runs on the CPU; the input is on {call.x.device}"
    dtype = call.params["weight_hh"].dtype
    if dtype != torch.float32:
        return f"it computes in float32; the weights are {dtype}"
    kernel = kernel_of(call.cell)
    if kernel is None or not core.GATES["weight_hr" in call.params][kernel.cell][kernel.options]:
        cell = " with ".join([call.cell.name, ", ".join(call.cell.options)]).removesuffix(" with ")
        return f"it has no kernel for {cell}"
    if call.trace and torch.compiler.is_compiling() and torch.is_grad_enabled():
        return "torch.compile cannot differentiate its trace"
    return transforms.refusal("its kernels")


def run(call: ScanCall) -> ScanResult:
    """Run the scan on the core."""
    output, (state,), trace = _run(call)
    return ScanResult(output, state, trace)


def run_both(ahead: ScanCall, back: ScanCall) -> tuple[Tensor, tuple[State, State]]:
    """Run two calls that differ in direction, params and state at once: one (T, B, 2 * P)."""
    output, (ahead_state, back_state), _ = _run(ahead, back)
    return output, (ahead_state, back_state)


def _run(*calls: ScanCall) -> tuple[Tensor, list[State], dict[str, Tensor] | None]:
    if not torch.is_autocast_enabled("cpu"):
        return differentiable.scan(*calls)
    output, states, trace = differentiable.scan(*map(_in_float32, calls))
    trace = None if trace is None else {name: _autocast(part) for name, part in trace.items()}
    return _autocast(output), [tuple(map(_autocast, state)) for state in states], trace


def _in_float32(call: ScanCall) -> ScanCall:
    """Bring to the weights' dtype what autocast made narrower."""
    state = tuple(part.float() for part in call.state)
    return dataclasses.replace(call, x=call.x.float(), state=state)


def _autocast(values: Tensor) -> Tensor:
    """Give a result the dtype that torch's own operators give theirs under autocast."""
    return values.to(torch.get_autocast_dtype("cpu"))


NATIVE = Backend("native", refuses, run)
