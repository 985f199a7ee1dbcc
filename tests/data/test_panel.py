"""From a frame to a panel: what is found, repaired and said, and the panel's own verbs."""

import msgspec
import numpy as np
import polars as pl
import pytest

from gatework.data import Columns, Frequency, Panel, PanelSchema, read_table, to_panel
from gatework.errors import InputError


def days(n: int, first: str = "2024-01-01") -> list[str]:
    return np.arange(np.datetime64(first), np.datetime64(first) + n).astype(str).tolist()


def sales(**changes: list) -> pl.DataFrame:
    columns = {"ds": days(20), "y": [float(i * i % 13) for i in range(20)]}
    return pl.DataFrame(columns | changes)


def two_shops() -> pl.DataFrame:
    parts = [sales().with_columns(pl.lit(name).alias("unique_id")) for name in ("b", "a")]
    return pl.concat(parts)


def test_a_plain_table_reads_without_options():
    panel = to_panel(sales())
    assert panel.columns == Columns(None, "ds", "y")
    assert panel.frequency == Frequency("day")
    assert panel.ids == ("y",)
    assert panel["y"].times[0] == np.datetime64("2024-01-01")
    assert panel["y"].times.dtype == "datetime64[us]"
    np.testing.assert_array_equal(panel["y"].values, sales()["y"].to_numpy())
    assert "frequency: daily (found from the data)" in panel.notes


def test_series_keep_the_order_of_the_table():
    panel = to_panel(two_shops())
    assert panel.ids == ("b", "a")
    assert panel.lengths.tolist() == [20, 20]


def test_shuffled_rows_are_sorted_and_noted():
    frame = two_shops()
    panel = to_panel(frame.sample(fraction=1.0, shuffle=True, seed=3))
    assert "rows were not in order of time; they were sorted" in panel.notes
    np.testing.assert_array_equal(panel["a"].values, to_panel(frame)["a"].values)


def test_rows_that_alternate_between_series_are_in_order():
    panel = to_panel(two_shops().sort("ds", maintain_order=True))
    assert not any("sorted" in note for note in panel.notes)


def test_gaps_become_missing_and_are_counted():
    frame = sales().with_row_index().filter(~pl.col("index").is_in([3, 4, 9])).drop("index")
    panel = to_panel(frame)
    assert np.flatnonzero(np.isnan(panel["y"].values)).tolist() == [3, 4, 9]
    assert panel["y"].times.astype("datetime64[D]").astype(str).tolist() == days(20)
    assert "2 gaps, 3 of 20 days missing" in panel.notes


def test_gaps_in_months_keep_the_calendar():
    stamps = ["2023-10-31", "2023-11-30", "2024-01-31", "2024-02-29", "2024-03-31"]
    panel = to_panel(pl.DataFrame({"ds": stamps, "y": [1, 2, 3, 4, 5]}))
    assert str(panel.frequency) == "ME"
    assert str(panel["y"].times[2].astype("datetime64[D]")) == "2023-12-31"


def test_missing_marks_are_counted():
    cells = [*"12345", " NA ", "", "null", "-", ".", *"5678901234"]
    panel = to_panel(sales(y=cells))
    assert np.isnan(panel["y"].values[5:10]).all()
    assert "5 of 20 target values missing" in panel.notes
    [note] = [note for note in panel.notes if "read as missing" in note]
    assert '4 cells read as missing: "' in note


def test_empty_rows_are_left_out_and_rows_keep_their_numbers():
    frame = sales(
        ds=[*days(10), None, *days(9, "2024-01-11")], y=["1", "2"] * 5 + [None] + ["x"] * 9
    )
    with pytest.raises(InputError, match=r'a\.csv, row 13, column "y": expected a number'):
        to_panel(frame, source="a.csv")
    repaired = to_panel(frame.with_columns(y=pl.col("y").replace("x", "3")), source="a.csv")
    assert "1 empty row left out" in repaired.notes


