"""Rows of files, some at a time: the same whatever the size of a part, and constant memory."""

import gzip
import json
import tracemalloc
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatework.data.checks import Source
from gatework.data.labels import parse_labels
from gatework.data.rows import read_all, read_rows
from gatework.errors import InputError

TEXTS = st.lists(
    st.text(st.characters(blacklist_characters="\0\r", blacklist_categories=["Cs"])), min_size=1
)


@given(texts=TEXTS, chunk=st.integers(1, 5))
def test_any_text_goes_through_csv_and_json_lines(tmp_path_factory, texts, chunk) -> None:
    folder = tmp_path_factory.mktemp("rows")
    table = pl.DataFrame({"text": texts, "n": [str(n) for n in range(len(texts))]})
    table.write_csv(folder / "t.csv")
    table.write_parquet(folder / "t.parquet")
    with (folder / "t.jsonl").open("w", encoding="utf-8") as file:
        for row in table.to_dicts():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    for name in ("t.csv", "t.jsonl", "t.parquet"):
        parts = list(read_rows(folder / name, chunk=chunk))
        assert all(part.frame.height <= chunk for part in parts)
        assert pl.concat([part.frame for part in parts])["text"].to_list() == texts


def test_each_part_knows_its_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n" + "x\n" * 5)
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n' * 5)
    for name, first in (("t.csv", 2), ("t.jsonl", 1)):
        parts = list(read_rows(tmp_path / name, chunk=2))
        assert [part.source.row(0) for part in parts] == [
            f"{name}, row {first + place}" for place in (0, 2, 4)
        ]


def test_what_json_lines_may_hold(tmp_path: Path) -> None:
    lines = ['{"text": "a", "label": 1}', "", '{"text": "b"}', '{"text": 3, "label": "x"}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    frame = read_all(tmp_path / "t.jsonl").frame
    assert frame["text"].to_list() == ["a", None, "b", "3"]
    assert frame["label"].to_list() == ["1", None, None, "x"]
    (tmp_path / "t.jsonl").write_text('{"label": ["a"]}\n{"label": "b"}\n')
    with pytest.raises(InputError, match="row 1, column"):
        read_all(tmp_path / "t.jsonl")


def test_gzip_and_a_mark_of_byte_order(tmp_path: Path) -> None:
    data = "\ufefftext;label\nä;x\n".encode()
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(data))
    assert read_all(tmp_path / "t.csv.gz").frame.rows() == [("ä", "x")]
    (tmp_path / "bad.csv.gz").write_bytes(gzip.compress(data)[:-4])
    with pytest.raises(InputError, match=r"bad\.csv\.gz is damaged"):
        read_all(tmp_path / "bad.csv.gz")


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str) -> None:
    def peak(rows: int) -> int:
        line = '{"text": "some words here"}\n' if name == "t.jsonl" else "some words here\n"
        (tmp_path / name).write_text(("text\n" if name == "t.csv" else "") + line * rows)
        tracemalloc.start()
        for _ in read_rows(tmp_path / name, chunk=100):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(20_000) < 1.5 * peak(2_000)


def test_labels_of_every_type() -> None:
    where = Source("t.csv", 2)

    def read(values, **more):
        return parse_labels(pl.Series("label", values), where, **more)

    assert read(["a ", "", None]) == ([("a",), None, None], "text", False)
    assert read([1, None]) == ([("1",), None], "integer", False)
    assert read([1.0, 0.0]) == ([("1",), ("0",)], "integer", False)
    assert read([0.5, float("nan")]) == ([("0.5",), None], "number", False)
    assert read([True]) == ([("True",)], "boolean", False)
    assert read([["b", "a"], [], None]) == ([("a", "b"), (), None], "text", True)
    assert read(["b; a;", "c"], separator=";") == ([("a", "b"), ("c",)], "text", True)
    with pytest.raises(InputError, match="they look like a measure, not like classes"):
        read([n + 0.5 for n in range(200)])
