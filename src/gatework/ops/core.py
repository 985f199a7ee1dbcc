"""The native core's calls on tensors: the only module that imports it. Knows no autograd."""

import functools
import os
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gatework.errors import InputError
from gatework.ops.kernel import CELLS, OPTION_BITS
from gatework.ops.problem import Problem

try:
    import gatework._native as _native  # pyright: ignore[reportMissingModuleSource]

    UNAVAILABLE: str | None = None
except ImportError as error:
    UNAVAILABLE = f"the native core is not built ({error}); reinstall with a C++17 compiler"

# GATES[is_projected][cell][options]: the row blocks of the weights, 0 where the core has no kernel.
# A table, not a call, since torch.compile cannot trace the call.
GATES: tuple[tuple[tuple[int, ...], ...], ...] = (
    tuple(
        tuple(
            tuple(_native.gates(cell, options, is_projected) for options in range(1 << OPTION_BITS))
            for cell in range(CELLS)
        )
        for is_projected in (False, True)
    )
    if UNAVAILABLE is None
    else ()
)
ISA_VARIABLE = "GATEWORK_ISA"
THREADS_VARIABLE = "GATEWORK_NUM_THREADS"
INVARIANT_VARIABLE = "GATEWORK_BATCH_INVARIANT"


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


def has_bfloat16() -> bool:
    """Whether products of operands rounded to bfloat16 take less time here."""
    return UNAVAILABLE is None and setting().isa in ("amx", "avx512_bf16")


def variable(name: str) -> str | None:
    """What an environment variable holds now.

    os.environ raises and catches two exceptions to find that there is none, which takes a twentieth
    of a small layer's call; but torch.compile can trace nothing else.
    """
    if UNAVAILABLE or torch.compiler.is_compiling():
        return os.environ.get(name)
    return _native.variable(name)


def num_threads() -> int:
    """Threads a pass may use: torch's number, or GATEWORK_NUM_THREADS."""
    return _thread_limit() or torch.get_num_threads()


def is_batch_invariant() -> bool:
    """Whether large batches must round as small ones do: GATEWORK_BATCH_INVARIANT is 1.

    It matters on a machine with matrix tiles (AMX) alone; see native/include/gatework.h.

    Raises:
        InputError: the variable is neither 0 nor 1.
    """
    text = os.environ.get(INVARIANT_VARIABLE) or "0"
    if text not in ("0", "1"):
        raise InputError(f"{INVARIANT_VARIABLE} is {text!r}; expected 1 or 0.")
    return text == "1"


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


def _manner(threads: int | None = None) -> tuple[int, bool]:
    """How many threads a pass may use, and whether it is batch invariant."""
    has_tiles = setting().isa == "amx"  # a variable that is not there takes a microsecond to miss
    return threads or num_threads(), has_tiles and is_batch_invariant()


# Whether fresh memory is filled with NaN: as torch fills its own.
_fills = torch.are_deterministic_algorithms_enabled


def forward(
    problems: Sequence[Problem],
    outputs: Sequence[Tensor] | None = None,
    *,
    keep_tape: bool,
    keep_packed: bool,
    trace: bool = False,
) -> list[Tensor]:
    """Run one problem, or two side by side: D in all.

    Args:
        problems: what to run.
        outputs: where h of every step goes, each (T, B, P) with a dense last axis; None makes them.
        keep_tape: a backward pass will follow.
        keep_packed: look for packed weights of these values, and keep them, between calls.
        trace: return gates and c of every step.

    Returns:
        y (T, B, D * P) if it was made here; the final states, (D, B, P) and (D, B, H) where there
        is a c; of each problem the trace, (values, T, B, H), if asked for; the tape, if it is kept.

    Raises:
        InputError: a number, shape, dtype or device does not fit: the core would leave a buffer.
    """
    try:
        return _native.forward(
            problems, outputs, keep_tape, trace, keep_packed, *_manner(), _fills()
        )
    except ValueError as error:
        raise InputError(str(error)) from None


def backward(
    problems: Sequence[Problem],
    outputs: Sequence[Tensor],
    tape: Tensor,
    d_outputs: Sequence[Tensor | None],
    d_finals: Sequence[Tensor | None],
    *,
    want_x: bool,
    want_params: bool,
) -> list[Tensor]:
    """Gradients of passes that `forward` ran on the same problems and kept the tape of.

    Args:
        problems: those that `forward` ran.
        outputs: what it wrote, each (T, B, P).
        tape: what it kept.
        d_outputs: the gradients that arrive at `outputs`; None for zeros, as in the next.
        d_finals: those that arrive at the final states.
        want_x: make those of each x.
        want_params: make those of the parameters.

    Returns:
        Of each x, if wanted; of each problem's initial states, if they were given; of each
        problem's parameters, if wanted.

    Raises:
        InputError: a shape, dtype or device does not fit.
    """
    try:
        return _native.backward(
            problems, outputs, tape, d_outputs, d_finals, want_x, want_params, *_manner(), _fills()
        )
    except ValueError as error:
        raise InputError(str(error)) from None


def bind(problem: Problem, threads: int | None = None) -> "_native.Problem":
    """A problem that is run many times, on `threads` if given. Its tensors must outlive it.

    Raises:
        InputError: as `forward` does.
    """
    try:
        return _native.Problem(problem, *_manner(threads))
    except ValueError as error:
        raise InputError(str(error)) from None


def run_again(bound: "_native.Problem", output: Tensor, finals: Sequence[Tensor]) -> None:
    """Run a bound problem into the same memory, (T, B, P) and (B, size) each; nothing is allocated.

    Of one thread, the packed weights are kept between calls. Other Python threads run meanwhile.
    """
    _native.run_again(bound, output, finals)


def stream(problems: Sequence[Problem]) -> "_native.Stream":
    """Layers that take one step at a time, the lowest first, with copies of their params."""
    return _native.Stream([bind(each) for each in problems])


MOST_AXES = 4  # of a tensor that the next two make


def drop(x: Tensor, probability: float, seed: int, dtype: torch.dtype) -> Tensor:
    """Drop values of x, (..., rows, width) without gaps, by one mask of (rows, width).

    Args:
        x: float32 or bfloat16, as the result may be.
        probability: 0 only changes the dtype.
        seed: of the mask.
        dtype: of the result.

    Raises:
        InputError: a dtype, a device or a number does not fit.
    """
    narrow, (threads, _) = dtype == torch.bfloat16, _manner()
    try:
        return _native.drop(x, probability, seed, narrow, threads, _fills())
    except ValueError as error:
        raise InputError(str(error)) from None


def choose(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The cross-entropy of each of N choices among V classes, and the gradient of its mean.

    Args:
        logits: (N, V) without gaps, float32 or bfloat16.
        targets: (N,) int64.

    Returns:
        (N,) float32, and (N, V) as the logits.

    Raises:
        InputError: a shape, dtype or target does not fit.
    """
    threads, _ = _manner()
    try:
        return _native.choose(logits, targets, threads, _fills())
    except ValueError as error:
        raise InputError(str(error)) from None


def zoneout_bits(seed: int, stream: int, row: int, unit: int) -> int:
    """The core's random bits, which gatework.ops.noise draws too."""
    return _native.zoneout_bits(seed, stream, row, unit)


def fingerprint(values: Tensor) -> tuple[int, int]:
    """The hash by which packed weights are found again."""
    return _native.fingerprint(values.data_ptr(), values.numel() * values.element_size())
