"""A stack of cells, a step at a time, whose state stays between the calls: one sequence or many."""

import abc
import itertools
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, final

import torch
from torch import Tensor

from gatework.cells import AbstractCell, Params, State
from gatework.errors import InputError
from gatework.ops import checks, core, differentiable
from gatework.ops.call import ScanCall
from gatework.ops.native import NATIVE
from gatework.ops.noise import Regularisation
from gatework.ops.prepare import BACKEND_VARIABLE
from gatework.ops.reference import REFERENCE
from gatework.ops.scan import Explanation, Verdict

# Rows of a batch that a thread is given at least: the core's tiles (GW_TILE_BATCH) then serve
# every part or none, and the number of threads changes no bit.
LEAST_ROWS: Final = 16
_LEAST_WORK: Final = 8_000_000  # products of a step that are worth waking a thread for


class AbstractStepper(abc.ABC):
    """A stack with its own copy of the parameters, and its state, which starts as zeros.

    Calls from several threads take turns.

    Args:
        calls: a scan of one step for each layer, the lowest first.
        rows: (B,) of a batch, () of one sequence.

    Attributes:
        like: an empty tensor with the dtype and device of the weights.
    """

    def __init__(self, calls: Sequence[ScanCall], rows: tuple[int, ...]) -> None:
        first = calls[0]
        self._cell = first.cell
        self.like = first.params["weight_ih"].detach().new_empty(0)
        self._inputs = torch.Size([*rows, first.x.shape[-1]])
        sizes = first.cell.state_sizes(first.params)
        self._sizes = tuple((len(calls), *rows, size) for size in sizes)

    @abc.abstractmethod
    def step(self, x: Tensor) -> Tensor:
        """Take x, (I,) or (B, I), and return h, (P,) or (B, P). No gradient flows through it."""

    @abc.abstractmethod
    def get_state(self) -> State:
        """A copy of the state: a (layers, size) or (layers, B, size) of each of `cell.states`."""

    @final
    def set_state(self, state: State | None) -> None:
        """Start from `state`, shaped as `get_state` gives it, or from zeros.

        Raises:
            InputError: a shape, dtype or device does not fit.
        """
        if state is None:
            state = tuple(self.like.new_zeros(size) for size in self._sizes)
        if len(state) != len(self._sizes):
            names = ", ".join(self._cell.states)
            raise InputError(
                f"state holds {len(state)} tensors; expected {len(self._sizes)}: {names}."
            )
        for name, part, size in zip(self._cell.states, state, self._sizes, strict=True):
            axes = "(num_layers, size)" if len(size) == 2 else "(num_layers, B, size)"
            checks.check_shape(f"state {name}", part, size, axes)
            _check_kind(f"state {name}", part, self.like)
        self._put_state(tuple(part.detach().contiguous() for part in state))

    @abc.abstractmethod
    def _put_state(self, state: State) -> None:
        """Copy a state that was checked."""

    @final
    def _check(self, x: Tensor) -> None:
        axes = "(input_size,)" if len(self._inputs) == 1 else "(B, input_size)"
        checks.check_shape("x", x, self._inputs, axes)
        _check_kind("x", x, self.like)


def _check_kind(name: str, tensor: Tensor, like: Tensor) -> None:
    """Raise InputError unless `tensor` has the dtype and device of `like`, autocast or not."""
    if tensor.dtype != like.dtype or tensor.device != like.device:
        raise InputError(
            f"{name} is {tensor.dtype} on {tensor.device}, but the weights are {like.dtype} on "
            f"{like.device}; convert it with .to({str(like.device)!r}, {like.dtype})."
        )


