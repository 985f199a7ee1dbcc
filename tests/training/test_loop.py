"""The loop: it learns, stops when told to, keeps the right weights and says what happened."""

import itertools

import pytest
import torch
from torch import Tensor, nn

from gatework.errors import InputError
from gatework.training import TrainSettings, loop, train
from training.toys import Line, Pair, Score, Sums, line_model, recurrent_model, squared_error


def test_it_learns_a_line():
    model = line_model()
    settings = TrainSettings(max_steps=300, learning_rate=0.1, weight_decay=0.0)
    history = train(model, Line(), squared_error, settings=settings)
    assert history.records[-1].loss < 1e-3 < 0.1 < history.records[0].loss
    torch.testing.assert_close(model.weight, torch.tensor([[2.0, -1.0]]), atol=0.02, rtol=0)


def test_it_learns_a_recurrent_network_with_every_option_on():
    settings = TrainSettings(
        epochs=40, learning_rate=0.02, schedule="one_cycle", warmup=0.3, average=0.95
    )
    score = Score(Sums())
    model = recurrent_model()
    before = score(model.eval())
    history = train(model, Sums(), squared_error, settings=settings, validate=score)
    assert history.best_validation is not None
    assert history.best_validation < 0.5 * before
    assert score(model) == history.best_validation
    assert not model.training


@pytest.mark.parametrize(
    ("limits", "steps", "epochs", "stopped"),
    [
        ({"max_steps": 10}, 10, 2, "max_steps"),
        ({"epochs": 3}, 12, 3, "epochs"),
        ({"max_steps": 10, "epochs": 3}, 10, 2, "max_steps"),
        ({"max_steps": 13, "epochs": 3}, 12, 3, "epochs"),
    ],
)
def test_the_first_limit_ends_the_run(limits, steps, epochs, stopped):
    history = train(line_model(), Line(), squared_error, settings=TrainSettings(**limits))
    assert (history.steps, history.epochs, history.stopped) == (steps, epochs, stopped)


class Scripted:
    """A validation that answers from a list, and remembers the weights it saw."""

    def __init__(self, *answers: float) -> None:
        self.answers = iter(answers)
        self.seen: list[Tensor] = []

    def __call__(self, model: nn.Linear) -> float:
        assert not model.training
        assert not torch.is_grad_enabled()
        self.seen.append(model.weight.detach().clone())
        return next(self.answers)


def test_early_stopping_gives_back_the_best_weights():
    validate, model = Scripted(3.0, 1.0, 2.0, 1.0, 0.5), line_model()
    settings = TrainSettings(max_steps=100, validate_every=2, patience=2)
    history = train(model, Line(), squared_error, settings=settings, validate=validate)
    assert (history.steps, history.stopped) == (8, "patience")
    assert (history.best_step, history.best_validation) == (4, 1.0)
    assert torch.equal(model.weight, validate.seen[1])
    assert not torch.equal(model.weight, validate.seen[3])


def test_the_last_weights_are_kept_on_request():
    validate, model = Scripted(1.0, 2.0, 3.0), line_model()
    settings = TrainSettings(max_steps=5, validate_every=2, keep="last")
    history = train(model, Line(), squared_error, settings=settings, validate=validate)
    assert torch.equal(model.weight, validate.seen[-1])
    assert history.best_step == 2
    assert [record.validation for record in history.records] == [1.0, 2.0, 3.0]


def test_the_average_is_validated_and_kept_and_does_not_change_the_training():
    def run(average: float | None) -> tuple[nn.Linear, list[float]]:
        model = line_model()
        settings = TrainSettings(max_steps=40, log_every=1, average=average, keep="last")
        history = train(model, Line(), squared_error, settings=settings, validate=Score(Line()))
        return model, [record.loss for record in history.records]

    plain, plain_losses = run(None)
    averaged, averaged_losses = run(0.9)
    assert plain_losses == averaged_losses
    assert Score(Line())(averaged) > Score(Line())(plain), "a falling loss: the past is worse"


