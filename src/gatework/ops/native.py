"""The native core as a backend: CPU, float32."""

import torch

from gatework.cells import LSTM
from gatework.ops import core, operator
from gatework.ops.backend import Backend
from gatework.ops.call import ScanCall, ScanResult


def refuses(call: ScanCall) -> str | None:
    """Say what the core lacks for this call."""
    if core.UNAVAILABLE:
        return core.UNAVAILABLE
    if call.x.device.type != "cpu":
        return f"it runs on the CPU; the input is on {call.x.device}"
    if call.x.dtype != torch.float32:
        return f"it computes in float32; the input is {call.x.dtype}"
    if call.cell != LSTM():
        cell = " with ".join([call.cell.name, ", ".join(call.cell.options)]).removesuffix(" with ")
        return f"it has a kernel for the standard lstm only; this is {cell}"
    if call.trace:
        return "it does not record a trace"
    return None


def run(call: ScanCall) -> ScanResult:
    """Run the scan on the core."""
    params = call.params
    weights = core.Weights(
        params["weight_ih"], params["weight_hh"], params.get("bias_ih"), params.get("bias_hh")
    )
    h0, c0 = call.state
    output, state = operator.lstm(call.x, (h0, c0), weights, call.lengths, reverse=call.reverse)
    return ScanResult(output, state, None)


NATIVE = Backend("native", refuses, run)
