"""Averaged gradient descent: torch's steps, the paper's signal, and a resume to the same end."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from gatework.errors import InputError
from gatework.training import Interrupted, TrainSettings
from gatework.training.average import TriggeredAverage
from gatework.training.sgd import SGD
from training.test_resume import Pressed, assert_same_end, fit
from training.toys import Line, Pair, recurrent_model, squared_error

SETTINGS = TrainSettings(
    max_steps=40,
    optimizer="asgd",
    learning_rate=0.9,  # it bounces, so validation soon gains nothing
    weight_decay=0.01,
    schedule="constant",
    warmup=0.0,
    interval=2,
    validate_every=2,
    keep="last",
    checkpoint_seconds=1e9,
)


def test_its_steps_are_those_of_torch() -> None:
    ours, theirs = (recurrent_model().eval() for _ in range(2))
    optimizer = SGD(dict(ours.named_parameters()), weight_decay=0.3)
    torchs = torch.optim.SGD(
        [
            {"params": [p for p in theirs.parameters() if p.ndim >= 2], "weight_decay": 0.3},
            {"params": [p for p in theirs.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ]
    )
    for rate in (0.1, 0.02, 0.05):
        for group in torchs.param_groups:
            group["lr"] = rate
        optimizer.clear()
        torchs.zero_grad()
        x = torch.randn(4, 10, 1)
        for model in (ours, theirs):
            squared_error(model, Pair(x, x.sum(1))).backward()
        optimizer.step(rate)
        torchs.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other)
    with pytest.raises(InputError, match="another optimizer"):
        optimizer.load({"weight:first": torch.zeros(1)}, "optimizer.safetensors")


def test_the_average_begins_at_the_signal_and_is_a_mean() -> None:
    weight = nn.Parameter(torch.tensor([0.0]))
    average = TriggeredAverage({"weight": weight}, interval=2)
    # 4 is not worse than the best of all but the last two, [5]; 4.5 is worse than [5, 3, 4].
    for validation in (5.0, 3.0, 4.0, 2.9, 4.5):
        assert not average.has_begun
        average.update(1)
        average.notice(validation)
    for value in (1.0, 2.0, 6.0):
        with torch.no_grad():
            weight.fill_(value)
        average.update(1)
    assert average.has_begun
    with average.applied():
        assert weight.item() == 3.0
    assert weight.item() == 6.0
    again = TriggeredAverage({"weight": weight}, interval=2)
    again.load({name: tensor.clone() for name, tensor in average.tensors().items()})
    again.apply()
    assert weight.item() == 3.0


def test_the_mean_is_better_than_what_bounces() -> None:
    averaged = fit(Line(batch_size=4), None, SETTINGS)
    bounced = fit(Line(batch_size=4), None, dataclasses.replace(SETTINGS, interval=1_000))
    everything = Pair(Line().x, Line().y)
    with torch.no_grad():
        assert squared_error(averaged, everything) < squared_error(bounced, everything)


def test_a_run_that_was_cut_off_ends_the_same(tmp_path: Path) -> None:
    for press in (11, 17):
        with pytest.raises(Interrupted):
            fit(Pressed(press), tmp_path / "cut", SETTINGS)
    model = fit(Line(), tmp_path / "cut", SETTINGS)
    whole = fit(Line(), tmp_path / "whole", SETTINGS)
    assert torch.equal(model.weight, whole.weight)
    assert_same_end(tmp_path / "whole", tmp_path / "cut")


def test_one_average_at_a_time() -> None:
    with pytest.raises(InputError, match="averages the weights itself"):
        dataclasses.replace(SETTINGS, average=0.9)
