"""Traces of every cell in float64: both directions, awkward lengths, initial states not zero."""

import functools

import numpy as np
import torch

from cases import CELLS, Noise, Shape, make_inputs
from gatework.cells import LSTM, AbstractCell
from gatework.inspector import PassTrace, Recording

LENGTHS = (5, 0, 9, 1)
ALL_CELLS: dict[str, AbstractCell] = CELLS | {
    "lstm_signed_gates": LSTM(gate_activation="tanh"),
    "lstm_zoneout": LSTM(),
}


@functools.cache
def traced(name: str, lengths: tuple[int, ...] = LENGTHS, *, hidden_size: int = 7) -> Recording:
    """Both directions of the cell `name` over sequences of `lengths`; read it only."""
    shape = Shape(max(1, *lengths), len(lengths), hidden_size, lengths)
    inputs = make_inputs(ALL_CELLS[name], shape)
    offsets = np.concatenate([[0], np.cumsum(lengths)])

    def rows(values: torch.Tensor) -> np.ndarray:
        return np.concatenate([values[:n, b].detach().numpy() for b, n in enumerate(lengths)])

    def one_pass(*, reverse: bool) -> PassTrace:
        noise = Noise(zoneout_c=0.3, training=False) if name == "lstm_zoneout" else None
        values = inputs.scan(reverse=reverse, trace=True, noise=noise).trace
        assert values is not None
        states = zip(inputs.cell.states, inputs.state, strict=True)
        return PassTrace(
            0,
            reverse,
            inputs.cell,
            offsets,
            {key: rows(value) for key, value in values.items()},
            {key: part.detach().numpy() for key, part in states},
            {key: value.detach().numpy() for key, value in inputs.params.items()},
            rows(inputs.x),
            noise.zoneout_c if noise else 0.0,
        )

    words = tuple("abcab"[row % 5] for row in range(offsets[-1]))
    return Recording("", 0, name, (one_pass(reverse=False), one_pass(reverse=True)), words)
