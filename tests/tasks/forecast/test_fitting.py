"""From a panel to quantiles: learning, honesty, saving."""

import dataclasses

import numpy as np
import pytest
import torch

from data_paths import shared_data
from gatework.data import Columns, Frequency, Panel, Series, read_table, to_panel
from gatework.data.store import WindowSpec, build_store
from gatework.data.windows import Windows
from gatework.errors import InputError
from gatework.models.forecaster import LEVELS
from gatework.tasks.forecast.calibration import calibrate, interpolate_levels, widened
from gatework.tasks.forecast.choices import choose_spec
from gatework.tasks.forecast.fitting import Fitted, fit_networks
from gatework.tasks.forecast.members import rehearsals, training_windows
from gatework.tasks.forecast.settings import ForecastSettings

TINY = ForecastSettings(horizon=6, hidden_size=8, members=2, steps=30, batch_size=16, seed=3)


def waves(count: int = 3, n: int = 150, period: int = 12) -> Panel:
    generator = np.random.default_rng(0)
    t = np.arange(n)
    series = [
        Series(
            f"s{k}",
            t,
            50.0 * (k + 1) + 10 * np.sin(2 * np.pi * t / period) + generator.normal(size=n),
        )
        for k in range(count)
    ]
    return Panel(tuple(series), Frequency("index"), period, Columns("id", "t", "y"))


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit_networks(waves(), TINY)


def test_the_season_is_forecast_on_a_series_never_seen(fitted: Fitted) -> None:
    t = np.arange(100)
    truth = 1e4 + 500 * np.sin(2 * np.pi * t / 12)
    panel = Panel((Series("new", t, truth),), Frequency("index"), 12, Columns("id", "t", "y"))
    answer = fitted.quantiles(panel, [(0, 80), (0, 90)], [0.1, 0.5, 0.9])
    assert answer.shape == (2, 6, 3)
    actual = np.stack([truth[80:86], truth[90:96]])
    last = truth[[[79], [89]]]
    assert np.abs(answer[..., 1] - actual).mean() < 0.5 * np.abs(last - actual).mean()


def test_levels_do_not_cross_not_even_beyond_the_grid(fitted: Fitted) -> None:
    levels = [0.001, 0.01, 0.07, 0.5, 0.93, 0.99, 0.999]
    answer = fitted.quantiles(waves(), [(0, 140), (2, 20)], levels)
    assert (np.diff(answer, axis=-1) >= 0).all()


def test_the_future_changes_nothing(fitted: Fitted) -> None:
    whole = fitted.quantiles(waves(), [(1, 100)], [0.5])
    cut = fitted.quantiles(waves().head(100), [(1, 100)], [0.5])
    np.testing.assert_allclose(whole, cut, rtol=1e-6)


def test_a_scaled_series_has_scaled_forecasts(fitted: Fitted) -> None:
    panel = waves()
    big = Panel(
        tuple(Series(s.id, s.times, 1000 * s.values) for s in panel.series),
        panel.frequency, panel.season, panel.columns,
    )  # fmt: skip
    small = fitted.quantiles(panel, [(0, 120)], [0.1, 0.9])
    np.testing.assert_allclose(
        fitted.quantiles(big, [(0, 120)], [0.1, 0.9]), 1000 * small, rtol=1e-5
    )


def test_saved_and_loaded_answers_alike(fitted: Fitted) -> None:
    loaded = Fitted.from_saved(fitted.config, fitted.state)
    ask = (waves(), [(0, 150), (1, 70)], [0.2, 0.5])
    np.testing.assert_array_equal(loaded.quantiles(*ask), fitted.quantiles(*ask))
    assert loaded.config == fitted.config


def test_the_same_seed_gives_the_same_weights(fitted: Fitted) -> None:
    before = torch.random.get_rng_state()
    again = fit_networks(waves(), TINY)
    assert torch.equal(torch.random.get_rng_state(), before)
    for name, value in fitted.state.items():
        assert torch.equal(value, again.state[name]), name


