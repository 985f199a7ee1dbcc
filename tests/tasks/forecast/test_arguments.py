"""Arguments of a wrong type are refused by name, and NumPy's numbers are as good as Python's."""

import dataclasses
import json

import numpy as np
import pytest

from gatework.errors import InputError
from gatework.tasks.forecast.arguments import check_levels
from gatework.tasks.forecast.settings import ForecastSettings
from gatework.tasks.settings import to_settings


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("horizon", 6.5, "horizon is 6.5; expected a whole number"),
        ("horizon", "6", "horizon is '6'; expected a whole number"),
        ("horizon", None, "horizon is None; expected a whole number"),
        ("horizon", True, "horizon is True; expected a whole number"),
        ("log", "yes", "log is 'yes'; expected True or False"),
        ("dropout", "much", "dropout is 'much'; expected a number"),
        ("seed", 2**70, "expected at most 2**63 - 1"),
        ("members", 0, "members is 0; expected 1 or more"),
    ],
)
def test_a_wrong_type_is_refused(name: str, value: object, words: str) -> None:
    with pytest.raises(InputError) as caught:
        to_settings(ForecastSettings, {"horizon": 7, name: value})
    assert words in str(caught.value)


def test_numbers_of_numpy_become_plain() -> None:
    settings = to_settings(
        ForecastSettings, {"horizon": np.int64(7), "dropout": np.float32(0.5), "log": None}
    )
    assert json.dumps(dataclasses.asdict(settings))
    assert (settings.horizon, settings.dropout, settings.log) == (7, 0.5, None)
    assert check_levels([np.float64(95), 80]) == (80.0, 95.0)
