"""The native scan as torch operators: any cell of the core, in one direction or both at once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gatework.errors import InputError
from gatework.ops import core, recompute
from gatework.ops.kernel import CELLS, OPTION_BITS
from gatework.ops.problem import Problem, Setup, check

# kernel: gw_cell, its options, which parameters there are, training. limits: zoneout of h and of c,
# the clip of c. Two directions hold twice as
# many tensors in each list, forward first, and two seeds; they share x and the lengths.
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
        """Each direction's, checked."""
        x, state, params, lengths, scales, (cell, options, present, training), *_ = self
        zoneout_h, zoneout_c, clip = self.limits
        setup = Setup(cell, options, present, zoneout_h, zoneout_c, clip, training != 0)
        blocks = _blocks(setup)
        count = len(self.seeds)
        states, weights = shares(state, count), shares(params, count)
        return [
            check(
                blocks,
                setup,
                x,
                states[index],
                weights[index],
                lengths,
                scales[index] if scales else None,
                seed,
                reverse=self.reverse if count == 1 else index == 1,
            )
            for index, seed in enumerate(self.seeds)
        ]


def _blocks(setup: Setup) -> int:
    """The row blocks of the weights."""
    cell, options = setup.cell, setup.options
    blocks = 0
    if 0 <= cell < CELLS and 0 <= options < 1 << OPTION_BITS:
        blocks = core.GATES[setup.is_projected][cell][options]
    if not blocks:
        raise InputError(f"the native core has no cell {cell} with options {options}.")
    return blocks


def shares(values: Sequence[Tensor], count: int) -> list[Sequence[Tensor]]:
    """What belongs to each of `count` directions."""
    if count == 1:
        return [values]
    size = len(values) // count
    return [values[index * size : (index + 1) * size] for index in range(count)]


def columns(values: Tensor, count: int) -> Sequence[Tensor]:
    """Those of each direction."""
    return (values,) if count == 1 else values.chunk(2, dim=-1)


def _forward(*inputs: Any) -> list[Tensor]:
    *reads, keep, trace = inputs
    problems = Reads(*reads).problems()
    count, first = len(problems), problems[0]
    steps, batch, _ = first.x.shape
    y = core.empty(steps, batch, count * first.h0.shape[1])
    if keep == STRETCHES:
        finals, kept = recompute.forward(problems, columns(y, count))
        return [y, *finals, kept]
    traces = [
        core.empty(core.traced(each), steps, batch, each.hidden_size) for each in problems if trace
    ]
    finals, tape = core.forward(
        problems,
        columns(y, count),
        traces,
        keep_tape=keep == TAPE,
        keep_packed=keep == NOTHING,
    )
    return [y, *finals, tape, *traces]


# Where torch.compile breaks a graph it traces on, frame by frame; the core is not for its eyes.
_run_forward: Any = torch.compiler.disable(_forward)
torch.library.impl("gatework::scan_forward", "CPU", _run_forward)


@torch.library.register_fake("gatework::scan_forward")
def _forward_fake(*inputs: Any) -> list[Tensor]:
    *reads, keep, trace = inputs
    x, state, params, _, _, _, _, seeds, _ = Reads(*reads)
    steps, batch, _ = x.shape
    width, hidden = state[0].shape[1], state[-1].shape[1]
    size = 0
    if keep != NOTHING:  # how much depends on the lengths, and on the instruction set
        size = torch.library.get_ctx().new_dynamic_size()
    y = x.new_empty(steps, batch, len(seeds) * width)
    slots = params[1].shape[0] // hidden + (len(state) > len(seeds))
    traces = [x.new_empty(slots, steps, batch, hidden) for _ in seeds if trace]
    finals = [torch.empty_like(part, memory_format=torch.contiguous_format) for part in state]
    return [y, *finals, x.new_empty(size), *traces]


def _backward(*inputs: Any) -> list[Tensor]:
    *reads, keep, y, kept, dy, d_finals, want_x, want_params = inputs
    problems = Reads(*reads).problems()
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
        *(part for result in results for part in result.state),
        *(weight for result in results for weight in result.params or ()),
    ]


_run_backward: Any = torch.compiler.disable(_backward)
torch.library.impl("gatework::scan_backward", "CPU", _run_backward)


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
        return _run_forward(*reads, keep, trace)
    return torch.ops.gatework.scan_forward(*reads, keep, trace)


def scan_backward(reads: Reads, *rest: Any) -> list[Tensor]:
    """The operator gatework::scan_backward, likewise."""
    if _is_plain(reads):
        return _run_backward(*reads, *rest)
    return torch.ops.gatework.scan_backward(*reads, *rest)


def _is_plain(reads: Reads) -> bool:
    """Whether this is eager torch on plain tensors: then a dispatch would only take its time."""
    return (
        not torch.compiler.is_compiling()
        and torch._C._len_torch_dispatch_stack() == 0
        and torch._C._get_tracing_state() is None
        and _PLAIN.issuperset(map(type, (reads.x, *reads.state, *reads.params)))
    )
