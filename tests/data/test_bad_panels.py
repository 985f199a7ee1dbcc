"""What is wrong with a table is said with the place, what was expected, and what to do."""

import numpy as np
import polars as pl
import pytest

from gatework.data import to_panel
from gatework.errors import InputError

DAYS = [f"2024-01-{day:02}" for day in range(1, 13)]
UNITS = [str(i * 7 % 5) for i in range(12)]


def table(**columns: list) -> pl.DataFrame:
    return pl.DataFrame({"ds": DAYS, "y": UNITS} | columns)


def changed(cells: list, place: int, value: object) -> list:
    return [*cells[:place], value, *cells[place + 1 :]]


FRAMES = {
    "a bad number": (
        table(y=changed(UNITS, 5, "n/a?")),
        ['a.csv, row 7, column "y": expected a number, found "n/a?"'],
    ),
    "grouped thousands": (
        table(y=changed(UNITS, 5, "1,234")),
        ["row 7", 'found "1,234"', "without thousands separators"],
    ),
    "an infinite number": (
        table(y=changed(UNITS, 2, "inf")),
        ["row 4", "expected a finite number, found inf"],
    ),
    "text for a target": (table(y=["x"] * 12), ["row 2", 'expected a number, found "x"']),
    "true and false": (table(y=[True, False] * 6), ["expected numbers, found Boolean"]),
    "no time in a cell": (
        table(ds=changed(DAYS, 3, None)),
        ['a.csv, row 5, column "ds": expected a time, found nothing'],
    ),
    "another writing of time": (
        table(ds=changed(DAYS, 3, "soon")),
        ["row 5", 'a time written like "2024-01-01", found "soon"'],
    ),
    "a day that is none": (
        table(ds=changed(DAYS, 3, "2024-02-30")),
        ["row 5", 'found "2024-02-30", which does not exist'],
    ),
    "no times at all": (table(ds=["a"] * 12), ["row 2", 'expected a time such as "2024-01-31"']),
    "day or month first": (
        table(ds=[f"0{i % 9 + 1}/0{i // 9 + 1}/2024" for i in range(12)]),
        ["row 2", "both day first and month first", "write them as 2024-01-31"],
    ),
    "neither day nor month first": (
        table(ds=["31/31/2024"] * 12),
        ["row 2", '"31/31/2024" are no dates'],
    ),
    "a repeated time": (
        table(ds=changed(DAYS, 7, "2024-01-03")),
        ["a.csv, row 9: the time 2024-01-03", "(row 4)", "name the column that tells them apart"],
    ),
    "a repeated time in a series": (
        table(ds=changed(DAYS, 7, "2024-01-03"), unique_id=["s"] * 12),
        ['a.csv, row 9: the time 2024-01-03 of series "s"', "(row 4)", "keep one row"],
    ),
    "a stamp off the grid": (
        table(ds=changed([day + " 00:00" for day in DAYS], 6, "2024-01-07 05:30")),
        ['row 8, column "ds": 2024-01-07 05:30:00 does not lie on the daily grid', "2024-01-01"],
    ),
    "a first stamp off the grid": (
        table(ds=changed([day + " 00:00" for day in DAYS], 0, "2024-01-01 00:30")),
        ["row 2", "2024-01-01 00:30:00 does not lie on the daily grid", "of the rows after it"],
    ),
    "a stamp from another age": (
        table(ds=changed(DAYS, 11, "2094-01-12")),
        ["row 13", "2094-01-12 follows 2024-01-11", "days without a row"],
    ),
    "a series of another frequency": (
        table(
            ds=[*DAYS[:8], *(f"2024-0{i}-01" for i in range(1, 5))],
            unique_id=["a"] * 8 + ["b"] * 4,
        ),
        ["expected daily stamps", 'in "b" the next stamp after 2024-01-01 is 2024-02-01'],
    ),
    "no id in a cell": (
        table(unique_id=changed(["s"] * 12, 4, "")),
        ['row 6, column "unique_id": expected the series\' id, found nothing'],
    ),
    "a series of one row": (
        table(unique_id=["a"] * 11 + ["b"]),
        ["1 series of 2 too short", '"b"'],
    ),
    "series of one row each": (
        table(unique_id=[str(i) for i in range(12)]),
        ["every series has a single row"],
    ),
    "no value in a series": (
        table(
            ds=DAYS[:6] * 2,
            y=[*UNITS[:6], *["NA"] * 6],
            unique_id=["a"] * 6 + ["b"] * 6,
        ),
        ["1 series of 2 without a single value", '"b"'],
    ),
    "a constant": (table(y=["3"] * 12), ["never changes (always 3)", "nothing to learn"]),
    "no rows": (table().head(0), ["a.csv has no rows", '"ds", "y"']),
    "only empty rows": (table(ds=[None] * 12, y=[""] * 12), ["a.csv has only empty rows"]),
    "no time column": (
        pl.DataFrame({"a": ["x", "z"], "y": [1, 2]}),
        ['no column "ds" for the time', '"a", "y"', "name the time column"],
    ),
    "two time columns": (
        pl.DataFrame({"from": DAYS, "to": DAYS, "y": UNITS}),
        ['could each be it: "from", "to"', "name the time column"],
    ),
    "two target columns": (
        pl.DataFrame({"ds": DAYS, "a": UNITS, "b": UNITS}),
        ['no column "y" for the target', 'could each be it: "a", "b"'],
    ),
    "no target column": (
        pl.DataFrame({"ds": DAYS, "a": ["x"] * 12, "b": ["z"] * 12}),
        ['no column "y" for the target', "none holds numbers"],
    ),
    "no numbers in the only other column": (
        pl.DataFrame({"ds": DAYS, "a": ["x"] * 12}),
        ['row 2, column "a": expected a number, found "x"'],
    ),
    "no value in the only series": (
        pl.DataFrame({"ds": DAYS, "units": [""] * 12}),
        ['column "units" has not a single value'],
    ),
    "a value too large to reckon with": (
        table(y=changed(UNITS, 4, "-2e300")),
        ['row 6, column "y": -2e+300 is too large'],
    ),
    "steps of microseconds": (
        table(ds=[f"2024-01-01 00:00:00.{i:06}" for i in range(12)]),
        ["below a millisecond", "whole numbers"],
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_bad_table_is_refused_with_its_place(name):
    frame, parts = FRAMES[name]
    with pytest.raises(InputError) as error:
        to_panel(frame, source="folder/a.csv")
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"target_col": "unit"}, ['no column "unit" for the target', 'did you mean "units"']),
        ({"time_col": "DSS", "target_col": "units"}, ['"DSS" for the time', 'did you mean "ds"']),
        ({"target_col": "ds", "time_col": "ds"}, ["must be different columns"]),
        ({"frequency": "soon"}, ['frequency "soon" is not known', '"15min"']),
        ({"frequency": "1"}, ["holds dates or times", 'cannot be "1"']),
        ({"frequency": "MS"}, ["row 3", 'not lie on a grid of frequency "MS" (asked for)']),
        ({"frequency": "2D"}, ["row 3", "every 2 days grid (asked for)"]),
        ({"season": 0}, ["season must be 1 step (none) or more, not 0"]),
    ],
)
def test_a_bad_option_is_refused(options, parts):
    frame = table().rename({"y": "units"})
    with pytest.raises(InputError) as error:
        to_panel(frame, source="a.csv", **options)
    for part in parts:
        assert part in str(error.value)


