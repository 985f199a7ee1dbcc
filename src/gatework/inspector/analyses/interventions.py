"""Changing what a recurrent layer does at chosen steps: gates and states held at a value, nudged.

No equation of a cell is written again. A gate is held by making its sum a constant: its rows of
every weight become zero, its bias the sum that gives the value. The memory of an LSTM is held by
keeping all and writing nothing; any other state is put back after each step. So the steps run in
the cell's own mathematics, on any backend, and can be differentiated.
"""

import abc
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatework.cells import GRU, LSTM, RNN, AbstractCell, Params, State
from gatework.errors import InputError

FAR = 1e4  # the sum at which a sigmoid or tanh is exactly at its end in float64 and float32


class _Inverse(NamedTuple):
    """The range of an activation, and the sum that gives a value in it."""

    low: float
    high: float
    of: Callable[[Tensor], Tensor]


def _ends(sums: Tensor) -> Tensor:
    return sums.clamp(-FAR, FAR)


_INVERSES: Mapping[str, _Inverse] = MappingProxyType(
    {
        "sigmoid": _Inverse(0.0, 1.0, lambda value: _ends(torch.logit(value))),
        "tanh": _Inverse(-1.0, 1.0, lambda value: _ends(torch.atanh(value))),
        "hard_sigmoid": _Inverse(0.0, 1.0, lambda value: 6 * value - 3),
        "relu": _Inverse(0.0, math.inf, lambda value: value),
        "identity": _Inverse(-math.inf, math.inf, lambda value: value),
    }
)


class Place(NamedTuple):
    """Which step of which sequences: `time` in the order of time, `rows` of the batch."""

    time: int
    rows: Tensor


class AbstractEdit(abc.ABC):
    """A change of what one layer and direction does at some of its steps."""

    @property
    @abc.abstractmethod
    def is_stepwise(self) -> bool:
        """Whether `after` has to be asked after each step."""

    @abc.abstractmethod
    def when(self, length: int) -> NDArray[np.bool_]:
        """Which steps of a sequence of `length` are changed, (length,), in the order of time."""

    @abc.abstractmethod
    def params(self, cell: AbstractCell, params: Params) -> Params:
        """The weights of these steps."""

    @abc.abstractmethod
    def before(self, cell: AbstractCell, state: State) -> State:
        """The state with which a run of such steps begins."""

    @abc.abstractmethod
    def after(self, cell: AbstractCell, old: State, new: State, place: Place) -> State:
        """The state after one such step, from what it was before and what the cell made of it."""


@final
@dataclass(frozen=True)
class Clamp(AbstractEdit):
    """A gate or a state of some units held at a value over some steps.

    Args:
        name: a gate or a state of the cell: "f", "c", "h".
        units: which; all if None.
        value: what they are held at: one number, or one for each unit; None holds a state where it
            was when the steps began (freeze: keep = 1, write = 0).
        steps: from and up to (exclusive) which step, in the order of time; negative from the end.
        lags: likewise counted back from each sequence's last step, which is lag 0. At most one of
            the two; all steps if neither.

    Example:
        >>> Clamp("f", units=(0, 2), value=1.0).when(3).tolist()
        [True, True, True]
        >>> Clamp("c", value=0.0, lags=(1, 3)).when(5).tolist()
        [False, False, True, True, False]
    """

    name: str
    units: tuple[int, ...] | None = None
    value: float | tuple[float, ...] | None = None
    steps: tuple[int, int | None] | None = None
    lags: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.lags is not None:
            raise InputError("a clamp was given both steps and lags; give one of them.")

    @property
    def is_stepwise(self) -> bool:
        return self.name != "c" and self._is_state

    @property
    def _is_state(self) -> bool:
        return self.name in ("h", "c")

    def when(self, length: int) -> NDArray[np.bool_]:
        chosen = np.zeros(length, dtype=bool)
        if self.lags is not None:
            first, last = (max(length - lag, 0) for lag in reversed(self.lags))
            chosen[first:last] = True
        else:
            chosen[slice(*(self.steps or (0, None)))] = True
        return chosen

    def params(self, cell: AbstractCell, params: Params) -> Params:
        units = self._units(cell, params)
        if not self._is_state:
            if self.value is None:
                raise InputError(f"gate {self.name} was given no value to be held at.")
            return force(cell, params, self.name, units, self._values(units, params))
        if self.name != "c":
            return params
        still = torch.zeros(len(units), dtype=params["weight_hh"].dtype)
        if cell.keep_gate is not None:
            params = force(cell, params, cell.keep_gate, units, still + 1)
        if cell.write_gate is not None:
            params = force(cell, params, cell.write_gate, units, still)
        elif not getattr(cell, "coupled", False):  # everything is written: let it be nothing
            params = force(cell, params, cell.candidate, units, still)
        return params

    def before(self, cell: AbstractCell, state: State) -> State:
        if self.name != "c" or self.value is None:
            return state
        return self._put(cell, state, None)

    def after(self, cell: AbstractCell, old: State, new: State, place: Place) -> State:
        if not self._is_state or self.name == "c":
            return new
        return self._put(cell, new, old)

    def _put(self, cell: AbstractCell, state: State, old: State | None) -> State:
        """`state` with the value, or with what `old` has, in the units."""
        at = cell.states.index(self.name)
        part = state[at]
        chosen = range(part.shape[1]) if self.units is None else self.units
        units = torch.tensor(list(chosen), dtype=torch.int64, device=part.device)
        if self.value is None:
            assert old is not None
            values = old[at].index_select(1, units)
        else:
            values = torch.as_tensor(self.value, dtype=part.dtype, device=part.device)
            values = values.expand(len(part), len(units))
        return (*state[:at], part.index_copy(1, units, values), *state[at + 1 :])

    def _units(self, cell: AbstractCell, params: Params) -> Tensor:
        names = dict.fromkeys((*cell.states, *cell.gates))
        if self.name not in names:
            raise InputError(f"{cell.name} has no {self.name!r} to clamp; it has "
                             f"{', '.join(names)}.")  # fmt: skip
        width = cell.hidden_size(params)
        if self.name in cell.states:
            width = cell.state_sizes(params)[cell.states.index(self.name)]
        units = range(width) if self.units is None else self.units
        outside = [unit for unit in units if not 0 <= unit < width]
        if outside:
            raise InputError(f"unit {outside[0]} was to be clamped; {self.name} has {width}, "
                             "from 0.")  # fmt: skip
        if isinstance(self.value, tuple) and len(self.value) != len(units):
            raise InputError(f"value holds {len(self.value)} numbers for {len(units)} units.")
        return torch.tensor(list(units), dtype=torch.int64, device=params["weight_hh"].device)

    def _values(self, units: Tensor, params: Params) -> Tensor:
        values = torch.as_tensor(self.value, dtype=params["weight_hh"].dtype, device=units.device)
        return values.expand(len(units))