def test_a_shorter_horizon_is_the_front_of_the_longer(fitted: Fitted) -> None:
    ask = (waves(), [(0, 150)], [0.5])
    np.testing.assert_array_equal(fitted.quantiles(*ask, 2), fitted.quantiles(*ask)[:, :2])


@pytest.mark.parametrize(
    ("cutoffs", "levels", "horizon", "message"),
    [
        ([(0, 0)], [0.5], 6, "cutoff after 0 stamps"),
        ([(0, 151)], [0.5], 6, "expected 1 to 150"),
        ([(3, 9)], [0.5], 6, "the panel has 3"),
        ([(0, 9)], [1.0], 6, "quantile level 1.0"),
        ([(0, 9)], [0.5], 7, "trained for 1 to 6"),
    ],
)
def test_wrong_questions(
    fitted: Fitted, cutoffs: list[tuple[int, int]], levels: list[float], horizon: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fitted.quantiles(waves(), cutoffs, levels, horizon)


def test_damaged_saves_are_the_users_to_know(fitted: Fitted) -> None:
    config = {**fitted.config, "version": 9}
    with pytest.raises(InputError, match="version 9"):
        Fitted.from_saved(config, fitted.state)
    with pytest.raises(InputError, match="damaged"):
        Fitted.from_saved(fitted.config, {})


def test_too_short_a_series_is_refused_with_numbers() -> None:
    with pytest.raises(InputError, match="horizon 6 needs at least 8"):
        fit_networks(waves(1, 7), TINY)


def test_the_shortest_series_that_is_accepted_fits() -> None:
    answer = fit_networks(waves(1, 8), TINY).quantiles(waves(1, 8), [(0, 8)], [0.5])
    assert np.isfinite(answer).all()


def test_a_series_shorter_than_the_horizon_is_forecast_beside_longer_ones() -> None:
    long, short = waves(2).series
    panel = dataclasses.replace(waves(2), series=(long, short.part(0, 5)))
    fitted = fit_networks(panel, ForecastSettings(horizon=12, steps=3, members=1))
    answers = fitted.quantiles(panel, [(0, len(long)), (1, 5)], [0.1, 0.9])
    assert np.isfinite(answers).all()


@pytest.mark.parametrize(
    "setting", [{"horizon": 0}, {"members": 0}, {"dropout": 1.0}, {"learning_rate": 0.0}]
)
def test_settings_out_of_range(setting: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(setting))):
        ForecastSettings(**{"horizon": 3, **setting})  # pyright: ignore[reportArgumentType]


def test_log_is_chosen_where_swings_grow_with_the_level() -> None:
    t = np.arange(120)
    growing = np.exp(0.02 * t) * (10 + np.sin(2 * np.pi * t / 12))
    steady = 100 + t + 5 * np.sin(2 * np.pi * t / 12)
    for values, log in ((growing, True), (steady, False), (growing - 20, False)):
        panel = Panel((Series("a", t, values),), Frequency("index"), 12, Columns(None, "t", "y"))
        spec, choices = choose_spec(panel, ForecastSettings(horizon=6))
        assert spec.log == log
        assert any(choice.name == "log" and choice.reason for choice in choices)


def test_calibrated_members_leave_windows_out_and_still_answer() -> None:
    settings = ForecastSettings(
        horizon=3, hidden_size=4, members=2, steps=5, batch_size=8, calibrate=True
    )
    fitted = fit_networks(waves(1, 300), settings)
    assert dict((c.name, c.value) for c in fitted.choices)["calibrate"] is True
    assert len(set(fitted.stretch)) > 1
    answer = fitted.quantiles(waves(1, 300), [(0, 300)], LEVELS)
    assert (np.diff(answer, axis=-1) >= 0).all()


