"""What a window reads, and above all what it does not."""

import dataclasses

import numpy as np
import pytest
import torch

from gatework.data import Columns, Frequency, Panel, Series
from gatework.data.profiles import centred_level, fill, key_profile
from gatework.data.store import BASES, WindowSpec, build_store
from gatework.data.windows import WindowBatch, Windows
from gatework.errors import InputError

DAILY = WindowSpec(30, 56, 7, long_season=364, week=7, log=True, yearly=True, base="median_3")


def daily_panel(*columns: np.ndarray) -> Panel:
    start = np.datetime64("2000-01-01", "us")
    series = [
        Series(str(number), start + np.arange(len(v)) * np.timedelta64(1, "D"), v)
        for number, v in enumerate(columns)
    ]
    return Panel(tuple(series), Frequency("day"), 7, Columns(None, "ds", "y"))


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(1.0, 9.0, n)


def load(panel: Panel, spec: WindowSpec, cutoffs: list[tuple[int, int]]) -> WindowBatch:
    where = torch.tensor(cutoffs)
    windows = Windows(build_store(panel, spec), spec, where[:, 0], where[:, 1])
    return windows.load(torch.arange(len(cutoffs)))


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    ("horizon", "cutoff"), [(30, 1500), (30, 800), (30, 365), (30, 40), (30, 2), (400, 1200)]
)
def test_nothing_after_the_cutoff_is_read(base: str, horizon: int, cutoff: int) -> None:
    spec = dataclasses.replace(DAILY, horizon=horizon, base=base)
    values = noise(2000)
    values[500:] *= 3
    other = values.copy()
    other[cutoff:] = noise(2000 - cutoff, seed=1)
    whole = load(daily_panel(values), spec, [(0, cutoff)])
    for panel in (daily_panel(other), daily_panel(values[:cutoff])):
        same = load(panel, spec, [(0, cutoff)])
        for name in ("past", "future", "base", "level", "scale"):
            torch.testing.assert_close(getattr(whole, name), getattr(same, name), msg=name)
        assert not torch.equal(whole.target, same.target)


def test_everything_a_network_reads_is_finite_whatever_the_series() -> None:
    gaps = noise(900)
    gaps[100:300] = np.nan
    spikes = np.zeros(900)
    spikes[::50] = 1e9
    panel = daily_panel(gaps, np.zeros(900), np.full(900, 5e8), spikes, noise(3))
    spec = dataclasses.replace(DAILY, log=False)
    batch = load(panel, spec, [(s, c) for s in range(4) for c in (1, 8, 200, 900)] + [(4, 3)])
    for part in (batch.past, batch.future, batch.base, batch.level, batch.scale):
        assert torch.isfinite(part).all()
    assert (batch.scale > 0).all()


def test_batch_mates_change_nothing() -> None:
    panel = daily_panel(noise(1000), noise(700, 1))
    both = load(panel, DAILY, [(0, 900), (1, 650)])
    alone = load(panel.select(["1"]), DAILY, [(0, 650)])
    torch.testing.assert_close(both.past[:, 1:], alone.past)
    torch.testing.assert_close(both.future[:, 1:], alone.future)


def test_the_target_undoes_to_the_value() -> None:
    values = noise(800)
    batch = load(daily_panel(values), DAILY, [(0, 700)])
    scaled = (batch.base + batch.target).double()
    back = torch.exp(batch.level + batch.scale * scaled)[:, 0]
    np.testing.assert_allclose(back.numpy(), values[700:730], rtol=1e-5)


def test_missing_targets_are_nan_and_the_mask_is_an_input() -> None:
    values = noise(800)
    values[[699, 701]] = np.nan
    batch = load(daily_panel(values), DAILY, [(0, 700)])
    assert torch.isnan(batch.target[:, 0]).nonzero().flatten().tolist() == [1]
    assert batch.past[-1, 0, 2] == 0
    assert batch.past[-2, 0, 2] == 1


def test_simple_forecasts_by_hand() -> None:
    ramp = np.arange(40.0)
    spec = WindowSpec(4, 8, 2)
    panel = Panel(
        (Series("a", np.arange(40), ramp),), Frequency("index"), 2, Columns(None, "t", "y")
    )
    expected = {
        "last": [29, 29, 29, 29],
        "season": [28, 29, 28, 29],
        "median_3": [26, 27, 26, 27],
        "season_drift": [30, 31, 32, 33],
    }
    for base, values in expected.items():
        batch = load(panel, dataclasses.replace(spec, base=base), [(0, 30)])
        got = batch.level + batch.scale * batch.base[:, 0]
        np.testing.assert_allclose(got.numpy(), values, atol=1e-5)


def test_a_holiday_is_looked_up_in_earlier_years() -> None:
    times = np.arange("2000-01-01", "2008-01-01", dtype="datetime64[D]").astype("datetime64[us]")
    values = np.full(len(times), 10.0)
    holiday = (times.astype("datetime64[M]").astype(int) % 12 == 11) & (
        (times.astype("datetime64[D]") - times.astype("datetime64[M]")).astype(int) == 24
    )
    values[holiday] = 4.0
    keys = np.cumsum(np.ones(len(times), int)) * 0 + np.where(holiday, 1, 0)
    profile = key_profile(keys, values, np.ones(len(times), bool), week=7, per_day=1)
    last = np.flatnonzero(holiday)[-1]
    assert profile.previous[last] == np.flatnonzero(holiday)[-2]
    assert -6 < profile.after[last, 0] < -4.5  # -6, shrunk a little


def test_pools_are_drawn_from_in_order() -> None:
    store = build_store(daily_panel(noise(500)), DAILY)
    pools = [torch.arange(5), torch.arange(5, 9)]
    windows = Windows(
        store, DAILY, torch.zeros(9, dtype=torch.int64), torch.arange(100, 109),
        pools=pools, batch_size=3, batches=20,
    )  # fmt: skip
    plan = torch.stack(windows.plan(torch.Generator().manual_seed(1)))
    again = torch.stack(windows.plan(torch.Generator().manual_seed(1)))
    assert plan.shape == (20, 6)
    assert torch.equal(plan, again)
    assert plan[:, :3].max() == 4
    assert plan[:, 3:].min() == 5


def test_fill_takes_the_season_before() -> None:
    nan = np.nan
    np.testing.assert_array_equal(fill(np.array([nan, 1, 2, nan, nan]), 2), [1, 1, 2, 1, 2])


def test_centred_level_of_a_constant() -> None:
    np.testing.assert_allclose(centred_level(np.full(20, 3.0), 7), 3.0)


def test_a_series_without_values_is_named() -> None:
    with pytest.raises(InputError, match='series "1" has no value'):
        build_store(daily_panel(noise(50), np.full(50, np.nan)), DAILY)
