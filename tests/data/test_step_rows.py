"""Recordings with a label at each step: what is read, and what is wrong with it."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gatework.data.checks import Source
from gatework.data.rows import Rows
from gatework.data.step_rows import (
    SINCE,
    choose_step_columns,
    read_steps,
    rows_of_npz,
    steps_of_arrays,
)
from gatework.errors import InputError

FRAME = pl.DataFrame(
    {
        "id": ["a", "a", "a", "b", "b"],
        "time": [0, 2, 1, 5, 6],
        "heat": [1.0, 3.0, None, 7.0, 8.0],
        "note": ["x", "y", "z", "x", "y"],
        "label": ["on", "off", "on", "off", "off"],
    }
)


def rows_of(frame: pl.DataFrame) -> Rows:
    return Rows(frame, Source("heat.csv", 2))


def columns_of(frame: pl.DataFrame, **said: str):
    options: dict[str, str | None] = {"label": None, "id": None, "time": None}
    return choose_step_columns(rows_of(frame), **(options | said))


def test_columns_are_told_by_name_and_content() -> None:
    columns = columns_of(FRAME)
    assert (columns.id, columns.time, columns.label) == ("id", "time", "label")
    assert columns.features == ("heat",)
    assert columns_of(FRAME, label="note").label == "note"


def test_rows_are_sorted_and_told() -> None:
    found = read_steps(rows_of(FRAME), columns_of(FRAME))
    first, second = found.recordings
    assert first.tokens == ("0", "1", "2")
    assert first.tags == ("on", "on", "off")
    assert first.values is not None
    np.testing.assert_array_equal(first.values[:, 0], [1.0, np.nan, 3.0])
    assert (first.row, second.row) == (2, 5)
    assert found.rows.tolist() == [0, 2, 1, 3, 4]
    assert found.notes == ("rows were not in order of time; they were sorted",)


def test_uneven_times_are_a_feature() -> None:
    frame = FRAME.with_columns(time=pl.Series([0.0, 3.0, 1.0, 5.0, 6.0]))
    columns = columns_of(frame)
    assert columns.features == ("heat", SINCE)
    first = read_steps(rows_of(frame), columns).recordings[0]
    assert first.values is not None
    np.testing.assert_array_equal(first.values[:, 1], [np.nan, 1.0, 2.0])


def test_a_table_without_ids_is_one_recording() -> None:
    frame = FRAME.select("heat", "label")
    found = read_steps(rows_of(frame), columns_of(frame)).recordings
    assert [one.tokens for one in found] == [("0", "1", "2", "3", "4")]


def test_steps_without_a_label_cut_a_recording() -> None:
    frame = FRAME.sort("id", "time").with_columns(
        label=pl.Series(["on", None, "off", None, "off"]),
    )
    found = read_steps(rows_of(frame), columns_of(frame))
    assert [one.tokens for one in found.recordings] == [("0",), ("2",), ("6",)]
    assert [one.row for one in found.recordings] == [2, 4, 6]
    assert "2 steps without a label left out, first in row 3" in found.notes
    asked = read_steps(rows_of(frame), columns_of(frame), tagged=False)
    assert [len(one.tokens) for one in asked.recordings] == [3, 2]


def test_two_rows_of_one_time_are_one_step() -> None:
    frame = FRAME.with_columns(time=pl.Series([0, 1, 1, 5, 6]), label=pl.Series(list("xyyxx")))
    found = read_steps(rows_of(frame), columns_of(frame))
    assert found.recordings[0].tags == ("x", "y")
    assert found.rows.tolist() == [0, 1, 1, 2, 3]
    with pytest.raises(InputError, match=r'row 4, column "label": "on", but another row'):
        read_steps(rows_of(frame.with_columns(FRAME["label"])), columns_of(frame))


def test_a_table_without_any_label() -> None:
    empty = FRAME.with_columns(label=pl.lit(None, pl.String))
    with pytest.raises(InputError, match="no row has a label"):
        read_steps(rows_of(empty), columns_of(empty))


@pytest.mark.parametrize(
    ("frame", "said", "message"),
    [
        (FRAME.drop("label"), {}, "neither words nor a label at each step"),
        (FRAME, {"label": "labels"}, 'no column "labels" for the label.*did you mean "label"'),
        (FRAME.drop("heat"), {}, "nor one of numbers"),
    ],
)
def test_columns_that_cannot_be_told(
    frame: pl.DataFrame, said: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        columns_of(frame, **said)


def test_a_renamed_feature_is_named() -> None:
    columns = columns_of(FRAME)
    with pytest.raises(InputError, match=r'no column "heat".*did you mean "heats"'):
        read_steps(rows_of(FRAME.rename({"heat": "heats"})), columns, tagged=False)


def test_npz(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    box = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    box[1, 1, 0] = np.nan
    np.savez(path, X_train=box, y_train=[[1, 2, 1], [2, 2, 9]], lengths_train=[3, 2], X_test=box)
    train, test = rows_of_npz(path)
    assert test is not None
    first, second = read_steps(train, columns_of(train.frame)).recordings
    assert (first.tags, second.tags) == (("1", "2", "1"), ("2", "2"))
    assert second.values is not None
    np.testing.assert_array_equal(second.values, box[1, :2])
    assert test.frame.columns == ["series", "step", "channel 0", "channel 1"]
    assert test.frame.height == 6
    np.savez(path, X=box, y=[1, 2])
    with pytest.raises(InputError, match=r"a label for each step.*fit classify"):
        rows_of_npz(path)


@pytest.mark.parametrize(
    ("arrays", "labels", "message"),
    [
        ([np.zeros((2, 3))], [["a"]], "2 steps and 1 label"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], None, "with the same V"),
        ([np.array(["a"])], None, "expected numbers"),
        ([np.zeros(2)], [], "1 recordings and 0 lists"),
    ],
)
def test_arrays_that_do_not_fit(arrays: list, labels: list | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        steps_of_arrays(arrays, labels)
