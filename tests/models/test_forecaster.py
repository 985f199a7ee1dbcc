"""The network: quantiles in order, members apart, pinball by hand."""

import pytest
import torch

from gatework.models.forecaster import LEVELS, ForecastEnsemble, NetworkShape, pinball

SHAPE = NetworkShape(
    past_size=3, future_size=2, hidden_size=5, num_layers=2, members=3, dropout=0.3
)


def inputs(batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(7, batch, 3), torch.randn(4, batch, 2)


def test_quantiles_never_cross_whatever_the_weights() -> None:
    model = ForecastEnsemble(SHAPE).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(20).add_(torch.randn_like(parameter))
        answer = model(*inputs(9))
    assert answer.shape == (4, 9, len(LEVELS))
    assert (answer.diff(dim=-1) > 0).all()


def test_in_training_a_member_answers_its_own_slice_alone() -> None:
    model = ForecastEnsemble(NetworkShape(3, 2, 5, members=3)).train()
    past, future = inputs(6)
    answer = model(past, future)
    by_member = model.by_member(past, future)
    for member, part in enumerate(torch.arange(6).chunk(3)):
        torch.testing.assert_close(answer[:, part], by_member[member][:, part])


def test_the_answer_is_the_mean_of_the_members() -> None:
    model = ForecastEnsemble(SHAPE).eval()
    past, future = inputs(2)
    torch.testing.assert_close(model(past, future), model.by_member(past, future).mean(0))


def test_a_window_is_answered_alike_in_any_batch() -> None:
    model = ForecastEnsemble(SHAPE).eval()
    past, future = inputs(6)
    torch.testing.assert_close(
        model(past, future)[:, 2:4], model(past[:, 2:4], future[:, 2:4]), rtol=1e-4, atol=1e-5
    )


def test_standardise_leaves_constant_inputs_alone() -> None:
    model = ForecastEnsemble(SHAPE)
    past, future = torch.randn(50, 8, 3) * 4 + 2, torch.ones(4, 8, 2)
    model.standardise(past, future)
    torch.testing.assert_close(model.get_buffer("past_mean"), past.flatten(0, 1).mean(0))
    torch.testing.assert_close(model.get_buffer("future_std"), torch.ones(2))


def test_pinball_by_hand() -> None:
    quantiles = torch.zeros(1, 2, len(LEVELS))
    above = sum(LEVELS) / len(LEVELS)
    assert pinball(quantiles, torch.tensor([[2.0, float("nan")]])).item() == pytest.approx(
        2 * above
    )
    assert pinball(quantiles, torch.tensor([[-1.0, -1.0]])).item() == pytest.approx(1 - above)


def test_pinball_without_targets_is_zero_with_zero_gradient() -> None:
    quantiles = torch.zeros(1, 2, len(LEVELS), requires_grad=True)
    loss = pinball(quantiles, torch.full((1, 2), float("nan")))
    loss.backward()
    assert loss.item() == 0
    assert quantiles.grad is not None
    assert (quantiles.grad == 0).all()