def test_widened_keeps_order_and_median() -> None:
    quantiles = torch.arange(15.0)[None]
    stretch = [3, 1, 1, 1, 1, 1, 1, 1, 2, 0.5, 1, 1, 1, 1, 1]
    result = widened(quantiles, stretch)
    assert result[0, 7] == 7
    assert result[0, 0] == 7 - 21
    assert result[0, 8] == 9
    assert (result.diff() >= 0).all()


def test_interpolation_is_exact_on_the_grid_and_normal_beyond() -> None:
    grid = torch.special.ndtri(torch.tensor(LEVELS, dtype=torch.float64)).numpy()[None]
    np.testing.assert_allclose(interpolate_levels(grid, LEVELS), grid)
    np.testing.assert_allclose(
        interpolate_levels(grid, [0.975, 0.999]), [[1.959964, 3.090232]], 1e-6
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_airline_beats_seasonal_naive(seed: int) -> None:
    table = read_table(shared_data("forecasting/airline/airline_passengers.csv"))
    panel = to_panel(table, season=12)
    fitted = fit_networks(panel.truncate(24), ForecastSettings(horizon=24, seed=seed))
    values = panel.series[0].values
    answer = fitted.quantiles(panel, [(0, 120)], [0.5])[0, :, 0]
    naive = np.tile(values[108:120], 2)
    assert np.abs(answer - values[120:]).mean() < 0.8 * np.abs(naive - values[120:]).mean()


def test_intervals_of_short_series_cover_what_comes() -> None:
    t = np.arange(96)
    inside = []
    for seed in range(6):
        noise = np.random.default_rng(seed).normal(size=len(t))
        values = 100 + 8 * np.sin(2 * np.pi * t / 12) + 3 * noise
        panel = Panel((Series("a", t, values),), Frequency("index"), 12, Columns(None, "t", "y"))
        fitted = fit_networks(panel.truncate(24), ForecastSettings(horizon=6, seed=seed))
        cutoffs = (72, 78, 84, 90)
        answer = fitted.quantiles(panel, [(0, cutoff) for cutoff in cutoffs], [0.05, 0.95])
        actual = np.stack([values[cutoff : cutoff + 6] for cutoff in cutoffs])
        inside.append((answer[..., 0] <= actual) & (actual <= answer[..., 1]))
    assert 0.8 < np.mean(inside) < 0.98


def test_a_rehearsal_is_judged_only_on_what_came_after_it() -> None:
    panel, spec = waves(2, 100), WindowSpec(horizon=6, context=24, season=12)
    store = build_store(panel, spec)
    series, origins = training_windows(store, spec)
    split = rehearsals(series, origins, store, spec)
    assert split is not None
    assert len(split.pools) == len(split.held) == 3
    for pool, held in zip(split.pools, split.held, strict=True):
        for number in range(2):
            known_to = (origins[pool][series[pool] == number] + spec.horizon).max()
            judged = origins[held][series[held] == number]
            assert judged.min() == known_to
            assert judged.max() < known_to + spec.horizon
    assert (origins[split.held[0]] + spec.horizon).max() == 100


def test_no_room_to_rehearse_on_the_shortest_history() -> None:
    spec = WindowSpec(horizon=6, context=6, season=1)
    store = build_store(waves(1, 14), spec)
    assert rehearsals(*training_windows(store, spec), store, spec) is None


def test_mirrored_misses_widen_both_sides_alike(fitted: Fitted) -> None:
    panel = waves()
    store = build_store(panel, fitted.spec)
    windows = Windows(store, fitted.spec, *training_windows(store, fitted.spec))
    held = [torch.arange(len(windows))] * 2
    generator = torch.Generator().manual_seed(0)
    mirrored = calibrate(fitted.model, windows, held, generator, mirrored=True)
    np.testing.assert_allclose(mirrored, mirrored[::-1])
    assert mirrored[LEVELS.index(0.5)] == 1.0