def test_a_frame_counts_its_rows_from_0():
    with pytest.raises(InputError, match=r"data frame, row 5 \(counting from 0\), column"):
        to_panel(table(y=changed(UNITS, 5, "x")))


def test_integer_times_refuse_a_calendar():
    with pytest.raises(InputError, match="holds whole numbers, so the frequency cannot be"):
        to_panel(pl.DataFrame({"ds": [1, 2, 3], "y": [1, 2, 3]}), frequency="D")


@pytest.mark.parametrize(
    ("frame", "options", "part"),
    [
        (table().rename({"y": "z"}), {}, 'no column "y", which the model was trained with'),
        (table(ds=list(range(12))), {}, "holds whole numbers; the model was trained with dates"),
        (table(ds=[f"2024-{i:02}-01" for i in range(1, 13)]), {}, "expected daily stamps"),
        (table(ds=[f"2024-01-01 {i:02}:00" for i in range(12)]), {}, "daily grid (as in training)"),
        (table(), {"frequency": "h"}, "trained with frequency D, not h"),
    ],
)
def test_new_data_must_agree_with_the_schema(frame, options, part):
    schema = to_panel(table()).schema
    with pytest.raises(InputError) as error:
        to_panel(frame, schema=schema, **options)
    assert part in str(error.value)


def test_one_new_row_is_enough_where_nothing_is_learnt():
    schema = to_panel(table()).schema
    [series] = to_panel(table().tail(1), schema=schema).series
    assert len(series) == 1


@pytest.mark.parametrize("thing", [np.ones(3), {"ds": [1]}, pl.LazyFrame({"ds": [1]}), None])
def test_what_is_no_frame_is_refused(thing):
    with pytest.raises(InputError, match="expected a data frame"):
        to_panel(thing)
