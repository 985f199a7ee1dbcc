"""Frames of other libraries in, and forecasts out as the same kind of frame."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from gatework.data import as_given, forecast_frame, to_panel
from gatework.errors import InputError

Y = [float(i * i % 11) for i in range(20)]


def answer(frame, **options):
    panel = to_panel(frame, **options)
    return as_given(forecast_frame(panel, {"gatework": np.ones((len(panel), 2))}), panel)


def test_pandas_in_pandas_out():
    frame = pd.DataFrame({"shop": [7] * 10 + [8] * 10, "ds": [*range(10)] * 2, "y": Y})
    out = answer(frame, id_col="shop")
    assert isinstance(out, pd.DataFrame)
    assert out.columns.tolist() == ["shop", "ds", "gatework"]
    assert out["shop"].tolist() == [7, 7, 8, 8]
    assert out["ds"].tolist() == [10, 11, 10, 11]


def test_a_pandas_index_of_times_is_the_time():
    index = pd.date_range("2024-01-01", periods=20, freq="h", name="when")
    out = answer(pd.DataFrame({"load": Y}, index=index))
    assert out.columns.tolist() == ["when", "gatework"]
    assert out["when"].tolist() == [index[-1] + pd.Timedelta(hours=k) for k in (1, 2)]


def test_pandas_periods_and_objects_read_as_what_they_show():
    periods = pd.DataFrame({"ds": pd.period_range("2020-01", periods=20, freq="M"), "y": Y})
    assert answer(periods)["ds"].tolist() == ["2021-09", "2021-10"]
    stamps = [stamp.date() for stamp in pd.date_range("2024-01-01", periods=20)]
    odd = pd.DataFrame({"ds": stamps, "y": Y, "thing": [object()] * 20})
    assert answer(odd)["ds"].tolist() == [pd.Timestamp("2024-01-21"), pd.Timestamp("2024-01-22")]


def test_pandas_missing_and_categories():
    frame = pd.DataFrame(
        {
            "unique_id": pd.Categorical(["a"] * 10 + ["b"] * 10),
            "ds": [*range(10)] * 2,
            "y": pd.array([None, *range(19)], dtype="Int64"),
        }
    )
    panel = to_panel(frame)
    assert panel.ids == ("a", "b")
    assert np.isnan(panel["a"].values[0])


def test_local_days_come_back_local():
    stamps = pd.date_range("2024-03-20", periods=20, tz="Europe/Berlin")
    out = answer(pd.DataFrame({"ds": stamps, "y": Y}))
    assert out["ds"].tolist() == [stamps[-1] + pd.offsets.Day(k) for k in (1, 2)]


def test_pyarrow_in_pyarrow_out():
    times = pa.array(pd.date_range("2024-01-01", periods=20, freq="15min"))
    out = answer(pa.table({"ds": times, "y": Y}))
    assert isinstance(out, pa.Table)
    assert out.column_names == ["ds", "gatework"]


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        (["1949-01", "1949-02", "1949-03"], ["1949-04", "1949-05"]),
        (["2020Q2", "2020Q3", "2020Q4"], ["2021Q1", "2021Q2"]),
        (["2020-Q2", "2020-Q3", "2020-Q4"], ["2021-Q1", "2021-Q2"]),
        (["30/12/2023", "31/12/2023", "01/01/2024"], ["02/01/2024", "03/01/2024"]),
        (
            ["12/31/2023 1:00 PM", "12/31/2023 2:00 PM"],
            ["12/31/2023 03:00 PM", "12/31/2023 04:00 PM"],
        ),
        (["20231230", "20231231", "20240101"], [20240102, 20240103]),
        ([5, 6, 7], [8, 9]),
        (["Jan 2024", "Feb 2024", "Mar 2024"], ["Apr 2024", "May 2024"]),
    ],
)
def test_forecasts_write_time_as_the_user_does(stamps, expected):
    assert answer(pl.DataFrame({"ds": stamps, "y": range(len(stamps))}))["ds"].to_list() == expected


def test_dates_stay_dates_and_clocks_stay_clocks():
    dates = pl.DataFrame({"ds": ["2024-01-01", "2024-01-02"], "y": [1, 2]})
    clocks = pl.DataFrame({"ds": ["2024-01-01 00:00:00", "2024-01-02 00:00:00"], "y": [1, 2]})
    assert answer(dates)["ds"].dtype == pl.Date
    assert answer(clocks)["ds"].dtype == pl.Datetime("us")


def test_cutoffs_stand_beside_times_of_the_past():
    panel = to_panel(pl.DataFrame({"ds": range(6), "y": range(6)}))
    past, future = panel.split(2)
    frame = forecast_frame(
        past,
        {"y": np.array([[4.0, 5.0]]), "gatework": np.zeros((1, 2))},
        times=[future["y"].times],
        cutoffs=[past["y"].times[-1]],
    )
    assert frame.rows() == [(4, 3, 4.0, 0.0), (5, 3, 5.0, 0.0)]
    assert frame.columns == ["ds", "cutoff", "y", "gatework"]


def test_a_forecast_cannot_take_the_name_of_a_key():
    panel = to_panel(pl.DataFrame({"ds": range(6), "y": range(6)}))
    with pytest.raises(InputError, match='"ds" has the name of a column'):
        forecast_frame(panel, {"ds": np.zeros((1, 2))})
    with pytest.raises(ValueError, match=r"shape \(2, 2\), expected \(1, 2\)"):
        forecast_frame(panel, {"a": np.zeros((2, 2))})
