"""The schedules at points worked out by hand, and how far a run is."""

import pytest

from gatework.training import TrainSettings, learning_rate
from gatework.training.schedule import fraction_done


@pytest.mark.parametrize(
    ("schedule", "warmup", "fraction", "expected"),
    [
        ("constant", 0.0, 0.0, 1.0),
        ("constant", 0.0, 1.0, 1.0),
        ("constant", 0.2, 0.05, 0.25),
        ("constant", 0.2, 0.2, 1.0),
        ("cosine", 0.0, 0.0, 1.0),
        ("cosine", 0.0, 0.5, 0.5),
        ("cosine", 0.0, 1.0, 0.0),
        ("cosine", 0.2, 0.1, 0.5),
        ("cosine", 0.2, 0.6, 0.5),
        ("one_cycle", 0.3, 0.0, 0.04),
        ("one_cycle", 0.3, 0.15, 0.52),
        ("one_cycle", 0.3, 0.3, 1.0),
        ("one_cycle", 0.3, 0.65, 0.500002),
        ("one_cycle", 0.3, 1.0, 0.000004),
    ],
)
def test_learning_rates(schedule, warmup, fraction, expected):
    settings = TrainSettings(max_steps=10, learning_rate=3.0, schedule=schedule, warmup=warmup)
    assert learning_rate(settings, fraction) == pytest.approx(3.0 * expected, abs=1e-12)


@pytest.mark.parametrize(
    ("limits", "at", "expected"),
    [
        ({"max_steps": 10}, (5, 99.0, 99.0), 0.5),
        ({"epochs": 4}, (99, 1.5, 99.0), 0.375),
        ({"max_steps": 10, "epochs": 4}, (5, 3.0, 0.0), 0.75),
        ({"time_budget": 10.0}, (99, 99.0, 0.5), 0.05),
        ({"max_steps": 10, "time_budget": 10.0}, (0, 0.0, 0.9), 0.0),
        ({"max_steps": 10, "time_budget": 10.0}, (0, 0.0, 1.1), 0.11),
        ({"max_steps": 10, "time_budget": 10.0}, (5, 0.0, 1.1), 0.5),
        ({"max_steps": 10}, (11, 0.0, 0.0), 1.0),
    ],
)
def test_how_far_a_run_is(limits, at, expected):
    assert fraction_done(TrainSettings(**limits), *at) == pytest.approx(expected)
