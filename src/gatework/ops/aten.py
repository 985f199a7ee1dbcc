"""Torch's own fused operators (oneDNN, cuDNN, MPS): the plain cells, any dtype and device."""

from collections.abc import Callable
from typing import Any

import torch
from torch import _VF

from gatework.cells import GRU, LSTM, RNN, AbstractCell
from gatework.ops import transforms
from gatework.ops.backend import Backend
from gatework.ops.call import ScanCall, ScanResult

# Pairs, since torch.compile cannot trace a mapping whose keys are not constants.
OPERATORS: tuple[tuple[AbstractCell, Callable[..., Any]], ...] = (
    (LSTM(), _VF.lstm),
    (LSTM(projection=True), _VF.lstm),
    (GRU(), _VF.gru),
    (RNN("tanh"), _VF.rnn_tanh),
    (RNN("relu"), _VF.rnn_relu),
)
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def refuses(call: ScanCall) -> str | None:
    """Say why torch has no operator for `call`."""
    if _operator(call.cell) is None:
        return f"torch has no operator for {call.cell.name} with {', '.join(call.cell.options)}"
    if call.regularisation is not None:
        return "torch's operators know neither zoneout nor recurrent dropout"
    if call.trace:
        return "torch's operators do not give their gates, which trace=True asks for"
    if call.lengths is not None:
        return "the lengths differ, or end before T"
    if torch.compiler.is_compiling() and torch.is_grad_enabled():
        return "torch.compile cannot differentiate torch's fused operators"
    return transforms.refusal("torch's fused operators")


def run(call: ScanCall) -> ScanResult:
    """Run the scan."""
    x = call.x.flip(0) if call.reverse else call.x
    state = [part.unsqueeze(0) for part in call.initial_state()]
    weights = [call.params[name] for name in WEIGHTS if name in call.params]
    # cuDNN keeps what backward needs only in training mode; dropout 0 makes that its sole effect.
    operator = _operator(call.cell)
    assert operator is not None, "refused"
    output, *final = operator(
        x,
        state if len(state) > 1 else state[0],
        weights,
        "bias_ih" in call.params,
        1,
        0.0,
        torch.is_grad_enabled(),
        False,
        False,
    )
    return ScanResult(
        output.flip(0) if call.reverse else output, tuple(part.squeeze(0) for part in final), None
    )


def _operator(cell: AbstractCell) -> Callable[..., Any] | None:
    return next((operator for known, operator in OPERATORS if known == cell), None)


ATEN = Backend("aten", refuses, run)
