"""What disturbs a recurrent layer in training, so that it does not learn by heart."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import final

import torch
from torch import Tensor

from gatework.cells import AbstractCell
from gatework.errors import InputError
from gatework.ops import Regularisation, check_probability, drop
from gatework.ops.noise import SEEDS


@final
@dataclass(frozen=True)
class Regularisers:
    """Probabilities, each at least 0 and below 1; all of them draw in training alone.

    Args:
        zoneout: that a unit of a state keeps its old value at a step; one number for all states,
            or one for h and one for c (Krueger et al. 2017, arXiv:1606.01305). In evaluation old
            and new are mixed by it.
        recurrent_dropout: that the recurrent weights do not see a unit of h, the same units at all
            steps of a sequence (Gal & Ghahramani 2016, arXiv:1512.05287).
        input_dropout: that a layer of the stack does not see a feature of its input, likewise.
        weight_drop: that an element of weight_hh is zero throughout a forward pass (Wan et al.
            2013; Merity et al. 2018, arXiv:1708.02182).

    Raises:
        InputError: one is out of range.
    """

    zoneout: float | Sequence[float] = 0.0
    recurrent_dropout: float = 0.0
    input_dropout: float = 0.0
    weight_drop: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.zoneout, Sequence):
            object.__setattr__(self, "zoneout", tuple(self.zoneout))  # a list, from a config file
            for index, probability in enumerate(self.zoneout):
                check_probability(f"zoneout[{index}]", probability)
        else:
            check_probability("zoneout", self.zoneout)
        for name in ("recurrent_dropout", "input_dropout", "weight_drop"):
            check_probability(name, getattr(self, name))

    @property
    def acts(self) -> bool:
        """Whether there is anything to do: most layers need not ask further at every call."""
        return bool(
            self.zoneout or self.recurrent_dropout or self.input_dropout or self.weight_drop
        )

    @property
    def options(self) -> tuple[str, ...]:
        """Those that are not zero, each as "name=value"."""
        return tuple(
            f"{field.name}={getattr(self, field.name)}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        )

    def check(self, cell: AbstractCell) -> None:
        """Raise InputError if `cell` has not the states that zoneout speaks of."""
        self._zoneout(cell)

    def draw_seed(self, *, training: bool) -> int:
        """Draw the seed of a forward pass from torch's generator, if its scans need one."""
        if not training or not (self.recurrent_dropout or self._zones_out):
            return 0
        return int(torch.randint(SEEDS - 1, ()))

    def of_scan(
        self, cell: AbstractCell, seed: int, index: int, *, training: bool
    ) -> Regularisation | None:
        """Return the noise of one scan of a forward pass, the `index`-th; None if there is none."""
        if not (self.recurrent_dropout or self._zones_out):
            return None
        own_seed = (seed + index) % SEEDS
        return Regularisation(self._zoneout(cell), self.recurrent_dropout, own_seed, training)

    def drop_inputs(self, x: Tensor, *, training: bool) -> Tensor:
        """Zero some features of x, (T, B, I), each for all steps of a sequence."""
        return drop(x, self.input_dropout) if training else x

    def drop_weights(self, params: dict[str, Tensor], *, training: bool) -> dict[str, Tensor]:
        """Zero some recurrent weights."""
        if not training or self.weight_drop == 0:
            return params
        return params | {"weight_hh": drop(params["weight_hh"], self.weight_drop)}

    @property
    def _zones_out(self) -> bool:
        # Any sequence has become a tuple, which is told apart sooner than a Sequence.
        return any(self.zoneout) if isinstance(self.zoneout, tuple) else self.zoneout != 0

    def _zoneout(self, cell: AbstractCell) -> tuple[float, ...]:
        """One probability for each state of `cell`; that of a gate which is a state is zero."""
        names = tuple(name for name in cell.states if name in ("h", "c"))
        if not isinstance(self.zoneout, Sequence):
            each = (self.zoneout,) * len(names)
        elif len(self.zoneout) == len(names):
            each = tuple(self.zoneout)
        else:
            raise InputError(
                f"zoneout holds {len(self.zoneout)} probabilities; expected one number, "
                f"or {len(names)}: {', '.join(names)}."
            )
        return each + (0.0,) * (len(cell.states) - len(names))
