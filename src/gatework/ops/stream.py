"""One sequence taken a step at a time: a stack of cells whose state stays between the calls."""

import abc
import os
import threading
from collections.abc import Sequence
from typing import NamedTuple, final

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


class AbstractStepper(abc.ABC):
    """A stack with its own copy of the parameters, and its state, which starts as zeros.

    Calls from several threads take turns.

    Args:
        calls: a scan of one step of one sequence for each layer, the lowest first.

    Attributes:
        like: an empty tensor with the dtype and device of the weights.
    """

    def __init__(self, calls: Sequence[ScanCall]) -> None:
        first = calls[0]
        self._cell = first.cell
        self.like = first.params["weight_ih"].detach().new_empty(0)
        self._inputs = torch.Size([first.x.shape[-1]])
        self._sizes = tuple((len(calls), size) for size in first.cell.state_sizes(first.params))

    @abc.abstractmethod
    def step(self, x: Tensor) -> Tensor:
        """Take x, (I,), and return h, (P,). No gradient flows through it."""

    @abc.abstractmethod
    def get_state(self) -> State:
        """A copy of the state: one (layers, size) tensor for each of `cell.states`."""

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
            checks.check_shape(f"state {name}", part, size, "(num_layers, size)")
            _check_kind(f"state {name}", part, self.like)
        self._put_state(tuple(part.detach().contiguous() for part in state))

    @abc.abstractmethod
    def _put_state(self, state: State) -> None:
        """Copy a state that was checked."""

    @final
    def _check(self, x: Tensor) -> None:
        checks.check_shape("x", x, self._inputs, "(input_size,)")
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
    """On the native core."""

    def __init__(self, calls: Sequence[ScanCall]) -> None:
        super().__init__(calls)
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
class ReferenceStepper(AbstractStepper):
    """By the reference: any cell, dtype and device."""

    def __init__(self, calls: Sequence[ScanCall]) -> None:
        super().__init__(calls)
        self._calls = [
            call._replace(
                params={name: part.detach().clone() for name, part in call.params.items()}
            )
            for call in calls
        ]
        self._turn = threading.Lock()

    def step(self, x: Tensor) -> Tensor:
        self._check(x)
        x = x.reshape(1, 1, -1)
        with self._turn, torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            for layer, call in enumerate(self._calls):
                x, state, _ = REFERENCE.run(call._replace(x=x))
                self._calls[layer] = call._replace(state=state)
        return x.view(-1)

    def get_state(self) -> State:
        with self._turn:
            parts = zip(*(call.initial_state() for call in self._calls), strict=True)
            return tuple(torch.cat(part) for part in parts)

    def _put_state(self, state: State) -> None:
        with self._turn:
            for layer, call in enumerate(self._calls):
                own = tuple(part[layer : layer + 1].clone() for part in state)
                self._calls[layer] = call._replace(state=own)


_STEPPERS: dict[str, type[AbstractStepper]] = {
    NATIVE.name: NativeStepper,
    REFERENCE.name: ReferenceStepper,
}


class Opened(NamedTuple):
    """A stepper, and why it is this one."""

    stepper: AbstractStepper
    explanation: Explanation


def open_stepper(
    cell: AbstractCell,
    params: Sequence[Params],
    regularisation: Regularisation | None = None,
    *,
    backend: str | None = None,
) -> Opened:
    """Make a stack of `cell` that takes its steps one by one.

    Args:
        cell: what every layer runs.
        params: those of each layer, the lowest first; they are copied.
        regularisation: of every layer, not in training: zoneout then mixes.
        backend: "native", "reference", or None for the first that can, as in `scan`.

    Raises:
        InputError: the parameters do not fit the cell, or the backend asked for refuses.
    """
    for each in params:
        checks.check_params(cell, each)
    calls = [_one_step(cell, each, regularisation) for each in params]
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
    return Opened(_STEPPERS[chosen](calls), Explanation(chosen, asked, verdicts))


def _one_step(
    cell: AbstractCell, params: Params, regularisation: Regularisation | None
) -> ScanCall:
    """The scan of one step of one sequence."""
    like = params["weight_ih"].detach()
    x = like.new_zeros(1, 1, like.shape[1])
    state = tuple(like.new_zeros(1, size) for size in cell.state_sizes(params))
    acts = regularisation is not None and regularisation.acts
    return ScanCall(
        cell, params, x, state, None, reverse=False, trace=False,
        regularisation=regularisation if acts else None,
    )  # fmt: skip
