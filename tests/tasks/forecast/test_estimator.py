"""The forecaster on real data: airline passengers, 144 months, one small network."""

import dataclasses
import inspect
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from data_paths import shared_data
from gatework.errors import InputError
from gatework.tasks import run as folder
from gatework.tasks.forecast import Forecaster
from gatework.tasks.forecast.settings import ForecastSettings

SMALL: dict[str, Any] = {"steps": 15, "members": 1, "hidden_size": 8, "batch_size": 16}
QUICK: dict[str, Any] = SMALL | {"steps": 3}


@pytest.fixture(scope="module")
def airline() -> Path:
    return shared_data("forecasting/airline/airline_passengers.csv")


@pytest.fixture(scope="module")
def model(airline: Path) -> Forecaster:
    return Forecaster(horizon=12, **SMALL).fit(airline)


@pytest.fixture(scope="module")
def run(model: Forecaster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "airline"
    model.save(place)
    return place


def months(n: int) -> list[str]:
    return [str(np.datetime64("2000-01") + i) for i in range(n)]


def wave(n: int, shift: float = 0.0) -> list[float]:
    return [10 + shift + math.sin(2 * math.pi * i / 12) + 0.05 * (i * 7 % 5) for i in range(n)]


def long_frame(n: int = 60) -> pl.DataFrame:
    parts = [
        pl.DataFrame({"shop": [name] * n, "month": months(n), "sold": wave(n, shift)})
        for name, shift in (("north", 0.0), ("south", 5.0))
    ]
    return pl.concat(parts)


def test_the_forecast_has_the_users_names_and_goes_on_from_the_end(model: Forecaster) -> None:
    forecast = model.predict()
    assert forecast.columns == [
        "Month",
        "gatework",
        "gatework-lo-80",
        "gatework-hi-80",
        "gatework-lo-95",
        "gatework-hi-95",
    ]
    assert forecast["Month"].to_list() == [f"1961-{month:02}" for month in range(1, 13)]
    ordered = forecast.select(
        "gatework-lo-95", "gatework-lo-80", "gatework", "gatework-hi-80", "gatework-hi-95"
    ).to_numpy()
    assert (np.diff(ordered, axis=1) >= 0).all()


def test_quantiles_instead_of_levels(model: Forecaster) -> None:
    forecast = model.predict(quantiles=[0.1, 0.9])
    assert forecast.columns == ["Month", "gatework", "gatework-q0.1", "gatework-q0.9"]
    levels = model.predict(levels=[80])
    np.testing.assert_allclose(forecast["gatework-q0.1"], levels["gatework-lo-80"])


def test_the_hold_out_beats_the_naive_rules_and_says_so(model: Forecaster) -> None:
    assert model.scores_ is not None
    names = [row["method"] for row in model.scores_.records()]
    assert names == ["gatework", "seasonal-naive", "last-value"]
    assert model.scores_.windows == 2
    assert model.scores_.verdict().startswith("Gatework beats seasonal naive")


def test_a_saved_run_forecasts_the_same(model: Forecaster, run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert names == {
        folder.CONFIG,
        folder.WEIGHTS,
        folder.HISTORY,
        folder.METRICS,
        folder.REPORT,
        folder.FORECAST,
        folder.PICTURE,
    }
    loaded = Forecaster.load(run)
    assert loaded.predict(levels=[50, 90]).equals(model.predict(levels=[50, 90]))
    written = pl.read_csv(run / folder.FORECAST)
    assert written.columns == model.predict().columns
    np.testing.assert_allclose(written["gatework"], model.predict()["gatework"])


def test_newer_rows_continue_the_history(run: Path, airline: Path) -> None:
    table = pl.read_csv(airline)
    loaded = Forecaster.load(run)
    newer = pl.DataFrame(
        {"Month": ["1961-01", "1961-02", "1961-03"], "Passengers": [450, 430, 480]}
    )
    alone = loaded.predict(newer)
    whole = loaded.predict(pl.concat([table, newer]))
    assert alone["Month"][0] == "1961-04"
    assert alone.equals(whole)


def test_evaluate_judges_only_what_training_has_not_seen(run: Path, airline: Path) -> None:
    loaded = Forecaster.load(run)
    newer = pl.DataFrame(
        {"Month": ["1961-01", "1961-02", "1961-03"], "Passengers": [450, 430, 480]}
    )
    fresh = loaded.evaluate(newer)
    assert (fresh.windows, fresh.seen) == (1, False)
    again = loaded.evaluate(airline)
    assert again.seen
    assert "it was trained on" in again.verdict()
    assert loaded.evaluate(newer, lag=1).lag == 1


def test_cross_validation_frame(airline: Path) -> None:
    frame = Forecaster(horizon=6, levels=[90], **SMALL).cross_validation(airline, 3, step_size=2)
    assert frame.columns == [
        "Month",
        "cutoff",
        "Passengers",
        "gatework",
        "gatework-lo-90",
        "gatework-hi-90",
        "seasonal-naive",
        "last-value",
    ]
    assert frame["cutoff"].unique(maintain_order=True).to_list() == [
        "1960-02",
        "1960-04",
        "1960-06",
    ]
    table = dict(pl.read_csv(airline).iter_rows())
    assert frame["Passengers"].to_list() == [table[month] for month in frame["Month"]]
    first = frame.row(0, named=True)
    assert first["seasonal-naive"] == table["1959-03"]
    assert first["last-value"] == table["1960-02"]


@pytest.mark.parametrize(
    ("convert", "kind"),
    [
        (lambda frame: frame, pl.DataFrame),
        (lambda frame: pd.DataFrame(frame.to_dict(as_series=False)), pd.DataFrame),
        (lambda frame: pa.table(frame.to_dict(as_series=False)), pa.Table),
    ],
)
def test_many_series_come_back_in_the_kind_they_came(convert, kind: type) -> None:
    fitted = Forecaster(4, id_col="shop", levels=[80], **QUICK).fit(convert(long_frame()))
    forecast = fitted.predict()
    assert isinstance(forecast, kind)
    columns = list(forecast.column_names if kind is pa.Table else forecast.columns)
    assert columns == ["shop", "month", "gatework", "gatework-lo-80", "gatework-hi-80"]
    assert len(forecast) == 8


def test_every_setting_is_an_argument_with_the_same_default() -> None:
    arguments = inspect.signature(Forecaster).parameters
    for field in dataclasses.fields(ForecastSettings):
        default = field.default
        expected = inspect.Parameter.empty if default is dataclasses.MISSING else default
        assert arguments[field.name].default == expected, field.name


def test_it_shows_what_was_chosen() -> None:
    assert repr(Forecaster(7, members=1)) == "Forecaster(horizon=7, members=1)"


def test_a_seed_is_a_result(model: Forecaster, airline: Path) -> None:
    again = Forecaster(horizon=12, **SMALL).fit(airline)
    assert again.predict().equals(model.predict())
    other = Forecaster(horizon=12, seed=1, **SMALL).fit(airline)
    assert not other.predict().equals(model.predict())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.predict(levels=[80], quantiles=[0.1]), "levels or quantiles, not both"),
        (lambda m: m.predict(levels=[0.8]), "is in percent: write 80"),
        (lambda m: m.predict(levels=[100]), "level 100 is no percentage"),
        (lambda m: m.predict(levels=[80, 80]), "given twice"),
        (lambda m: m.predict(quantiles=[10]), "quantile 10 is not between 0 and 1"),
        (
            lambda m: m.predict(pl.DataFrame({"Month": ["1961-01"], "x": [1]})),
            'no column "Passengers"',
        ),
        (lambda m: m.evaluate(long_frame(), lag=0), "lag is 0"),
        (lambda m: m.predict(levels=80), "levels is 80; expected numbers such as [80, 95]"),
        (lambda m: m.predict(levels=["80"]), "levels is ['80']; expected numbers"),
        (lambda m: m.predict(quantiles=0.5), "quantiles is 0.5; expected numbers"),
        (lambda m: Forecaster(3).predict(), "not fitted"),
        (lambda m: Forecaster(3).save("nowhere"), "not fitted"),
        (lambda m: m.cross_validation(long_frame(), 0), "expected 1 or more"),
    ],
)
def test_wrong_calls(model: Forecaster, call, words: str) -> None:
    with pytest.raises(InputError) as caught:
        call(model)
    assert words in str(caught.value)


def test_a_series_too_short_for_a_hold_out_is_forecast_without_a_score() -> None:
    frame = pl.DataFrame({"ds": list(range(9)), "y": [float(x) for x in range(9)]})
    fitted = Forecaster(4, **QUICK).fit(frame)
    assert fitted.scores_ is None
    assert fitted.predict().height == 4


def test_gaps_are_noted_and_never_scored() -> None:
    frame = pl.DataFrame({"ds": months(72), "y": wave(72)}).with_row_index()
    frame = frame.filter(~pl.col("index").is_in([20, 21, 68])).drop("index")
    fitted = Forecaster(6, **QUICK).fit(frame)
    assert any("missing" in note or "gap" in note for note in fitted.panel_.notes)
    assert fitted.scores_ is not None
    assert all(math.isfinite(float(row["mase"])) for row in fitted.scores_.records())