def test_decimal_commas_are_read_and_noted():
    panel = to_panel(sales(y=["1,5", "2", "3,25", "4"] * 5))
    assert panel["y"].values[:3].tolist() == [1.5, 2.0, 3.25]
    assert 'column "y" is written with decimal commas' in panel.notes


@pytest.mark.parametrize(
    ("stamps", "code", "first", "kind"),
    [
        (["2024-01-01", "2024-01-02", "2024-01-03"], "D", "2024-01-01", "date"),
        (["2024-01-01 05:00", "2024-01-01 06:00"], "h", "2024-01-01T05", "datetime"),
        (["2024-01-01T05:00:00", "2024-01-01T05:15:00"], "15min", "2024-01-01T05", "datetime"),
        (
            ["2024-01-01 00:00:00.250", "2024-01-01 00:00:00.5"],
            "250ms",
            "2024-01-01T00:00:00.25",
            "datetime",
        ),
        (["2024-01-01T05:00+02:00", "2024-01-01T04:00:00Z"], "h", "2024-01-01T03", "datetime"),
        (["1949-01", "1949-02"], "MS", "1949-01-01", "text"),
        (["2020Q4", "2021Q1"], "QS", "2020-10-01", "text"),
        (["2020-Q4", "2021-Q1"], "QS", "2020-10-01", "text"),
        (["20240131", "20240201"], "D", "2024-01-31", "number"),
        (["Jan 2024", "February 2024"], "MS", "2024-01-01", "text"),
        (["31/01/2024", "01/02/2024"], "D", "2024-01-31", "text"),
        (["01/31/2024", "02/01/2024"], "D", "2024-01-31", "text"),
        (["1/31/2024 11:30 PM", "2/1/2024 12:30 AM"], "h", "2024-01-31T23:30", "text"),
        (["2024/01/31", "2024/02/01"], "D", "2024-01-31", "text"),
        (["2024-01-01", "2024-01-08", "2024-01-22"], "W", "2024-01-01", "date"),
        (["2020-02-29", "2021-02-28", "2022-02-28"], "YE", "2020-02-29", "date"),
        ([f"2024-01-{day:02}" for day in (3, 4, 5, 8, 9, 10)], "B", "2024-01-03", "date"),
        (["5", "6", "7"], "1", 5, "integer"),
        ([10, 20, 30], "10", 10, "integer"),
    ],
)
def test_ways_to_write_time(stamps, code, first, kind):
    panel = to_panel(pl.DataFrame({"ds": stamps, "y": range(len(stamps))}))
    assert str(panel.frequency) == code
    times = panel["y"].times
    assert times[0] == (first if isinstance(first, int) else np.datetime64(first))
    assert panel.time.kind == kind


def test_years_are_years_where_the_column_or_the_frequency_says_so():
    years = list(range(1990, 2000))
    named = to_panel(pl.DataFrame({"Year": years, "y": years}))
    asked = to_panel(pl.DataFrame({"ds": years, "y": years}), frequency="Y")
    assert named.frequency == asked.frequency == Frequency("year", 1, 1)
    assert to_panel(pl.DataFrame({"ds": years, "y": years})).frequency == Frequency("index")


def test_time_zones_become_utc_but_local_days_stay_days():
    utc = pl.datetime_range(
        pl.datetime(2024, 3, 30), pl.datetime(2024, 4, 2), "1h", time_zone="UTC", eager=True
    )
    berlin = utc.dt.convert_time_zone("Europe/Berlin")
    hourly = to_panel(pl.DataFrame({"ds": berlin, "y": range(len(utc))}))
    assert hourly["y"].times[0] == np.datetime64("2024-03-30T00")
    assert any("converted to UTC" in note for note in hourly.notes)
    midnights = berlin.filter(berlin.dt.hour() == 0)
    daily = to_panel(pl.DataFrame({"ds": midnights, "y": range(len(midnights))}))
    assert str(daily.frequency) == "D"


