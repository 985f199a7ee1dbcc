"""Reading and writing files of rows and columns."""

import gzip

import polars as pl
import pytest

from gatework.data import read_table, write_table
from gatework.errors import InputError

PLAIN = b"ds,y\n2024-01-01,1.5\n2024-01-02,2\n"
ROWS = [("2024-01-01", "1.5"), ("2024-01-02", "2")]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", PLAIN),
        ("a.csv", b"\xef\xbb\xbf" + PLAIN),
        ("a.csv", PLAIN.replace(b"\n", b"\r\n")),
        ("a.csv", PLAIN.replace(b"\n", b"\r")),
        ("a.csv", PLAIN.replace(b",", b";")),
        ("a.tsv", PLAIN.replace(b",", b"\t")),
        ("a.txt", PLAIN.replace(b",", b"|")),
        ("a.csv", b'"ds","y"\n"2024-01-01","1.5"\n2024-01-02,2\n'),
        ("a.csv", b" ds , y\n2024-01-01,1.5\n2024-01-02,2\n\n\n"),
        ("a.csv.gz", gzip.compress(PLAIN, mtime=0)),
        ("a.csv", gzip.compress(PLAIN, mtime=0)),
    ],
)
def test_every_dialect_reads_as_the_same_text(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    frame = read_table(tmp_path / name)
    assert frame.columns == ["ds", "y"]
    assert set(frame.dtypes) == {pl.String}
    assert frame.rows() == ROWS


def test_quoted_separators_and_newlines_belong_to_their_cell(tmp_path):
    (tmp_path / "a.csv").write_text('ds,note,y\n1,"a, ""b""\nc",2\n2,plain,3\n')
    assert read_table(tmp_path / "a.csv")["note"].to_list() == ['a, "b"\nc', "plain"]


def test_a_nameless_column_gets_a_name(tmp_path):
    (tmp_path / "a.csv").write_text(",ds,y\n0,2024-01-01,1\n")
    assert read_table(tmp_path / "a.csv").columns == ["column_1", "ds", "y"]


def test_parquet_keeps_its_types(tmp_path):
    frame = pl.DataFrame({"ds": [1, 2], "y": [1.5, None]})
    frame.write_parquet(tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet").equals(frame)


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (b"", ["a.csv is empty"]),
        (b" \n\n", ["a.csv is empty"]),
        (b"ds,y\n", ["a.csv has no rows", "ds,y"]),
        (b"ds,y", ["a.csv has no rows"]),
        (b"ds,y\n1,2\n2,3,4\n3\n", ["a.csv, row 3", "expected 2 cells", "found 3", "2 rows"]),
        (b'ds,y\n"1\n1",2\n2\n', ["a.csv, row 3", "found 1"]),
        (b'ds,y\n1,2\n"2,3\n', ["a.csv, row 3", "quoted cell is never closed"]),
        (b"ds,y\n1,\xe9\n", ["not UTF-8", "0xe9 at offset 7"]),
        (b"ds,y,y\n1,2,3\n", ["row 1", 'more than one column is called "y"']),
        (b"1,2\n3,4\n", ["row 1", "expected column names", "add a header row"]),
        (b"2024-01-01,5\n2024-01-02,4\n", ["row 1", "expected column names"]),
        (b"PK\x03\x04....", ["spreadsheet or zip", "save the sheet as CSV"]),
        (b"\xff\xfed\x00s\x00", ["UTF-16", "save it as UTF-8"]),
        (b"ds,y\n1,\x00\n", ["zero byte at offset 7"]),
        (b"PAR1 and no more", ["a.csv is a damaged parquet file"]),
        (gzip.compress(PLAIN, mtime=0)[:-9], ["a.csv is a damaged gzip file"]),
    ],
)
def test_a_bad_file_is_named_with_the_place(tmp_path, data, parts):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(InputError) as error:
        read_table(tmp_path / "a.csv")
    for part in parts:
        assert part in str(error.value)


def test_a_missing_file_names_its_neighbours(tmp_path):
    (tmp_path / "sales.csv").write_bytes(PLAIN)
    with pytest.raises(InputError, match=r'no file .*sale\.csv; did you mean "sales\.csv"\?'):
        read_table(tmp_path / "sale.csv")
    with pytest.raises(InputError, match=r'is a folder; .* it holds "sales\.csv"'):
        read_table(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        read_table(tmp_path / "nowhere" / "sales.csv")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_written_times_have_no_needless_digits(tmp_path, name):
    times = pl.Series("ds", ["2024-01-01 01:00:00"]).str.to_datetime(time_unit="us")
    write_table(
        pl.DataFrame([times, times.alias("z").dt.replace_time_zone("UTC")]), tmp_path / name
    )
    assert read_table(tmp_path / name).rows() == [
        ("2024-01-01 01:00:00", "2024-01-01 01:00:00+00:00")
    ]


def test_written_parquet_reads_back(tmp_path):
    frame = pl.DataFrame({"y": [1.5, 2.5]})
    write_table(frame, tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet").equals(frame)
