"""Changing what a recurrent layer does at chosen steps: gates and states held at a value, nudged.

A gate is held by other weights (`forcing`). The memory of an LSTM is held by keeping all and
writing nothing; any other state is put back after each step.
"""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatework.cells import LSTM, AbstractCell, Params, State
from gatework.errors import InputError
from gatework.inspector.analyses.forcing import force


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
        elif not (isinstance(cell, LSTM) and cell.coupled):  # all is written: let it be nothing
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