@final
@dataclass(frozen=True, eq=False)
class Nudge(AbstractEdit):
    """A state with something added after every step; its gradient is that of the state.

    Args:
        name: "h" or "c".
        by: (T, B, size), in the order of time.
    """

    name: str
    by: Tensor

    @property
    def is_stepwise(self) -> bool:
        return True

    def when(self, length: int) -> NDArray[np.bool_]:
        return np.ones(length, dtype=bool)

    def params(self, cell: AbstractCell, params: Params) -> Params:
        return params

    def before(self, cell: AbstractCell, state: State) -> State:
        return state

    def after(self, cell: AbstractCell, old: State, new: State, place: Place) -> State:
        at = cell.states.index(self.name)
        part = new[at] + self.by[place.time].index_select(0, place.rows)
        return (*new[:at], part, *new[at + 1 :])


Edits = Mapping[tuple[int, bool], Sequence[AbstractEdit]]


def force(
    cell: AbstractCell, params: Params, gate: str, units: Tensor, values: Tensor
) -> dict[str, Tensor]:
    """The weights with which `gate` of `units` is `values` whatever the cell reads.

    Raises:
        InputError: the activation cannot give a value, or the cell is one we cannot do this to.
    """
    kind = _activation(cell, gate)
    inverse = _INVERSES[kind]
    if bool((values < inverse.low).any() or (values > inverse.high).any()):
        raise InputError(
            f"gate {gate} was to be held at {values.tolist()}; its {kind} gives "
            f"{inverse.low:g} to {inverse.high:g}."
        )
    hidden = cell.hidden_size(params)
    rows = units + cell.gates.index(gate) * hidden
    changed = _with_biases(cell, params)

    def put(name: str, at: Tensor, value: Tensor | float) -> None:
        filling = torch.as_tensor(value, dtype=values.dtype, device=values.device)
        shape = (len(at), *changed[name].shape[1:])
        changed[name] = changed[name].index_copy(0, at, filling.expand(shape))

    normed = "norm_ih_weight" in params  # the norm looks at all rows: only what comes after changes
    for name in ("norm_ih_weight", "norm_hh_weight") if normed else ("weight_ih", "weight_hh"):
        put(name, rows, 0.0)
    bias_ih, bias_hh = ("norm_ih_bias", "norm_hh_bias") if normed else ("bias_ih", "bias_hh")
    put(bias_ih, rows, inverse.of(values))
    put(bias_hh, rows, 0.0)
    if f"weight_c{gate}" in params:
        put(f"weight_c{gate}", units, 0.0)
    if "weight_gg" in params and isinstance(cell, LSTM) and gate in cell.switches:
        put("weight_gg", units + cell.switches.index(gate) * hidden, 0.0)
    return changed


def _activation(cell: AbstractCell, gate: str) -> str:
    if isinstance(cell, LSTM):
        return cell.candidate_activation if gate == cell.candidate else cell.gate_activation
    if isinstance(cell, GRU):
        return "tanh" if gate == cell.candidate else "sigmoid"
    if isinstance(cell, RNN):
        return cell.nonlinearity
    raise InputError(f"gates of a {cell.name} cannot be clamped: only of lstm, gru and rnn.")


def _with_biases(cell: AbstractCell, params: Params) -> dict[str, Tensor]:
    """The weights with biases of zero where there are none."""
    weight = params["weight_ih"]
    shapes = cell.parameter_shapes(
        weight.shape[1],
        cell.hidden_size(params),
        bias=True,
        proj_size=params["weight_hr"].shape[0] if "weight_hr" in params else 0,
    )
    return {
        name: params[name] if name in params else weight.new_zeros(shape)
        for name, shape in shapes.items()
    }
