"""The native scan as torch operators: any cell of the core, in one direction or both at once."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gatework.ops import core, recompute
from gatework.ops.kernel import PARAMETERS, places
from gatework.ops.problem import Problem

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
    # y (T, B, P) or (T, B, 2 * P), the final states, what was kept, and the trace of each
    # direction, (gates and c, T, B, H), if it is wanted.
    f"({_READS}, int keep, bool trace) -> Tensor[]",
)
torch.library.define(
    "gatework::scan_backward",
    # The gradients of x, state and params; of x empty, of params none, where not wanted.
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

    def state_sizes(self) -> list[int]:
        """The widths of the final states of all directions; for shapes alone."""
        cell, _, present, *_ = self.kernel
        share = shares(self.params, len(self.seeds))[0]
        names = [PARAMETERS[place] for place in places(present)]
        width = share[1].shape[1]
        hidden = share[names.index("weight_hr")].shape[1] if "weight_hr" in names else width
        return ([width, hidden] if cell == 0 else [width]) * len(self.seeds)


def shares(values: Sequence[Tensor], count: int) -> list[Sequence[Tensor]]:
    """What belongs to each of `count` directions."""
    if count == 1:
        return [values]
    size = len(values) // count
    return [values[index * size : (index + 1) * size] for index in range(count)]


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
    count = len(problems)
    bound = [core.bind(each) for each in problems]
    steps, batch, _ = problems[0].x.shape
    y = core.empty(steps, batch, count * bound[0].width)
    if keep == STRETCHES:
        finals, kept = recompute.forward(problems, columns(y, count))
        return [y, *finals, kept]
    traces = ()
    if trace:
        traces = [core.empty(each.traced, steps, batch, each.hidden_size) for each in bound]
    finals, tape = core.run_forward(
        bound, columns(y, count), traces, keep_tape=keep == TAPE, keep_packed=keep == NOTHING
    )
    return [y, *finals, tape, *traces]


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
    count, sizes = len(reads.seeds), reads.state_sizes()
    size = 0
    if keep != NOTHING:  # how much depends on the lengths, and on the instruction set
        size = torch.library.get_ctx().new_dynamic_size()
    y = reads.x.new_empty(steps, batch, count * sizes[0])
    hidden = sizes[-1]
    slots = reads.params[1].shape[0] // hidden + (len(sizes) > count)
    traces = [reads.x.new_empty(slots, steps, batch, hidden) for _ in range(count) if trace]
    finals = [reads.x.new_empty(batch, size) for size in sizes]
    return [y, *finals, reads.x.new_empty(size), *traces]


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
    x, count = problems[0].x, len(problems)
    outputs = columns(y, count)
    d_outputs = (None,) * count if dy is None else columns(dy, count)
    if keep == STRETCHES:
        dx = core.empty(*x.shape).zero_() if want_x else None
        results = recompute.backward(
            problems, outputs, kept, d_outputs, d_finals, dx, want_params=want_params
        )
    else:
        parts = [core.empty(*x.shape) if want_x else None for _ in problems]
        results = core.backward(
            problems, outputs, kept, d_outputs, d_finals, parts, want_params=want_params
        )
        dx = parts[0]
        for part in parts[1:]:
            dx = None if dx is None or part is None else dx.add_(part)
    return [
        torch.empty(0) if dx is None else dx,
        *[part for result in results for part in result.state],
        *[weight for result in results for weight in result.params or ()],
    ]


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

    weights = params if want_params else ()
    return [like(x) if want_x else x.new_empty(0), *map(like, state), *map(like, weights)]


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
