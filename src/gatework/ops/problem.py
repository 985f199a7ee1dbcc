"""What one pass of the native core reads, and the checks that keep it inside its buffers."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gatework.errors import InputError
from gatework.ops.kernel import PARAMETERS, places

_PROJECTION = PARAMETERS.index("weight_hr")


class Setup(NamedTuple):
    """What all problems of a call share.

    Attributes:
        cell: a gw_cell.
        options: gw_option flags.
        present: which of PARAMETERS there are, as bits.
        zoneout_h: the probability that a unit of h keeps its old value; zoneout_c likewise.
        cell_clip: c stays within it; 0 for no bound.
        training: zoneout draws masks; else it mixes.
    """

    cell: int
    options: int
    present: int
    zoneout_h: float
    zoneout_c: float
    cell_clip: float
    training: bool

    @property
    def is_projected(self) -> bool:
        """Whether there is a weight_hr."""
        return self.present >> _PROJECTION & 1 != 0


class Problem(NamedTuple):
    """One scan in one direction: all that it reads. Float32 on the CPU, shapes checked.

    Attributes:
        setup: of the call.
        hidden_size: H.
        params: those there are, in the order of PARAMETERS, contiguous.
        x: (T, B, I), its last axis dense.
        lengths: (B,) int64, or None.
        h0: (B, P).
        c0: (B, H), where the cell has a c.
        scale: (B, P), what the recurrent weights read of h is multiplied by; or None.
        seed: of zoneout's masks.
        reverse: each sequence is read from its own last step to its first.
        first_step: when x[0] is, for the masks.
    """

    setup: Setup
    hidden_size: int
    params: Sequence[Tensor]
    x: Tensor
    lengths: Tensor | None
    h0: Tensor
    c0: Tensor | None
    scale: Tensor | None
    seed: int
    reverse: bool
    first_step: int = 0


def check(  # noqa: PLR0913 (what a call of the operator reads)
    blocks: int,
    setup: Setup,
    x: Tensor,
    state: Sequence[Tensor],
    params: Sequence[Tensor],
    lengths: Tensor | None,
    scale: Tensor | None,
    seed: int,
    *,
    reverse: bool,
) -> Problem:
    """Refuse what would make the core read past a buffer; the operators can be called directly.

    Args:
        blocks: G, the row blocks of the weights.
        setup: what to run; the rest is as in `Problem`.
        x: (T, B, I).
        state: h0, and c0 where the cell has a c.
        params: those there are.
        lengths: or None.
        scale: or None.
        seed: any.
        reverse: the direction.

    Raises:
        InputError: a number, shape, dtype or device does not fit.
    """
    present = setup.present
    if present & 3 != 3 or present >> len(PARAMETERS) or present.bit_count() != len(params):
        raise InputError(
            f"{len(params)} params are given and present is {present:#b}; expected one for each "
            "bit, weight_ih and weight_hh among them."
        )
    hidden = _check_sizes(blocks, setup, x, params)
    width = params[1].shape[1]
    sizes = (width, hidden) if setup.cell == 0 else (width,)
    if len(state) != len(sizes):
        raise InputError(f"state holds {len(state)} tensors; expected {len(sizes)}.")
    batch = x.shape[1]
    for part, size in zip(state, sizes, strict=True):
        check_tensor("state", part, (batch, size))
    if lengths is not None:
        check_tensor("lengths", lengths, (batch,), torch.int64)
    if scale is not None:
        check_tensor("recurrent scale", scale, (batch, width))
    return Problem(
        setup,
        hidden,
        [each.contiguous() for each in params],
        dense_rows(x),
        None if lengths is None else lengths.contiguous(),
        state[0].contiguous(),
        state[1].contiguous() if len(sizes) > 1 else None,
        None if scale is None else scale.contiguous(),
        seed,
        reverse,
    )


def _check_sizes(blocks: int, setup: Setup, x: Tensor, params: Sequence[Tensor]) -> int:
    """Hold x and the params to each other; H."""
    if x.dim() != 3 or params[1].dim() != 2 or any([each.dim() < 1 for each in params]):
        raise InputError(
            f"x has shape {tuple(x.shape)} and weight_hh {tuple(params[1].shape)}; "
            "expected (T, B, I) and (G * H, P)."
        )
    at = places(setup.present)
    width = params[1].shape[1]
    hidden = params[at.index(_PROJECTION)].shape[-1] if setup.is_projected else width
    shapes = _shapes(blocks, hidden, width, x.shape[2])
    check_tensor("x", x, tuple(x.shape))
    for place, weight in zip(at, params, strict=True):
        # A call is not made where it would do nothing: small scans take as long as these checks.
        if weight.shape != shapes[place] or weight.dtype != torch.float32 or not weight.is_cpu:
            check_tensor(PARAMETERS[place], weight, shapes[place])
    return hidden


def dense_rows(values: Tensor) -> Tensor:
    """Any strides over time and batch are read as they are; the last axis must be dense."""
    return values if values.stride(2) == 1 else values.contiguous()


def _shapes(blocks: int, hidden: int, width: int, inputs: int) -> tuple[tuple[int, ...], ...]:
    """Those of PARAMETERS."""
    rows, unit = (blocks * hidden,), (hidden,)
    products = ((blocks * hidden, inputs), (blocks * hidden, width))
    norms = (rows, rows, rows, rows, unit, unit)
    return (*products, rows, rows, (width, hidden), unit, unit, unit, *norms)


def check_tensor(
    name: str, values: Tensor, shape: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> None:
    """Raise InputError unless the core can read `values` as this."""
    if values.shape != shape or values.dtype != dtype or not values.is_cpu:
        raise InputError(
            f"{name} is {values.dtype}, {tuple(values.shape)}, on {values.device}; "
            f"the native core expected {dtype}, {shape}, on the CPU."
        )