@final
class NativeStepper(AbstractStepper):
    """One sequence on the native core."""

    def __init__(self, calls: Sequence[ScanCall], rows: tuple[int, ...]) -> None:
        super().__init__(calls, rows)
        self._core = core.stream([differentiable.problem(call) for call in calls])
        self._output = self.like.new_empty(self._sizes[0][1])

    def step(self, x: Tensor) -> Tensor:
        if x.shape != self._inputs or x.dtype is not torch.float32 or not x.is_cpu:
            self._check(x)
        if not x.is_contiguous():
            x = x.contiguous()
        address = x.data_ptr()
        if not address:
            raise InputError(f"x is a {type(x).__name__} without memory; expected a plain tensor.")
        y = torch.empty_like(self._output)
        self._core.step(address, y.data_ptr())
        return y

    def get_state(self) -> State:
        state = tuple(self.like.new_empty(size) for size in self._sizes)
        self._core.get_state(*_addresses(state))
        return state

    def _put_state(self, state: State) -> None:
        self._core.set_state(*_addresses(state))


def _addresses(state: State) -> tuple[int, int]:
    """Those of h and c, 0 for one that is not there."""
    return state[0].data_ptr(), state[1].data_ptr() if len(state) > 1 else 0


@final
class NativeBatchStepper(AbstractStepper):
    """A batch on the native core.

    Rows are shared out among threads that each run the core on their own: it keeps packed weights
    between calls of one thread, and packs them anew, which takes half a step, where several work
    together. All memory is bound once; the state is in one of two places in turn.
    """

    def __init__(self, calls: Sequence[ScanCall], rows: tuple[int, ...]) -> None:
        super().__init__(calls, rows)
        (batch,) = rows
        self._x = self.like.new_zeros(1, *self._inputs)
        self._places = [tuple(map(self.like.new_zeros, self._sizes)) for _ in range(2)]
        self._outputs = [self.like.new_empty(1, *self._sizes[0][1:]) for _ in calls]
        work = sum(part.numel() for call in calls for part in call.params.values()) * batch
        parts = max(1, min(core.num_threads(), batch // LEAST_ROWS, work // _LEAST_WORK))
        edges = [batch * part // parts for part in range(parts + 1)]
        cuts = [slice(*edge) for edge in itertools.pairwise(edges)]
        self._params = [  # the core has their addresses
            {name: part.detach().clone() for name, part in call.params.items()} for call in calls
        ]
        self._bound = [[self._bind(calls, cut, at) for cut in cuts] for at in range(2)]
        self._helpers = ThreadPoolExecutor(parts - 1) if parts > 1 else None
        self._at = 0
        self._turn = threading.Lock()

    def _bind(self, calls: Sequence[ScanCall], cut: slice, at: int) -> "list[_Bound]":
        """Some rows of every layer, from the state in place `at` to that in the other."""
        before, after = self._places[at], self._places[1 - at]
        bound, x = [], self._x
        for layer, (call, params) in enumerate(zip(calls, self._params, strict=True)):
            state = tuple(part[layer, cut] for part in before)
            own = call._replace(params=params, x=x[:, cut], state=state)
            bound.append(
                _Bound(
                    core.bind(differentiable.problem(own), 1),
                    self._outputs[layer][:, cut],
                    [part[layer, cut] for part in after],
                )
            )
            x = self._outputs[layer]
        return bound

    def step(self, x: Tensor) -> Tensor:
        self._check(x)
        with self._turn:
            self._x[0].copy_(x)
            first, *others = self._bound[self._at]
            waiting = [self._helpers.submit(_run, each) for each in others if self._helpers]
            _run(first)
            for each in waiting:
                each.result()
            self._at = 1 - self._at
            return self._outputs[-1][0].clone()

    def get_state(self) -> State:
        with self._turn:
            return tuple(part.clone() for part in self._places[self._at])

    def _put_state(self, state: State) -> None:
        with self._turn:
            for own, part in zip(self._places[self._at], state, strict=True):
                own.copy_(part)


class _Bound(NamedTuple):
    """One step of some rows of a layer, with the memory that it writes."""

    problem: Any
    output: Tensor
    finals: list[Tensor]


def _run(layers: Sequence[_Bound]) -> None:
    for each in layers:
        core.run_again(*each)


@final
class ReferenceStepper(AbstractStepper):
    """By the reference: any cell, dtype and device."""

    def __init__(self, calls: Sequence[ScanCall], rows: tuple[int, ...]) -> None:
        super().__init__(calls, rows)
        self._calls = [
            call._replace(
                params={name: part.detach().clone() for name, part in call.params.items()}
            )
            for call in calls
        ]
        self._turn = threading.Lock()

    def step(self, x: Tensor) -> Tensor:
        self._check(x)
        x = x.reshape(1, -1, x.shape[-1])
        with self._turn, torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            for layer, call in enumerate(self._calls):
                x, state, _ = REFERENCE.run(call._replace(x=x))
                self._calls[layer] = call._replace(state=state)
        return x.view(*self._inputs[:-1], -1)

    def get_state(self) -> State:
        with self._turn:
            parts = zip(*(call.initial_state() for call in self._calls), strict=True)
            return tuple(
                torch.stack(part).view(size) for part, size in zip(parts, self._sizes, strict=True)
            )

    def _put_state(self, state: State) -> None:
        with self._turn:
            for layer, call in enumerate(self._calls):
                own = tuple(part[layer].clone().view(-1, part.shape[-1]) for part in state)
                self._calls[layer] = call._replace(state=own)


class Opened(NamedTuple):
    """A stepper, and why it is this one."""

    stepper: AbstractStepper
    explanation: Explanation


def open_stepper(
    cell: AbstractCell,
    params: Sequence[Params],
    regularisation: Regularisation | None = None,
    *,
    batch: int | None = None,
    backend: str | None = None,
) -> Opened:
    """Make a stack of `cell` that takes its steps one by one.

    Args:
        cell: what every layer runs.
        params: those of each layer, the lowest first; they are copied.
        regularisation: of every layer, not in training: zoneout then mixes.
        batch: B; None for one sequence, without that axis.
        backend: "native", "reference", or None for the first that can, as in `scan`.

    Raises:
        InputError: the parameters do not fit the cell, or the backend asked for refuses.
    """
    for each in params:
        checks.check_params(cell, each)
    calls = [_one_step(cell, each, regularisation, batch or 1) for each in params]
    refusals = {NATIVE.name: NATIVE.refuses(calls[0]), REFERENCE.name: REFERENCE.refuses(calls[0])}
    asked = backend or os.environ.get(BACKEND_VARIABLE) or None
    source = "backend" if backend else BACKEND_VARIABLE
    if asked not in (None, *refusals):
        raise InputError(
            f"{source} is {asked!r}, which takes no single steps; for a stream expected one of "
            f"{', '.join(refusals)}."
        )
    chosen = asked or next(name for name, refusal in refusals.items() if refusal is None)
    if refusals[chosen] is not None:
        raise InputError(
            f"{source} is {chosen!r}, which refuses this stream: {refusals[chosen]}. "
            f"Ask for another one, or for none ({BACKEND_VARIABLE} unset, backend=None)."
        )
    verdicts = tuple(Verdict(name, refusal) for name, refusal in refusals.items())
    native = NativeStepper if batch is None else NativeBatchStepper
    kind = native if chosen == NATIVE.name else ReferenceStepper
    rows = () if batch is None else (batch,)
    return Opened(kind(calls, rows), Explanation(chosen, asked, verdicts))


def _one_step(
    cell: AbstractCell, params: Params, regularisation: Regularisation | None, batch: int
) -> ScanCall:
    """The scan of one step."""
    like = params["weight_ih"].detach()
    x = like.new_zeros(1, batch, like.shape[1])
    state = tuple(like.new_zeros(batch, size) for size in cell.state_sizes(params))
    acts = regularisation is not None and regularisation.acts
    return ScanCall(
        cell, params, x, state, None, reverse=False, trace=False,
        regularisation=regularisation if acts else None,
    )  # fmt: skip
