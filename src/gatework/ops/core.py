"""The native core's calls on tensors: the only module that imports it. Knows no autograd."""

import functools
import os
from typing import NamedTuple

import torch
from torch import Tensor

from gatework.errors import InputError

try:
    import gatework._native as _native  # pyright: ignore[reportMissingModuleSource]

    UNAVAILABLE: str | None = None
except ImportError as error:
    UNAVAILABLE = f"the native core is not built ({error}); reinstall with a C++17 compiler"

ISA_VARIABLE = "GATEWORK_ISA"
THREADS_VARIABLE = "GATEWORK_NUM_THREADS"
_LARGE = 1 << 18  # floats


class Weights(NamedTuple):
    """Row-major float32: weight_ih (G*H, I), weight_hh (G*H, H), biases (G*H,) or None."""

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None


class Sequences(NamedTuple):
    """What a pass reads: x (T, B, I), h0 and c0 (B, H), lengths (B,) int64 or None, direction."""

    x: Tensor
    h0: Tensor
    c0: Tensor
    lengths: Tensor | None
    reverse: bool


class Forward(NamedTuple):
    """y (T, B, H), h_n and c_n (B, H), and the tape a backward pass needs (empty if not kept)."""

    y: Tensor
    h_n: Tensor
    c_n: Tensor
    tape: Tensor


class Cotangents(NamedTuple):
    """Gradients that arrive at y (T, B, H), h_n and c_n (B, H)."""

    y: Tensor
    h_n: Tensor
    c_n: Tensor


class Gradients(NamedTuple):
    """Gradients of everything a forward pass read; None where not asked for or absent."""

    x: Tensor | None
    h0: Tensor
    c0: Tensor
    weight_ih: Tensor | None
    weight_hh: Tensor | None
    bias_ih: Tensor | None
    bias_hh: Tensor | None


@functools.cache
def _thread_limit() -> int | None:
    text = os.environ.get(THREADS_VARIABLE)
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"{THREADS_VARIABLE} is {text!r}; expected a whole number from 1.")
    return int(text)


class Setting(NamedTuple):
    """What the core settles once in a process."""

    isa: str
    shares_team: bool  # of torch's OpenMP runtime: two sets of threads would fight over the cores


@functools.cache
def setting() -> Setting:
    """Settle the instruction set (GATEWORK_ISA, or the best that this machine runs) and threads.

    Raises:
        InputError: GATEWORK_ISA names what this machine does not run.
    """
    name = os.environ.get(ISA_VARIABLE)
    if name:
        if name not in _native.isa_names():
            known = ", ".join(_native.isa_names())
            raise InputError(f"{ISA_VARIABLE} is {name!r}; this machine runs {known}.")
        _native.isa_set(name)
    return Setting(_native.isa_current(), _native.lend_loaded_team())


def num_threads() -> int:
    """Threads a pass may use: torch's number, or GATEWORK_NUM_THREADS."""
    return _thread_limit() or torch.get_num_threads()


def describe() -> dict[str, str]:
    """The core in words, for `gatework info`."""
    if UNAVAILABLE:
        return {"native core": UNAVAILABLE}
    isa, shares_team = setting()
    whose = "torch's own OpenMP team" if shares_team else "a pool of its own"
    return {
        "instruction set": f"{isa} (this machine runs {', '.join(_native.isa_names())})",
        "threads": f"{num_threads()}, {whose}",
    }


def forward(seq: Sequences, weights: Weights, *, keep_tape: bool) -> Forward:
    """Run an LSTM. Steps past a length are not read and come out zero."""
    _check(seq, weights)
    seq, weights = _plain(seq, weights)
    problem = _problem(seq, weights)
    steps, batch, _ = seq.x.shape
    hidden = weights.weight_hh.shape[1]
    y = seq.x.new_empty(steps, batch, hidden)
    h_n, c_n = seq.x.new_empty(batch, hidden), seq.x.new_empty(batch, hidden)
    tape = _tape(problem.tape_floats() if keep_tape else 0)
    problem.forward(
        _params(weights), _view(seq.x), seq.h0.data_ptr(), seq.c0.data_ptr(),
        _view(y), h_n.data_ptr(), c_n.data_ptr(), tape.data_ptr() if keep_tape else 0,
    )  # fmt: skip
    return Forward(y, h_n, c_n, tape)


