"""The native core's calls on tensors: the only module that imports it. Knows no autograd."""

import functools
import math
import os
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gatework.errors import InputError
from gatework.ops.kernel import CELLS, OPTION_BITS, PARAMETERS, places
from gatework.ops.problem import Problem, check_tensor, dense_rows

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
_LARGE = 1 << 18  # floats
_LINE = 16  # floats of a cache line: tapes start at one


class Gradients(NamedTuple):
    """Gradients of the initial state and, if they were wanted, of the parameters there are."""

    state: list[Tensor]
    params: list[Tensor] | None


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


def forward(
    problems: Sequence[Problem],
    outputs: Sequence[Tensor],
    traces: Sequence[Tensor] = (),
    *,
    keep_tape: bool,
    keep_packed: bool,
) -> tuple[list[Tensor], Tensor]:
    """Run one problem, or two side by side, into `outputs`, each (T, B, P) with a dense last axis.

    Args:
        problems: what to run; both tapes of two are in one tensor.
        outputs: where h of every step goes.
        traces: where gates and c of every step go, each (`traced` of them, T, B, H) with dense
            last axis; of none if empty.
        keep_tape: a backward pass will follow.
        keep_packed: look for packed weights of these values, and keep them, between calls.

    Returns:
        The final states of each problem in turn, and the tape, which is empty if not kept.
    """
    cores = [_core(each) for each in problems]
    offsets, floats = _tapes(cores) if keep_tape else ([0] * len(cores), 0)
    tape = empty(floats)
    base = tape.data_ptr()
    finals: list[Tensor] = []
    passes: list[_native.Forward] = []
    for index, (problem, output) in enumerate(zip(problems, outputs, strict=True)):
        h_n = torch.empty_like(problem.h0)
        c_n = None if problem.c0 is None else torch.empty_like(problem.c0)
        finals += [h_n] if c_n is None else [h_n, c_n]
        passes.append(
            _native.Forward(
                _view(problem.x),
                problem.h0.data_ptr(),
                _address(problem.c0),
                _address(problem.scale),
                _view(output),
                h_n.data_ptr(),
                _address(c_n),
                *_trace_view(traces[index] if traces else None),
                base + 4 * offsets[index] if keep_tape else 0,
            )
        )
    _native.run_forward(cores, passes, keep_packed)
    return finals, tape


def backward(
    problems: Sequence[Problem],
    outputs: Sequence[Tensor],
    tape: Tensor,
    d_outputs: Sequence[Tensor | None],
    d_finals: Sequence[Tensor | None],
    d_inputs: Sequence[Tensor | None],
    *,
    want_params: bool,
) -> list[Gradients]:
    """Gradients of passes that `forward` ran on the same problems and kept the tape of.

    Args:
        problems: those that `forward` ran.
        outputs: what it wrote, each (T, B, P).
        tape: what it kept.
        d_outputs: the gradients that arrive at `outputs`; None for zeros, as in the next.
        d_finals: those that arrive at the final states, of each problem in turn.
        d_inputs: where the gradient of each x goes, (T, B, I) with a dense last axis, or None.
        want_params: make those of the parameters.
    """
    cores = [_core(each) for each in problems]
    offsets, floats = _tapes(cores)
    check_tensor("tape", tape, (floats,))
    base = tape.data_ptr()
    incoming = iter(d_finals)
    results: list[Gradients] = []
    passes: list[_native.Backward] = []
    held: list[Tensor | None] = []  # until the pass has run
    for problem, output, d_output, dx, offset in zip(
        problems, outputs, d_outputs, d_inputs, offsets, strict=True
    ):
        state = [problem.h0] if problem.c0 is None else [problem.h0, problem.c0]
        d_final = [next(incoming) for _ in state]
        shape = (*problem.x.shape[:2], problem.h0.shape[1])
        check_tensor("y", output, shape)
        if d_output is not None:
            check_tensor("dy", d_output, shape)
        for each, part in zip(d_final, state, strict=True):
            if each is not None:
                check_tensor("gradient of a final state", each, tuple(part.shape))
        output = dense_rows(output)
        d_output = None if d_output is None else dense_rows(d_output)
        d_final = [None if each is None else each.contiguous() for each in d_final]
        d_state = [torch.empty_like(part) for part in state]
        d_params = [torch.empty_like(each) for each in problem.params] if want_params else None
        passes.append(
            _native.Backward(
                _view(problem.x),
                _view(output),
                problem.h0.data_ptr(),
                _address(problem.c0),
                _address(problem.scale),
                base + 4 * offset,
                _view(d_output),
                _address(d_final[0]),
                _address(d_final[-1]) if len(state) > 1 else 0,
                _view(dx),
                d_state[0].data_ptr(),
                d_state[-1].data_ptr() if len(state) > 1 else 0,
                want_params,
                _addresses(problem.setup.present, d_params or ()),
            )
        )
        held += [output, d_output, *d_final]
        results.append(Gradients(d_state, d_params))
    _native.run_backward(cores, passes)
    return results


