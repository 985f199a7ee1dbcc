"""Calls of the native core that the tests of it share."""

import dataclasses
from typing import Literal

import torch
from torch import Tensor

from cases import CELLS, Inputs, Shape
from gatework import cells
from gatework.cells import AbstractCell
from gatework.ops import ScanCall, core, kernel
from gatework.ops.noise import Regularisation

BOUND = 2e-5  # float32 against float64, through up to 63 steps
EXTRA: dict[str, AbstractCell] = {
    "coupled_peephole_projection": cells.LSTM(coupled=True, peephole=True, projection=True),
    "no_output_peephole": cells.LSTM(output_gate=False, peephole=True),
    "no_forget_projection": cells.LSTM(forget_gate=False, projection=True),
    "clipped": cells.LSTM(cell_clip=0.3),
    "clipped_peephole": cells.LSTM(cell_clip=0.2, peephole=True, projection=True),
    "gru_reset_before": cells.GRU(reset_after=False),
    "layer_norm_peephole": cells.LSTM(layer_norm=True, peephole=True),
    "layer_norm_everything": cells.LSTM(
        layer_norm=True, peephole=True, coupled=True, projection=True
    ),
}
RUNS = {
    name: cell
    for name, cell in (CELLS | EXTRA).items()
    if core.UNAVAILABLE is None
    and (numbered := kernel.kernel_of(cell)) is not None
    and core.GATES[getattr(cell, "projection", False)][numbered.cell][numbered.options]
}
NOISES = {
    "plain": None,
    "zoneout": Regularisation((0.3, 0.2), 0.0, 7 << 33 | 5, True),
    "zoneout_mixed": Regularisation((0.3, 0.2), 0.0, 5, False),
    "dropout": Regularisation((0.0, 0.0), 0.4, 11, True),
    "both": Regularisation((0.25, 0.0), 0.25, 1, True),
}
RAGGED = Shape(9, 5, 20, (9, 0, 3, 1, 9))


def noise_for(cell: AbstractCell, name: str) -> Regularisation | None:
    noise = NOISES[name]
    return noise and dataclasses.replace(noise, zoneout=noise.zoneout[: len(cell.states)])


def call_of(
    inputs: Inputs,
    *,
    reverse: bool = False,
    trace: bool = False,
    noise: str = "plain",
    memory: Literal["tape", "recompute"] = "tape",
) -> ScanCall:
    return ScanCall(
        inputs.cell, inputs.params, inputs.x, inputs.state, inputs.lengths,
        reverse, trace, noise_for(inputs.cell, noise), memory,
    )  # fmt: skip


def gradients(values: list[Tensor], leaves: list[Tensor]) -> list[Tensor]:
    """With random cotangents on all of `values`."""
    generator = torch.Generator().manual_seed(3)
    cotangents = [
        torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value)
        for value in values
    ]
    found = torch.autograd.grad(values, leaves, cotangents, allow_unused=True)
    return [
        torch.zeros_like(leaf) if each is None else each
        for each, leaf in zip(found, leaves, strict=True)
    ]
