"""Masks of dropout: their rate, their scale, their independence, their seed."""

import pytest
import torch

from gatework.errors import InputError
from gatework.layers.dropout import dropout_mask


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_the_rate_is_met_and_the_mean_kept(rate: float) -> None:
    torch.manual_seed(0)
    mask = dropout_mask(torch.ones(1_000, 1_001), rate)
    dropped = float((mask == 0).double().mean())
    # Five standard deviations of a mean of a million draws, and the rounding of the rate.
    assert dropped == pytest.approx(rate, abs=5 * (rate * (1 - rate) / 1e6) ** 0.5 + 1e-5)
    assert mask.unique().tolist() == pytest.approx(sorted({0.0, 1 / (1 - rate)} if rate else {1.0}))


def test_neighbours_are_independent() -> None:
    torch.manual_seed(0)
    dropped = (dropout_mask(torch.ones(400_000), 0.5) == 0).double() - 0.5
    for step in (1, 2, 3, 4):
        assert abs(float((dropped[step:] * dropped[:-step]).mean())) < 5 * 0.25 / 400_000**0.5


def test_a_seed_repeats_a_mask() -> None:
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(dropout_mask(torch.ones(7, 3, dtype=torch.float64), 0.5))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
    assert masks[0].dtype == torch.float64


def test_nothing_is_drawn_for_nothing() -> None:
    assert dropout_mask(torch.ones(0, 5), 0.5).shape == (0, 5)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_that_cannot_be(rate: float) -> None:
    with pytest.raises(InputError, match="expected from 0 to below 1"):
        dropout_mask(torch.ones(1), rate)
