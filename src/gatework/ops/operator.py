"""The native scan as torch operators: any cell of the core, in one direction or both at once."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gatework.ops import core, recompute
from gatework.ops.kernel import state_sizes
from gatework.ops.problem import Problem, shares

# kernel: gw_cell, its options, which parameters there are, training, bfloat16. limits: zoneout of h
# and of c, the clip of c. An empty state means zeros. Two directions hold twice as many tensors in
# each list, forward first, and two seeds; they share x and the lengths.
_READS = (
    "Tensor x, Tensor[] state, Tensor[] params, Tensor? lengths, Tensor[] scales, "
    "int[] kernel, float[] limits, SymInt[] seeds, bool reverse"
)
_PLAIN = frozenset((Tensor, nn.Parameter))
# What a forward pass keeps for the backward pass.
NOTHING, TAPE, STRETCHES = 0, 1, 2

torch.library.define(
    "gatework::scan_forward",
    # y (T, B, D * P) for D directions; the final states, (D, B, P) and, where there is a c,
    # (D, B, H); the trace of each, (gates and c, T, B, H), if wanted; what was kept, if anything.
    f"({_READS}, int keep, bool trace) -> Tensor[]",
)
torch.library.define(
    "gatework::scan_backward",
    # The gradients of x if wanted, of the state, and of the params if wanted.
    f"({_READS}, int keep, Tensor y, Tensor kept, Tensor? dy, Tensor?[] d_finals, bool want_x, "
    "bool want_params) -> Tensor[]",
)


class Reads(NamedTuple):
    """The arguments that both operators begin with."""

    x: Tensor
    state: Sequence[Tensor]
    params: Sequence[Tensor]
    lengths: Tensor | None
    scales: Sequence[Tensor]
    kernel: Sequence[int]
    limits: Sequence[float]
    seeds: Sequence[int]
    reverse: bool

    def problems(self) -> list[Problem]:
        """Each direction's."""
        x, state, params, lengths, scales, kernel, limits, seeds, reverse = self
        scale = scales[0] if scales else None
        if len(seeds) == 1:
            return [Problem(kernel, limits, params, x, lengths, state, scale, seeds[0], reverse)]
        (s0, s1), (p0, p1) = shares(state, 2), shares(params, 2)
        other_scale = scales[1] if scales else None
        return [
            Problem(kernel, limits, p0, x, lengths, s0, scale, seeds[0], False),
            Problem(kernel, limits, p1, x, lengths, s1, other_scale, seeds[1], True),
        ]


def columns(values: Tensor, count: int) -> Sequence[Tensor]:
    """Those of each direction."""
    return (values,) if count == 1 else values.chunk(2, dim=-1)


def _unwatched(function: Callable[..., list[Tensor]]) -> Callable[..., list[Tensor]]:
    """`function`, which torch.compile does not look into, where it has been loaded at all.

    torch.compiler.disable alone would load it, which takes longer than all of Gatework.
    """
    hidden: list[Any] = []

    def run(*inputs: Any) -> list[Tensor]:
        if "torch._dynamo" not in sys.modules:
            return function(*inputs)
        if not hidden:
            hidden.append(torch.compiler.disable(function))
        return hidden[0](*inputs)

    return run


def _forward(reads: Reads, keep: int, trace: bool) -> list[Tensor]:  # noqa: FBT001
    problems = reads.problems()
    if keep == STRETCHES:
        return recompute.forward(problems)
    return core.forward(problems, keep_tape=keep == TAPE, keep_packed=keep == NOTHING, trace=trace)


# Where torch.compile breaks a graph it traces on, frame by frame; the core is not for its eyes.
_run_forward: Any = _unwatched(_forward)
torch.library.impl(
    "gatework::scan_forward", "CPU", lambda *inputs: _run_forward(Reads(*inputs[:9]), *inputs[9:])
)


@torch.library.register_fake("gatework::scan_forward")
def _forward_fake(*inputs: Any) -> list[Tensor]:
    *given, keep, trace = inputs
    reads = Reads(*given)
    steps, batch, _ = reads.x.shape
    count = len(reads.seeds)
    params = shares(reads.params, count)[0]
    sizes = state_sizes(reads.kernel, params)
    made = [reads.x.new_empty(steps, batch, count * sizes[0])]
    made += [reads.x.new_empty(count, batch, size) for size in sizes]
    hidden = sizes[-1]
    slots = params[1].shape[0] // hidden + len(sizes) - 1
    made += [reads.x.new_empty(slots, steps, batch, hidden) for _ in range(count) if trace]
    if keep != NOTHING:  # how much depends on the lengths, and on the instruction set
        made.append(reads.x.new_empty(torch.library.get_ctx().new_dynamic_size()))
    return made


def _backward(  # noqa: PLR0913 (those of the operator)
    reads: Reads,
    keep: int,
    y: Tensor,
    kept: Tensor,
    dy: Tensor | None,
    d_finals: Sequence[Tensor | None],
    want_x: bool,  # noqa: FBT001
    want_params: bool,  # noqa: FBT001
) -> list[Tensor]:
    problems = reads.problems()
    count = len(problems)
    run = recompute.backward if keep == STRETCHES else core.backward
    made = run(
        problems,
        columns(y, count),
        kept,
        (None,) * count if dy is None else columns(dy, count),
        d_finals,
        want_x=want_x,
        want_params=want_params,
    )
    if want_x and count == 2:
        made[0].add_(made.pop(1))
    return made


_run_backward: Any = _unwatched(_backward)
torch.library.impl(
    "gatework::scan_backward", "CPU", lambda *inputs: _run_backward(Reads(*inputs[:9]), *inputs[9:])
)


@torch.library.register_fake("gatework::scan_backward")
def _backward_fake(*inputs: Any) -> list[Tensor]:
    *reads, _, _, _, _, _, want_x, want_params = inputs
    x, state, params, *_ = Reads(*reads)

    def like(values: Tensor) -> Tensor:
        return torch.empty_like(values, memory_format=torch.contiguous_format)

    wanted = [*((x,) if want_x else ()), *state, *(params if want_params else ())]
    return list(map(like, wanted))


def scan_forward(reads: Reads, keep: int, *, trace: bool) -> list[Tensor]:
    """The operator gatework::scan_forward, without the dispatcher where nobody watches it."""
    if _is_plain(reads):
        return _run_forward(reads, keep, trace)
    return torch.ops.gatework.scan_forward(*reads, keep, trace)


def scan_backward(reads: Reads, *rest: Any) -> list[Tensor]:
    """The operator gatework::scan_backward, likewise."""
    if _is_plain(reads):
        return _run_backward(reads, *rest)
    return torch.ops.gatework.scan_backward(*reads, *rest)


def _is_plain(reads: Reads) -> bool:
    """Whether this is eager torch on plain tensors: then a dispatch would only take its time."""
    return (
        not torch.compiler.is_compiling()
        and torch._C._len_torch_dispatch_stack() == 0
        and torch._C._get_tracing_state() is None
        and _PLAIN.issuperset(map(type, (reads.x, *reads.state, *reads.params)))
    )
