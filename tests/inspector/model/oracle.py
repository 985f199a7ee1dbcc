"""Steps written out by hand, with gates and states held at values: what the edits are tested by."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gatework import cells

Held = Mapping[str, Mapping[int, float]]  # by gate or state, by unit, the value


def held(values: Tensor, name: str, hold: Held) -> Tensor:
    """`values` (B, H) with those of the held units in their place."""
    changed = values.clone()
    for unit, value in hold.get(name, {}).items():
        changed[:, unit] = value
    return changed


def _norm(params: Any, name: str, x: Tensor) -> Tensor:
    weight = params[f"norm_{name}_weight"]
    return functional.layer_norm(x, weight.shape, weight, params.get(f"norm_{name}_bias"))


def lstm_step(cell: Any, params: Any, x: Tensor, state: Any, hold: Held) -> Any:
    """One step of the LSTM and its variants."""
    h, c = state
    from_x = functional.linear(x, params["weight_ih"], params.get("bias_ih"))
    from_h = functional.linear(h, params["weight_hh"], params.get("bias_hh"))
    if cell.layer_norm:
        from_x, from_h = _norm(params, "ih", from_x), _norm(params, "hh", from_h)
    sums = dict(zip(cell.gates, (from_x + from_h).chunk(len(cell.gates), 1), strict=True))

    def gate(name: str, memory: Tensor) -> Tensor:
        peep = params[f"weight_c{name}"] * memory if cell.peephole else 0
        return held(torch.sigmoid(sums[name] + peep), name, hold)

    f = gate("f", c) if "f" in sums else torch.ones_like(c)
    i = 1 - f if cell.coupled else gate("i", c) if "i" in sums else torch.ones_like(c)
    g = held(torch.tanh(sums["g"]), "g", hold)
    c = held(f * c + i * g, "c", hold)
    shown = torch.tanh(_norm(params, "c", c) if cell.layer_norm else c)
    h = gate("o", c) * shown if "o" in sums else shown
    if cell.projection:
        h = h @ params["weight_hr"].T
    return held(h, "h", hold), c


def gru_step(cell: Any, params: Any, x: Tensor, state: Any, hold: Held) -> Any:
    """One step of the GRU."""
    (h,) = state
    weights = [*params["weight_ih"].chunk(3), *params["weight_hh"].chunk(3)]
    b = [*params["bias_ih"].chunk(3), *params["bias_hh"].chunk(3)]
    r = held(torch.sigmoid(x @ weights[0].T + b[0] + h @ weights[3].T + b[3]), "r", hold)
    z = held(torch.sigmoid(x @ weights[1].T + b[1] + h @ weights[4].T + b[4]), "z", hold)
    read, scale = (h, r) if cell.reset_after else (r * h, 1)
    from_h = scale * (read @ weights[5].T + b[5])
    n = held(torch.tanh(x @ weights[2].T + b[2] + from_h), "n", hold)
    return (held((1 - z) * n + z * h, "h", hold),)


def rnn_step(cell: Any, params: Any, x: Tensor, state: Any, hold: Held) -> Any:
    """One step of the RNN."""
    (h,) = state
    from_x = functional.linear(x, params["weight_ih"], params["bias_ih"])
    act = torch.relu if cell.nonlinearity == "relu" else torch.tanh
    n = held(act(from_x + functional.linear(h, params["weight_hh"], params["bias_hh"])), "n", hold)
    return (held(n, "h", hold),)


STEPS: Any = {cells.LSTM: lstm_step, cells.GRU: gru_step, cells.RNN: rnn_step}


def run(layer: Any, which: Any, x: Tensor, state: Any, hold_at: Any) -> tuple[Tensor, Any]:
    """One direction over x (T, B, I); `hold_at(t)` gives what is held at step t."""
    step, params = STEPS[type(layer.cell)], layer.params(which)
    outputs: dict[int, Tensor] = {}
    for t in reversed(range(len(x))) if which.reverse else range(len(x)):
        state = step(layer.cell, params, x[t], state, hold_at(t))
        outputs[t] = state[0]
    return torch.stack([outputs[t] for t in range(len(x))]), state
