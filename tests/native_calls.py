"""Calls of the native core that the tests of it share."""

import dataclasses
from typing import Literal

import torch
from torch import Tensor

from cases import CELLS, Inputs, Shape
from gatework import cells
from gatework.cells import AbstractCell
from gatework.ops import ScanCall, core, kernel, native
from gatework.ops.noise import Regularisation
from gatework.ops.reference import REFERENCE
from tolerances import FLOOR, SLACK, assert_close, rms_ratio

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
    and (numbered := kernel.kernel_of(cell, {})) is not None
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


def everything(inputs: Inputs, run, **options) -> dict[str, Tensor]:
    """Outputs, final states, trace, and every gradient with cotangents on all of them."""
    result = run(call_of(inputs, **options))
    names = [
        "output",
        *inputs.cell.states,
        *(f"trace of {name}" for name in sorted(result.trace or ())),
    ]
    traced = [values for _, values in sorted((result.trace or {}).items())]
    values = [result.output, *result.state, *traced]
    leaves = inputs.leaves()
    found = gradients(values, list(leaves.values()))
    return dict(zip(names, values, strict=True)) | {
        f"d {name}": value for name, value in zip(leaves, found, strict=True)
    }


def agree(inputs: Inputs, **options) -> None:
    """The core may be off by a few times as much as the reference in float32: some sums cancel."""
    rounded = inputs.to(torch.float32)
    assert native.refuses(call_of(rounded, **options)) is None
    truth = everything(rounded.to(torch.float64), REFERENCE.run, **options)
    peer = everything(rounded, REFERENCE.run, **options)
    for name, value in everything(rounded, native.run, **options).items():
        bound = 2 * (SLACK * rms_ratio(peer[name], truth[name]) + FLOOR[torch.float32])
        assert_close(name, value, truth[name], bound)


def on_threads(inputs: Inputs, counts: tuple[int, ...]) -> list[list[Tensor]]:
    """Outputs, final states and gradients of one call, on so many threads each."""
    before, results = torch.get_num_threads(), []
    try:
        for threads in counts:
            torch.set_num_threads(threads)
            result = native.run(call_of(inputs))
            values = [result.output, *result.state]
            results.append([*values, *gradients(values, list(inputs.leaves().values()))])
    finally:
        torch.set_num_threads(before)
    return results
