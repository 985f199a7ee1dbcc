"""A value that is not finite stops the training, and the message says where it began."""

import math

import pytest
import torch
from torch import Tensor, nn

from gatework.training import TrainingError, TrainSettings, train
from gatework.training.checkpoint import read_checkpoint
from training.toys import Line, Pair, line_model, recurrent_model, squared_error

SETTINGS = TrainSettings(max_steps=20, checkpoint_seconds=0.0)


class Root(nn.Module):
    """Gives 0 at 0, where its gradient is infinite."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Linear(2, 1)
        self.after = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.before(x).abs().sqrt())


def test_the_parameter_whose_gradient_broke_first_is_named():
    def loss(model: Root, batch: Pair) -> Tensor:
        return model(torch.zeros_like(batch.x)).mean()

    model = Root()
    nn.init.zeros_(model.before.bias)
    with pytest.raises(TrainingError, match=r"Step 1 .*the loss is -?0\.\d+") as caught:
        train(model, Line(), loss, settings=SETTINGS)
    assert "in the order they arose: 'before." in str(caught.value)
    assert "'after." not in str(caught.value)


def test_the_module_whose_output_broke_first_is_named():
    model = recurrent_model()

    def loss(model: nn.Module, batch: Pair) -> Tensor:
        return squared_error(model, Pair(batch.x.unsqueeze(2)[:, :, :1] * math.nan, batch.y))

    with pytest.raises(TrainingError, match="the loss is nan") as caught:
        train(model, Line(), loss, settings=SETTINGS)
    assert "First output that is not finite: that of module 'lstm'." in str(caught.value)


def test_a_bad_batch_is_called_one_and_the_weights_before_it_stand(tmp_path):
    class Broken(Line):
        loads = 0

        def load(self, index: Tensor) -> Pair:
            Broken.loads += 1
            return Pair(self.x[index] * (math.nan if Broken.loads == 7 else 1.0), self.y[index])

    model = line_model()
    with pytest.raises(TrainingError) as caught:
        train(model, Broken(), squared_error, settings=SETTINGS, folder=tmp_path)
    message = str(caught.value)
    assert message.startswith("Step 7 (epoch 1, batch 2) broke: the loss is nan")
    assert "The batch itself holds values that are not finite." in message
    assert str(tmp_path / "state") in message
    assert torch.isfinite(model.weight).all()
    checkpoint = read_checkpoint(tmp_path)
    assert checkpoint is not None
    assert checkpoint.manifest.position.step == 6
    assert torch.equal(checkpoint.groups["model"]["weight"], model.weight)


def test_weights_that_were_never_finite_are_named():
    model = line_model()
    nn.init.constant_(model.bias, math.inf)
    with pytest.raises(TrainingError, match="weights were not finite before this step: 'bias'"):
        train(model, Line(), squared_error, settings=SETTINGS)


def test_a_validation_that_is_not_finite_stops_the_training():
    settings = TrainSettings(max_steps=20, validate_every=3)
    with pytest.raises(TrainingError, match="validation after step 3 is nan"):
        train(line_model(), Line(), squared_error, settings=settings, validate=lambda _: math.nan)


def test_the_hooks_of_the_search_are_gone_after_it():
    model = line_model()
    nn.init.constant_(model.bias, math.inf)
    with pytest.raises(TrainingError):
        train(model, Line(), squared_error, settings=SETTINGS)
    assert not model._forward_hooks