def empty(*shape: int) -> Tensor:
    """As torch.empty; a large one in memory that the core keeps, since fresh pages cost dearly."""
    floats = math.prod(shape)
    return torch.empty(shape) if floats < _LARGE else _native.floats(floats).view(shape)


def traced(problem: Problem) -> int:
    """How many values of each unit and step a trace holds: the gates, and c if there is one."""
    setup = problem.setup
    return GATES[setup.is_projected][setup.cell][setup.options] + (problem.c0 is not None)


def stream(problems: Sequence[Problem]) -> "_native.Stream":
    """Layers that take one step at a time, the lowest first, with copies of their params."""
    return _native.Stream([_core(each) for each in problems])


def zoneout_bits(seed: int, stream: int, row: int, unit: int) -> int:
    """The core's random bits, which gatework.ops.noise draws too."""
    return _native.zoneout_bits(seed, stream, row, unit)


def fingerprint(values: Tensor) -> tuple[int, int]:
    """The hash by which packed weights are found again."""
    return _native.fingerprint(values.data_ptr(), values.numel() * values.element_size())


def _core(problem: Problem) -> "_native.Problem":
    setting()
    setup, x = problem.setup, problem.x
    steps, batch, inputs = x.shape
    width = problem.h0.shape[1]
    return _native.Problem(
        setup.cell,
        setup.options,
        steps,
        batch,
        inputs,
        problem.hidden_size,
        width if setup.is_projected else 0,
        setup.cell_clip,
        setup.zoneout_h,
        setup.zoneout_c,
        setup.training,
        problem.seed,
        problem.first_step,
        _address(problem.lengths),
        problem.reverse,
        num_threads(),
        is_batch_invariant(),
        _addresses(setup.present, problem.params),
    )


def _tapes(cores: Sequence["_native.Problem"]) -> tuple[list[int], int]:
    """Where each problem's tape starts in a tensor of them all, and the floats of all."""
    offsets, floats = [], 0
    for core in cores:
        floats = -(-floats // _LINE) * _LINE
        offsets.append(floats)
        floats += core.tape_floats()
    return offsets, floats


def _view(values: Tensor | None) -> "_native.View":
    if values is None:
        return _native.View(0, 0, 0)
    return _native.View(values.data_ptr(), values.stride(0), values.stride(1))


def _trace_view(trace: Tensor | None) -> tuple["_native.View", int]:
    if trace is None:
        return _view(None), 0
    slot, step, row, _ = trace.stride()
    return _native.View(trace.data_ptr(), step, row), slot


def _addresses(present: int, params: Sequence[Tensor]) -> list[int]:
    """One for each of PARAMETERS, 0 where there is none."""
    addresses = [0] * len(PARAMETERS)
    for place, each in zip(places(present), params, strict=False):
        addresses[place] = each.data_ptr()
    return addresses


def _address(values: Tensor | None) -> int:
    return 0 if values is None else values.data_ptr()
