"""An LSTM and its variants as one writes them in plain PyTorch: eager, one step after another.

Two loops share their equations. The naive one is what people write first: a cell that multiplies x
and h of one step, called in a loop. The hoisted one is tuned: all inputs go through one product
before it, both biases with them, and a step is one product and a few pointwise calls.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
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


class Loop(nn.Module):
    """The single layer that has the parameters of `layer`, over x, (T, B, I)."""

    def __init__(self, layer: LSTM, variant: Variant, *, hoisted: bool) -> None:
        super().__init__()
        self.layer, self.variant, self.hoisted = layer, variant, hoisted

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """Return the output, and no state."""
        layer, variant = self.layer, self.variant
        params: dict[str, Tensor] = {
            name.removesuffix("_l0"): value for name, value in layer.named_parameters()
        }
        params["weight_hh"] = functional.dropout(
            params["weight_hh"], variant.weight_drop, layer.training
        )
        h = x.new_zeros(x.shape[1], variant.proj_size or layer.hidden_size)
        c = x.new_zeros(x.shape[1], layer.hidden_size)
        mask = functional.dropout(torch.ones_like(h), variant.recurrent_dropout, layer.training)
        sums = _hoisted_sums(params, x, variant) if self.hoisted else None
        outputs = []
        for time, x_step in enumerate(x):
            seen = h * mask if variant.recurrent_dropout else h
            if sums is None:
                gates = _gates(params, x_step, seen, variant)
            else:
                gates = _hoisted_gates(params, sums[time], seen, variant)
            new_h, new_c = _update(params, gates, c, variant)
            if variant.zoneout:
                h = _zone_out(h, new_h, variant.zoneout, training=layer.training)
                c = _zone_out(c, new_c, variant.zoneout, training=layer.training)
            else:
                h, c = new_h, new_c
            outputs.append(h)
        return torch.stack(outputs), None


def _gates(params: dict[str, Tensor], x: Tensor, h: Tensor, variant: Variant) -> Tensor:
    """What enters the gates, from x and h of one step."""
    if variant.layer_norm:
        from_x = functional.linear(x, params["weight_ih"])
        from_h = functional.linear(h, params["weight_hh"])
        return _norm(params, "norm_ih", from_x) + _norm(params, "norm_hh", from_h)
    from_x = functional.linear(x, params["weight_ih"], params["bias_ih"])
    return from_x + functional.linear(h, params["weight_hh"], params["bias_hh"])


def _hoisted_sums(params: dict[str, Tensor], x: Tensor, variant: Variant) -> tuple[Tensor, ...]:
    """The part of all steps that needs no h."""
    sums = functional.linear(x, params["weight_ih"])
    if variant.layer_norm:
        return (_norm(params, "norm_ih", sums) + params["norm_hh_bias"]).unbind()
    return (sums + (params["bias_ih"] + params["bias_hh"])).unbind()


def _hoisted_gates(params: dict[str, Tensor], step: Tensor, h: Tensor, variant: Variant) -> Tensor:
    """That and the part of h."""
    weight = params["weight_hh"].t()
    if not variant.layer_norm:
        return torch.addmm(step, h, weight)
    product = h @ weight
    return step + functional.layer_norm(product, product.shape[1:], params["norm_hh_weight"])


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
