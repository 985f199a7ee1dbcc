"""An LSTM and its variants as one writes them in plain PyTorch: eager, one step after another.

The loop is a fair one: all inputs go through one product before it, both biases with them, and a
step is one product (or, under layer norm, one product and its norm) and a few pointwise calls.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from gatework import LSTM


@dataclass(frozen=True)
class Variant:
    """The options of gatework.LSTM that the loop knows; each is off by default."""

    peephole: bool = False
    coupled: bool = False
    layer_norm: bool = False
    proj_size: int = 0
    zoneout: float = 0.0
    recurrent_dropout: float = 0.0
    weight_drop: float = 0.0
    cell_clip: float = 0.0

    @property
    def is_random(self) -> bool:
        """Whether training draws masks."""
        return bool(self.zoneout or self.recurrent_dropout or self.weight_drop)

    def options(self) -> dict[str, float]:
        """The keyword arguments that are on."""
        return {name: value for name, value in vars(self).items() if value}


def run_loop(layer: LSTM, x: Tensor, variant: Variant) -> Tensor:
    """Run the single layer that has the parameters of `layer` over x, (T, B, I)."""
    params: dict[str, Tensor] = {
        name.removesuffix("_l0"): value for name, value in layer.named_parameters()
    }
    hidden = layer.hidden_size
    weight = functional.dropout(params["weight_hh"], variant.weight_drop, layer.training).t()
    sums = functional.linear(x, params["weight_ih"])
    if variant.layer_norm:
        sums = _norm(params, "norm_ih", sums) + params["norm_hh_bias"]
    else:
        sums = sums + (params["bias_ih"] + params["bias_hh"])
    h = x.new_zeros(x.shape[1], variant.proj_size or hidden)
    c = x.new_zeros(x.shape[1], hidden)
    mask = functional.dropout(torch.ones_like(h), variant.recurrent_dropout, layer.training)

    outputs = []
    for step in sums:
        seen = h * mask if variant.recurrent_dropout else h
        if variant.layer_norm:
            product = seen @ weight
            rows, scale = product.shape[1:], params["norm_hh_weight"]
            gates = step + functional.layer_norm(product, rows, scale)
        else:
            gates = torch.addmm(step, seen, weight)
        new_h, new_c = _update(params, gates, c, variant)
        if variant.zoneout:
            h = _zone_out(h, new_h, variant.zoneout, training=layer.training)
            c = _zone_out(c, new_c, variant.zoneout, training=layer.training)
        else:
            h, c = new_h, new_c
        outputs.append(h)
    return torch.stack(outputs)


def _update(
    params: dict[str, Tensor], gates: Tensor, c: Tensor, variant: Variant
) -> tuple[Tensor, Tensor]:
    """The new h and c, from the sums that enter the gates."""
    if variant.coupled:
        f, g, o = gates.chunk(3, dim=1)
        f = torch.sigmoid(f)
        c = f * c + (1 - f) * torch.tanh(g)
    else:
        i, f, g, o = gates.chunk(4, dim=1)
        if variant.peephole:
            i, f = i + params["weight_ci"] * c, f + params["weight_cf"] * c
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    if variant.cell_clip:
        c = c.clamp(-variant.cell_clip, variant.cell_clip)
    if variant.peephole:
        o = o + params["weight_co"] * c
    h = torch.sigmoid(o) * torch.tanh(_norm(params, "norm_c", c) if variant.layer_norm else c)
    return (functional.linear(h, params["weight_hr"]) if variant.proj_size else h), c


def _zone_out(old: Tensor, new: Tensor, probability: float, *, training: bool) -> Tensor:
    if training:
        return torch.where(torch.rand_like(new) < probability, old, new)
    return probability * old + (1 - probability) * new


def _norm(params: dict[str, Tensor], name: str, values: Tensor) -> Tensor:
    weight, bias = params[f"{name}_weight"], params[f"{name}_bias"]
    return functional.layer_norm(values, weight.shape, weight, bias)