@pytest.mark.parametrize("code", ["M", "1mo", "ME"])
def test_month_ends_are_found_for_a_frequency_without_a_day(code):
    stamps = ["2024-01-31", "2024-02-29", "2024-03-31"]
    panel = to_panel(pl.DataFrame({"ds": stamps, "y": [1, 2, 3]}), frequency=code)
    assert panel.frequency == Frequency("month", 1, 31)


def test_what_the_user_says_wins():
    panel = to_panel(sales(ds=days(40)[::2]), frequency="D", season=14)
    assert (panel.season, len(panel["y"])) == (14, 39)
    assert "season of 14 days (given)" in panel.notes
    assert "frequency: daily (given)" in panel.notes


def test_columns_are_found_and_said():
    frame = two_shops().rename({"unique_id": "shop", "ds": "When", "y": "units"})
    panel = to_panel(frame.with_columns(note=pl.lit("x")))
    assert panel.columns == Columns("shop", "When", "units")
    assert 'the id is column "shop" (found from the data: times repeat)' in panel.notes
    assert 'columns not used: "note"' in panel.notes


def test_row_numbers_are_no_target():
    frame = pl.DataFrame({"column_1": range(20), "day": days(20), "units": [3.0, 1.0] * 10})
    assert to_panel(frame).columns == Columns(None, "day", "units")


def test_integer_ids_and_constant_series_are_kept():
    frame = two_shops().with_columns(
        unique_id=pl.when(pl.col("unique_id") == "a").then(1).otherwise(2),
        y=pl.when(pl.col("unique_id") == "a").then(7.0).otherwise(pl.col("y")),
    )
    panel = to_panel(frame)
    assert (panel.ids, panel.id_kind) == (("2", "1"), "integer")
    assert '1 of 2 series never change: "1"' in panel.notes


def test_select_head_tail_truncate_and_split():
    panel = to_panel(two_shops())
    assert panel.select(["a"]).ids == ("a",)
    past, future = panel.split(5)
    assert past.lengths.tolist() == [15, 15]
    np.testing.assert_array_equal(future["a"].values, panel["a"].values[-5:])
    assert np.shares_memory(past["a"].values, panel["a"].values)
    np.testing.assert_array_equal(panel.head(3)["b"].values, panel["b"].values[:3])
    with pytest.raises(InputError, match='no series "A" among 2; did you mean "a"'):
        panel.select(["A"])
    with pytest.raises(InputError, match="2 of 2 series have only 20 days or fewer"):
        panel.truncate(20)


def test_extend_bridges_a_gap_and_refuses_an_overlap():
    panel = to_panel(sales())
    past, newer = panel.split(5)
    joined = past.extend(newer)
    np.testing.assert_array_equal(joined["y"].values, panel["y"].values)
    bridged = past.extend(newer.tail(3))
    assert np.flatnonzero(np.isnan(bridged["y"].values)).tolist() == [15, 16]
    np.testing.assert_array_equal(bridged["y"].times, panel["y"].times)
    with pytest.raises(InputError, match="which is not after"):
        panel.extend(newer)
    with pytest.raises(InputError, match="the newer data is hourly, expected daily"):
        past.extend(Panel(newer.series, Frequency("hour"), 1, newer.columns))


def test_the_schema_survives_json():
    schema = to_panel(two_shops()).schema
    assert msgspec.json.decode(msgspec.json.encode(schema), type=PanelSchema) == schema


def test_new_data_is_read_as_the_schema_says():
    schema = to_panel(two_shops(), season=9).schema
    newer = sales(ds=days(20, "2025-01-01")).head(3).with_columns(unique_id=pl.lit("c"))
    panel = to_panel(newer.with_columns(y=pl.lit(4.0)), schema=schema)
    assert (panel.season, panel.frequency, panel.ids) == (9, Frequency("day"), ("c",))


def test_notes_and_values_do_not_depend_on_the_file_format(tmp_path):
    frame = two_shops()
    frame.write_csv(tmp_path / "a.csv")
    panel = to_panel(read_table(tmp_path / "a.csv"))
    assert panel.notes == to_panel(frame).notes
    np.testing.assert_array_equal(panel["b"].values, to_panel(frame)["b"].values)