def test_averaging_is_the_average():
    seen: list[Tensor] = []

    def watched(model: nn.Linear, batch: Pair) -> Tensor:
        seen.append(model.weight.detach().clone())
        return squared_error(model, batch)

    def run(average: float | None) -> Tensor:
        model = line_model()
        train(model, Line(), watched, settings=TrainSettings(max_steps=3, average=average))
        return model.weight.detach()

    last = run(None)
    expected = seen[0]
    for step, weight in enumerate([seen[1], seen[2], last], start=1):
        decay = min(0.2, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
    torch.testing.assert_close(run(0.2), expected)


def test_validation_does_not_change_the_training():
    def losses(every: int) -> list[float]:
        settings = TrainSettings(max_steps=12, validate_every=every, log_every=1)
        model = recurrent_model()
        history = train(model, Sums(), squared_error, settings=settings, validate=Score(Sums()))
        return [record.loss for record in history.records]

    assert losses(1) == losses(5)


def test_the_seed_decides_and_the_global_generator_is_left_alone():
    def losses(seed: int) -> list[float]:
        settings = TrainSettings(max_steps=6, log_every=1, seed=seed)
        history = train(recurrent_model(), Sums(), squared_error, settings=settings)
        return [record.loss for record in history.records]

    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again, other = losses(1), losses(1), losses(2)
    assert first == again
    assert first != other
    torch.set_rng_state(state)
    assert torch.equal(torch.rand(2), expected)


def test_training_leaves_the_global_generator_as_it_found_it():
    model = recurrent_model()
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    train(model, Sums(), squared_error, settings=TrainSettings(max_steps=3))
    assert torch.equal(torch.rand(2), expected)


def test_bfloat16_rounds_the_products_and_leaves_the_weights_in_float32():
    model, exact = line_model(), line_model()
    model.load_state_dict(exact.state_dict())
    seen: list[torch.dtype] = []
    model.register_forward_hook(lambda _, __, output: seen.append(output.dtype))
    settings = {"max_steps": 40, "learning_rate": 0.1, "weight_decay": 0.0}
    train(model, Line(), squared_error, settings=TrainSettings(precision="bfloat16", **settings))
    train(exact, Line(), squared_error, settings=TrainSettings(**settings))
    assert set(seen) == {torch.bfloat16}
    assert model.weight.dtype == torch.float32
    assert 0 < (model.weight - exact.weight).abs().max() < 0.05


def test_clipping_limits_the_gradient_and_reports_its_norm_before():
    model = line_model()
    grads: list[Tensor] = []
    model.weight.register_post_accumulate_grad_hook(lambda p: grads.append(p.grad))
    model.bias.register_post_accumulate_grad_hook(lambda p: grads.append(p.grad))
    settings = TrainSettings(max_steps=1, clip_norm=0.01, log_every=1)
    history = train(model, Line(), squared_error, settings=settings)
    assert history.records[0].grad_norm > 0.1
    clipped = torch.cat([grad.flatten() for grad in grads]).norm()
    torch.testing.assert_close(clipped, torch.tensor(0.01), atol=1e-6, rtol=0)


def test_weight_decay_spares_biases():
    def still(model: nn.Module, batch: Pair) -> Tensor:
        return 0.0 * squared_error(model, batch)

    model = line_model()
    weight, bias = model.weight.detach().clone(), model.bias.detach().clone()
    settings = TrainSettings(
        max_steps=1, learning_rate=0.1, weight_decay=0.5, schedule="constant", warmup=0.0
    )
    train(model, Line(), still, settings=settings)
    torch.testing.assert_close(model.weight.detach(), weight * 0.95)
    assert torch.equal(model.bias.detach(), bias)


def test_the_time_budget_ends_the_run(monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(loop, "monotonic", lambda: float(next(ticks)))
    settings = TrainSettings(time_budget=50.0, log_every=1, checkpoint_seconds=1e9)
    history = train(line_model(), Line(), squared_error, settings=settings)
    assert history.stopped == "time_budget"
    assert 50.0 <= history.elapsed <= 53.0
    rates = [record.learning_rate for record in history.records]
    assert rates[-1] < 0.1 * max(rates), "the schedule ends with the budget"


def test_a_time_budget_that_does_not_bind_leaves_no_trace():
    def losses(budget: float | None) -> list[float]:
        settings = TrainSettings(max_steps=20, time_budget=budget, log_every=1)
        history = train(line_model(), Line(), squared_error, settings=settings)
        assert history.stopped == "max_steps"
        return [record.loss for record in history.records]

    assert losses(None) == losses(1e6)


def test_a_source_without_batches_is_refused():
    class Empty(Line):
        def plan(self, generator):
            return ()

    with pytest.raises(InputError, match="no batches"):
        train(line_model(), Empty(), squared_error, settings=TrainSettings(max_steps=1))


def test_patience_without_validation_is_refused():
    settings = TrainSettings(max_steps=1, patience=3)
    with pytest.raises(InputError, match="give validate"):
        train(line_model(), Line(), squared_error, settings=settings)


def test_a_model_without_parameters_is_refused():
    with pytest.raises(InputError, match="nothing to train"):
        train(nn.Tanh(), Line(), squared_error, settings=TrainSettings(max_steps=1))


def test_a_loss_that_is_not_a_scalar_is_refused():
    def unreduced(model: nn.Module, batch: Pair) -> Tensor:
        return model(batch.x) - batch.y

    with pytest.raises(InputError, match=r"shape \(16, 1\)"):
        train(line_model(), Line(), unreduced, settings=TrainSettings(max_steps=1))
