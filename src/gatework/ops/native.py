"""The native core as a backend: CPU, float32."""

import torch
from torch import Tensor

from gatework.ops import core, differentiable, elementwise, transforms
from gatework.ops.backend import Backend
from gatework.ops.call import DirectionsResult, ScanCall, ScanResult
from gatework.ops.kernel import kernel_of


def refuses(call: ScanCall) -> str | None:
    """Say what the core lacks for this call."""
    if core.UNAVAILABLE:
        return core.UNAVAILABLE
    if not call.x.is_cpu:
        return f"it runs on the CPU; the input is on {call.x.device}"
    dtype = call.params["weight_hh"].dtype
    if dtype != torch.float32:
        return f"it computes in float32; the weights are {dtype}"
    kernel = kernel_of(call.cell, call.params)
    if kernel is None or not core.GATES[kernel.is_projected][kernel.cell][kernel.options]:
        cell = " with ".join([call.cell.name, ", ".join(call.cell.options)]).removesuffix(" with ")
        return f"it has no kernel for {cell}"
    if call.trace and torch.compiler.is_compiling() and torch.is_grad_enabled():
        return "torch.compile cannot differentiate its trace"
    return transforms.refusal("its kernels")


def run(call: ScanCall) -> ScanResult:
    """Run the scan on the core."""
    output, state, traces = run_directions(call)
    return ScanResult(output, tuple([part[0] for part in state]), traces[0] if traces else None)


def run_directions(*calls: ScanCall) -> DirectionsResult:
    """Run one call, or at once two that differ in direction, params and state."""
    if not torch.is_autocast_enabled("cpu"):
        return DirectionsResult(*differentiable.scan(*calls))
    narrow = torch.get_autocast_dtype("cpu") == torch.bfloat16
    output, state, traces = differentiable.scan(*map(_in_float32, calls), bfloat16=narrow)
    traces = [{name: _autocast(part) for name, part in trace.items()} for trace in traces]
    return DirectionsResult(_autocast(output), tuple(map(_autocast, state)), traces)


def _in_float32(call: ScanCall) -> ScanCall:
    """Bring to the weights' dtype what autocast made narrower."""
    state = call.state and tuple(part.float() for part in call.state)
    return call._replace(x=call.x.float(), state=state)


def _autocast(values: Tensor) -> Tensor:
    """Give a result the dtype that torch's own operators give theirs under autocast."""
    return elementwise.convert(values, torch.get_autocast_dtype("cpu"))


NATIVE = Backend("native", refuses, run)
