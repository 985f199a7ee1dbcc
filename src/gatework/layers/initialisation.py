"""How the parameters of one layer and direction start, by name."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import init

from gatework.cells import AbstractCell
from gatework.errors import InputError

NAMES = ("torch", "orthogonal", "chrono")


@dataclass(frozen=True)
class Initialisation:
    """A named start.

    Args:
        name: "torch" draws everything from U(-1/sqrt(H), 1/sqrt(H)), as torch.nn does and with the
            same draws. "orthogonal" makes each H x H block of the recurrent weights orthogonal
            (Saxe et al. 2014), each block of the input weights Glorot uniform, biases and
            peepholes zero, and the forget bias 1 (Jozefowicz et al. 2015). "chrono" is "torch",
            but for the biases: those of the keeping gate are log U(1, longest_lag - 1), those of
            the writing gate their opposites, the others zero (Tallec & Ollivier 2018,
            arXiv:1804.11188).
        forget_bias: the forget gate's whole bias; None leaves it to `name`.
        longest_lag: the longest dependency in the data, in steps; "chrono" needs it.
    """

    name: str = "torch"
    forget_bias: float | None = None
    longest_lag: int | None = None

    def check(self, cell: AbstractCell, *, has_bias: bool) -> None:
        """Raise InputError if `cell` cannot start in this way."""
        if self.name not in NAMES:
            raise InputError(f"init is {self.name!r}; expected one of {', '.join(NAMES)}.")
        sets_gate_bias = self.name == "chrono" or self.forget_bias is not None
        if sets_gate_bias and (cell.keep_gate is None or not has_bias):
            option = "forget_bias" if self.forget_bias is not None else "init='chrono'"
            lack = "has no gate that keeps its memory" if has_bias else "has no bias (bias=False)"
            raise InputError(f"{option} sets the bias of the gate that keeps, but the cell {lack}.")
        if self.name == "chrono" and (self.longest_lag is None or self.longest_lag < 3):
            raise InputError(
                f"init='chrono' needs longest_lag, in steps, at least 3; it is {self.longest_lag}."
            )
        if self.name == "chrono" and self.forget_bias is not None:
            raise InputError("init='chrono' draws the forget bias itself; leave forget_bias None.")
        if self.name != "chrono" and self.longest_lag is not None:
            raise InputError("longest_lag is read by init='chrono' alone; leave it None.")

    @torch.no_grad()
    def apply(self, cell: AbstractCell, params: dict[str, Tensor]) -> None:
        """Fill `params`, whose order is that of torch's draws."""
        bound = 1 / math.sqrt(cell.hidden_size(params))
        for name, tensor in params.items():
            if name.startswith("norm_"):
                init.constant_(tensor, 1.0 if name.endswith("_weight") else 0.0)
            elif self.name == "orthogonal":
                _orthogonal(name, tensor, len(cell.gates))
            else:
                init.uniform_(tensor, -bound, bound)

        forget_bias = self.forget_bias
        if forget_bias is None and self.name == "orthogonal" and cell.name == "lstm":
            forget_bias = 1.0
        if self.name == "chrono":
            self._set_chrono(cell, params)
        elif forget_bias is not None:
            _set_bias(cell, params, cell.keep_gate, forget_bias)

    def _set_chrono(self, cell: AbstractCell, params: dict[str, Tensor]) -> None:
        assert self.longest_lag is not None, "checked"
        for gate in cell.gates:
            _set_bias(cell, params, gate, 0.0)
        lags = params["weight_hh"].new_empty(cell.hidden_size(params))
        keep = lags.uniform_(1, self.longest_lag - 1).log()
        _set_bias(cell, params, cell.keep_gate, keep)
        _set_bias(cell, params, cell.write_gate, -keep)


def _orthogonal(name: str, tensor: Tensor, blocks: int) -> None:
    if tensor.dim() == 1:
        init.zeros_(tensor)  # biases and peepholes
        return
    for block in tensor.chunk(blocks) if name in ("weight_ih", "weight_hh") else (tensor,):
        if name == "weight_ih":
            init.xavier_uniform_(block)
        else:
            init.orthogonal_(block)


def _set_bias(
    cell: AbstractCell, params: dict[str, Tensor], gate: str | None, value: float | Tensor
) -> None:
    """Make the two biases of `gate` add up to `value`; nothing to do where either is absent."""
    ours, zero = ("bias_ih", "bias_hh") if "bias_ih" in params else ("norm_ih_bias", "norm_hh_bias")
    if gate is None or ours not in params:
        return
    index, blocks = cell.gates.index(gate), len(cell.gates)
    params[ours].chunk(blocks)[index].copy_(torch.as_tensor(value))
    params[zero].chunk(blocks)[index].zero_()
