"""What `scan` asks of its arguments, and the words it uses when they are wrong."""

from typing import get_args

import torch
from torch import Tensor

from gatework.cells import AbstractCell, Params, State
from gatework.errors import InputError
from gatework.ops.call import Memory
from gatework.ops.noise import Regularisation

_MEMORIES = get_args(Memory)


def check_shape(name: str, tensor: Tensor, expected: tuple[int, ...], meaning: str) -> None:
    """Raise InputError unless `tensor` has shape `expected`, whose axes `meaning` names."""
    if tensor.shape != expected:
        raise InputError(
            f"{name} has shape {tuple(tensor.shape)}; expected {meaning} = {expected}."
        )


def check_like(name: str, tensor: Tensor, weight: Tensor) -> None:
    """Raise InputError unless `tensor` has the dtype and device of the weights."""
    if tensor.device != weight.device:
        raise InputError(
            f"{name} is on {tensor.device}, but the weights are on {weight.device}; "
            "move one of them with .to(...)."
        )
    # Under autocast torch itself brings the operands of each product to one dtype.
    if tensor.dtype != weight.dtype and not torch.is_autocast_enabled(weight.device.type):
        raise InputError(
            f"{name} has dtype {tensor.dtype}, but the weights have {weight.dtype}; "
            f"convert it with .to({weight.dtype}) or the weights with .to({tensor.dtype})."
        )


def check_params(cell: AbstractCell, params: Params) -> None:
    """Raise InputError unless `params` are the tensors of `cell.parameter_shapes`."""
    missing = [name for name in ("weight_ih", "weight_hh") if name not in params]
    if missing:
        raise InputError(f"params lack {' and '.join(missing)}; they hold {', '.join(params)}.")
    expected = cell.parameter_shapes(
        params["weight_ih"].shape[-1],
        cell.hidden_size(params),
        bias=any("bias" in name for name in params),
        proj_size=params["weight_hr"].shape[0] if "weight_hr" in params else 0,
    )
    if params.keys() != expected.keys():
        raise InputError(
            f"params of {cell} hold {', '.join(params)}; expected {', '.join(expected)}."
        )
    for name, shape in expected.items():
        check_shape(name, params[name], shape, "this cell's")


def check_input(x: Tensor, params: Params) -> None:
    """Raise InputError unless `x` is a (T, B, I) input for these `params`."""
    weight = params["weight_ih"]
    shape, width = x.shape, weight.shape[1]
    if len(shape) != 3:
        raise InputError(f"x has shape {tuple(shape)}; expected three axes, (T, B, {width}).")
    if shape[0] == 0:
        raise InputError("x has no time steps (T = 0); expected at least one.")
    if shape[2] != width:
        check_shape("x", x, (*shape[:2], width), "(T, B, input_size)")
    check_like("x", x, weight)


def check_state(cell: AbstractCell, params: Params, state: State, batch: int) -> None:
    """Raise InputError unless `state` is an initial state for `batch` sequences."""
    sizes = cell.state_sizes(params)
    if len(state) != len(sizes):
        raise InputError(
            f"state holds {len(state)} tensors; expected {len(sizes)}: {', '.join(cell.states)}."
        )
    for name, size, part in zip(cell.states, sizes, state, strict=True):
        check_shape(f"state {name}", part, (batch, size), "(B, size)")
        check_like(f"state {name}", part, params["weight_hh"])


def check_lengths(lengths: Tensor, batch: int) -> Tensor:
    """Return `lengths` as int64 on the CPU; raise InputError if dtype or shape do not fit."""
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise InputError(f"lengths have dtype {lengths.dtype}; expected whole numbers (int64).")
    check_shape("lengths", lengths, (batch,), "(B,)")
    return lengths.to("cpu", torch.int64)


def span_of(lengths: Tensor, steps: int) -> tuple[int, int]:
    """Return the least and the largest of `lengths`; raise InputError if one is outside 0 to T."""
    least, most = lengths.aminmax()
    span = int(least), int(most)
    if span[0] < 0 or span[1] > steps:
        worst = int(((lengths < 0) | (lengths > steps)).nonzero()[0])
        raise InputError(
            f"lengths[{worst}] is {int(lengths[worst])}; expected 0 to T = {steps}, "
            "the number of steps in the input."
        )
    return span


def check_regularisation(cell: AbstractCell, regularisation: Regularisation) -> None:
    """Raise InputError unless `regularisation` fits the states of `cell`."""
    zoneout, names = regularisation.zoneout, cell.states
    if len(zoneout) != len(names):
        raise InputError(
            f"zoneout holds {len(zoneout)} probabilities; "
            f"expected {len(names)}, one for each of {', '.join(names)}."
        )
    for name, probability in zip(names, zoneout, strict=True):
        if probability and name not in ("h", "c"):
            raise InputError(
                f"zoneout of {name} is {probability}; expected 0.0: only h and c are zoned out."
            )


def check_memory(memory: Memory) -> None:
    """Raise InputError unless `memory` is one of the two ways."""
    if memory not in _MEMORIES:
        raise InputError(f"memory is {memory!r}; expected one of {', '.join(_MEMORIES)}.")