def backward(
    seq: Sequences,
    weights: Weights,
    cotangents: Cotangents,
    y: Tensor,
    tape: Tensor,
    *,
    want_x: bool,
    want_weights: bool,
) -> Gradients:
    """Gradients of a pass that `forward` ran with the same arguments and `keep_tape`."""
    _check(seq, weights)
    seq, weights = _plain(seq, weights)
    problem = _problem(seq, weights)
    state = tuple(seq.h0.shape)
    output = (*seq.x.shape[:2], state[1])
    _check_tensor("tape", tape, (problem.tape_floats(),))
    for name, values, shape in (
        ("y", y, output),
        ("dy", cotangents.y, output),
        ("dh_n", cotangents.h_n, state),
        ("dc_n", cotangents.c_n, state),
    ):
        _check_tensor(name, values, shape)
    y = _rows_contiguous(y)
    dy = _rows_contiguous(cotangents.y)
    dh_n, dc_n = cotangents.h_n.contiguous(), cotangents.c_n.contiguous()
    dx = torch.empty_like(seq.x, memory_format=torch.contiguous_format) if want_x else None
    dh0, dc0 = torch.empty_like(dh_n), torch.empty_like(dc_n)
    d_weights = [torch.empty_like(w) if want_weights and w is not None else None for w in weights]
    problem.backward(
        _params(weights), _view(seq.x), _view(y), seq.h0.data_ptr(), seq.c0.data_ptr(),
        tape.data_ptr(), _view(dy), dh_n.data_ptr(), dc_n.data_ptr(), _view(dx),
        dh0.data_ptr(), dc0.data_ptr(), _native.Params(*map(_address, d_weights)),
    )  # fmt: skip
    return Gradients(dx, dh0, dc0, *d_weights)


def _check(seq: Sequences, weights: Weights) -> None:
    """Refuse what would make the core read past a buffer; the operators can be called directly."""
    if seq.x.dim() != 3 or weights.weight_hh.dim() != 2:
        raise InputError(
            f"x has shape {tuple(seq.x.shape)} and weight_hh {tuple(weights.weight_hh.shape)}; "
            "expected (T, B, I) and (4 * H, H)."
        )
    steps, batch, inputs = seq.x.shape
    hidden = weights.weight_hh.shape[1]
    rows = 4 * hidden
    _check_tensor("x", seq.x, (steps, batch, inputs))
    _check_tensor("h0", seq.h0, (batch, hidden))
    _check_tensor("c0", seq.c0, (batch, hidden))
    shapes = ((rows, inputs), (rows, hidden), (rows,), (rows,))
    for name, weight, shape in zip(Weights._fields, weights, shapes, strict=True):
        if weight is not None:
            _check_tensor(name, weight, shape)
    if seq.lengths is not None:
        _check_tensor("lengths", seq.lengths, (batch,), torch.int64)


def _check_tensor(
    name: str, values: Tensor, shape: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> None:
    if values.shape != shape or values.dtype != dtype or not values.is_cpu:
        raise InputError(
            f"{name} is {values.dtype}, {tuple(values.shape)}, on {values.device}; "
            f"the native core expected {dtype}, {shape}, on the CPU."
        )


def _plain(seq: Sequences, weights: Weights) -> tuple[Sequences, Weights]:
    lengths = None if seq.lengths is None else seq.lengths.contiguous()
    return (
        Sequences(
            _rows_contiguous(seq.x), seq.h0.contiguous(), seq.c0.contiguous(), lengths, seq.reverse
        ),
        Weights(*(None if w is None else w.contiguous() for w in weights)),  # type: ignore[arg-type]
    )


def _rows_contiguous(values: Tensor) -> Tensor:
    """Any strides over time and batch are read as they are; the last dimension must be dense."""
    return values if values.stride(2) == 1 else values.contiguous()


def _problem(seq: Sequences, weights: Weights) -> "_native.Problem":
    setting()
    steps, batch, inputs = seq.x.shape
    return _native.Problem(
        steps,
        batch,
        inputs,
        weights.weight_hh.shape[1],
        _address(seq.lengths),
        seq.reverse,
        num_threads(),
    )


def _tape(floats: int) -> Tensor:
    """Memory for a tape; a large one comes from those that earlier passes gave back."""
    return _native.tape(floats) if floats >= _LARGE else torch.empty(floats)


def _params(weights: Weights) -> "_native.Params":
    return _native.Params(*map(_address, weights))


def _view(values: Tensor | None) -> "_native.View":
    if values is None:
        return _native.View(0, 0, 0)
    return _native.View(values.data_ptr(), values.stride(0), values.stride(1))


def _address(values: Tensor | None) -> int:
    return 0 if values is None else values.data_ptr()
