"""Settings are checked where they are made, and survive a round trip."""

import msgspec
import pytest

from gatework.errors import InputError
from gatework.training import TrainSettings


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "Nothing ends"),
        ({"max_steps": 0}, "max_steps is 0; expected a whole number of at least 1"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"time_budget": 0.0}, "time_budget"),
        ({"max_steps": 1, "learning_rate": float("nan")}, "learning_rate is nan"),
        ({"max_steps": 1, "learning_rate": None}, "learning_rate is None"),
        ({"max_steps": 1, "clip_norm": 0.0}, "clip_norm"),
        ({"max_steps": 1, "weight_decay": -0.1}, "weight_decay"),
        ({"max_steps": 1, "checkpoint_seconds": float("inf")}, "checkpoint_seconds"),
        ({"max_steps": 1, "warmup": 1.0}, "warmup"),
        ({"max_steps": 1, "average": 1.0}, "average"),
        ({"max_steps": 1, "patience": 0}, "patience"),
        ({"max_steps": 1, "validate_every": 0}, "validate_every"),
        ({"max_steps": 1, "log_every": 0}, "log_every"),
        ({"max_steps": 1, "seed": -1}, "seed"),
        ({"max_steps": 1, "schedule": "linear"}, "expected one of .*'cosine'"),
        ({"max_steps": 1, "keep": "first"}, "expected one of .*'best'"),
    ],
)
def test_wrong_settings_are_refused_by_name(wrong, message):
    with pytest.raises(InputError, match=message):
        TrainSettings(**wrong)


def test_settings_go_to_json_and_back():
    settings = TrainSettings(max_steps=7, clip_norm=None, average=0.9, schedule="one_cycle")
    assert msgspec.json.decode(msgspec.json.encode(settings), type=TrainSettings) == settings


def test_settings_from_json_are_checked_too():
    with pytest.raises(msgspec.ValidationError, match="warmup is 2"):
        msgspec.json.decode(b'{"max_steps": 1, "warmup": 2.0}', type=TrainSettings)
