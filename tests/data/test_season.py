"""Finding the season: real cycles are found, and chance is not taken for one."""

import numpy as np
import pytest

from gatework.data import Frequency
from gatework.data.season import find_season


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


def wave(n: int, period: float) -> np.ndarray:
    return np.sin(np.arange(n) * 2 * np.pi / period)


@pytest.mark.parametrize(
    ("code", "values", "season"),
    [
        ("D", (np.arange(400) % 7 > 4) + 0.3 * noise(400), 7),
        ("D", 10 * wave(2190, 365) + np.convolve(noise(2190), np.ones(5) / 2, "same"), 365),
        ("D", 3 * wave(2190, 365) + 2 * (np.arange(2190) % 7 > 4) + noise(2190), 7),
        ("h", wave(2016, 24) + noise(2016), 24),
        ("h", wave(2016, 168) + 0.3 * noise(2016), 168),
        ("15min", np.exp(wave(2880, 96)) + 0.1 * noise(2880), 96),
        ("MS", 100 + np.arange(60) + 30 * (np.arange(60) % 12 == 11) + 5 * noise(60), 12),
        ("W", 30 * wave(260, 52) + 15 * noise(260), 52),
        ("QS", np.exp(np.arange(40) / 20) * (1 + 0.2 * wave(40, 4)), 4),
        ("B", (np.arange(100) % 5 == 0) + 0.3 * noise(100), 5),
        ("1", wave(800, 12) + 0.5 * noise(800), 12),
        ("1", wave(800, 50) + 0.1 * noise(800), 50),
        ("1", np.arange(300.0) + 5 * (np.arange(300) % 7 == 0), 7),
    ],
)
def test_a_cycle_is_found(code, values, season):
    assert find_season([values], Frequency.parse(code)) == season


@pytest.mark.parametrize("code", ["1", "D", "h", "MS", "W"])
@pytest.mark.parametrize(
    "values",
    [noise(600), noise(600).cumsum(), np.arange(600.0), np.ones(600), noise(5), np.ones(2)],
    ids=["noise", "walk", "line", "constant", "five", "two"],
)
def test_no_cycle_is_none(code, values):
    assert find_season([values], Frequency.parse(code)) == 1


def test_missing_values_are_bridged():
    values = wave(500, 7)
    values[::11] = np.nan
    assert find_season([values], Frequency("day")) == 7


def test_most_series_decide():
    weekly, flat = wave(200, 7), noise(200)
    assert find_season([weekly, weekly, flat], Frequency("day")) == 7
    assert find_season([weekly, flat, flat], Frequency("day")) == 1
