"""Laws that hold for every layer: how directions, depth and layout are made of scans."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import gatework
from gatework.layers import AbstractRecurrent

LAYERS: dict[str, Callable[..., AbstractRecurrent]] = {
    "rnn": gatework.RNN,
    "gru": gatework.GRU,
    "lstm": gatework.LSTM,
}
BATCHES = st.integers(1, 5).flatmap(
    lambda steps: st.tuples(st.just(steps), st.lists(st.integers(0, steps), min_size=1, max_size=4))
)


def make(kind: str, input_size: int = 3, **options: bool | int) -> AbstractRecurrent:
    return LAYERS[kind](input_size, 4, dtype=torch.float64, **options)


def draw_x(steps: int, lengths: list[int], width: int = 3) -> Tensor:
    return torch.randn(steps, len(lengths), width, dtype=torch.float64)


def renamed(layer: AbstractRecurrent, old: str, new: str) -> dict[str, Tensor]:
    """The parameters whose names end in `old`, as those of a layer of its own."""
    state = layer.state_dict()
    return {n.removesuffix(old) + new: t for n, t in state.items() if n.endswith(old)}


def joined(hx: Tensor | tuple[Tensor, ...]) -> Tensor:
    return torch.stack(hx) if isinstance(hx, tuple) else hx.unsqueeze(0)


@pytest.mark.parametrize("kind", LAYERS)
@given(batch=BATCHES)
def test_bidirectional_is_forward_and_reversed(kind, batch):
    steps, lengths = batch
    x = draw_x(steps, lengths)
    both, forward, backward = make(kind, bidirectional=True), make(kind), make(kind)
    forward.load_state_dict(renamed(both, "_l0", "_l0"))
    backward.load_state_dict(renamed(both, "_l0_reverse", "_l0"))
    turned = torch.zeros_like(x)
    for index, length in enumerate(lengths):
        turned[:length, index] = x[:length, index].flip(0)

    output, state = both(x, lengths=lengths)
    ahead, ahead_state = forward(x, lengths=lengths)
    back, back_state = backward(turned, lengths=lengths)
    torch.testing.assert_close(output[..., :4], ahead)
    for index, length in enumerate(lengths):
        torch.testing.assert_close(output[:length, index, 4:], back[:length, index].flip(0))
        assert not output[length:, index].any()
    torch.testing.assert_close(
        joined(state), torch.cat([joined(ahead_state), joined(back_state)], dim=1)
    )


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("bidirectional", [False, True])
@given(batch=BATCHES)
def test_two_layers_are_a_layer_twice(kind, bidirectional, batch):
    steps, lengths = batch
    x = draw_x(steps, lengths)
    both = make(kind, num_layers=2, bidirectional=bidirectional)
    lower = make(kind, bidirectional=bidirectional)
    upper = make(kind, input_size=8 if bidirectional else 4, bidirectional=bidirectional)
    for suffix in ("", "_reverse") if bidirectional else ("",):
        lower.load_state_dict(renamed(both, f"_l0{suffix}", f"_l0{suffix}"), strict=False)
        upper.load_state_dict(renamed(both, f"_l1{suffix}", f"_l0{suffix}"), strict=False)

    output, state = both(x, lengths=lengths)
    between, lower_state = lower(x, lengths=lengths)
    above, upper_state = upper(between, lengths=lengths)
    assert output.equal(above)
    assert joined(state).equal(torch.cat([joined(lower_state), joined(upper_state)], dim=1))


@pytest.mark.parametrize("kind", LAYERS)
@given(batch=BATCHES)
def test_batch_first_is_a_transpose(kind, batch):
    steps, lengths = batch
    x = draw_x(steps, lengths)
    time_first, batch_first = make(kind), make(kind, batch_first=True)
    batch_first.load_state_dict(time_first.state_dict())
    output, state = time_first(x, lengths=lengths)
    turned, turned_state = batch_first(x.transpose(0, 1), lengths=lengths)
    assert turned.equal(output.transpose(0, 1))
    assert joined(turned_state).equal(joined(state))
