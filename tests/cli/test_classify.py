"""`gatework fit classify` and its run: results, or one line that names file and row."""

import json
from pathlib import Path

import polars as pl
import pytest

from gatework.cli import main
from gatework.data.rows import CHUNK

FAST = (
    "--epochs", "1", "--members", "1", "--hidden-size", "2", "--embedding-size", "2", "--quiet",
)  # fmt: skip
ROWS = [(f"text {n} {'good' if n % 2 else 'bad'}", "up" if n % 2 else "down") for n in range(20)]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_csv(name: str = "t.csv", rows=ROWS) -> None:
    Path(name).write_text("text,label\n" + "".join(f"{a},{b}\n" for a, b in rows))


def write_jsonl(name: str, rows=ROWS) -> None:
    lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
    Path(name).write_text("".join(line + "\n" for line in lines))


def fit(*more: str, file: str = "t.csv") -> int:
    return main(["fit", "classify", file, *FAST, *more])


GOOD = "text,label\n" + "".join(f"{a},{b}\n" for a, b in ROWS)
BAD_FILES: dict[str, tuple[str, str | bytes, str]] = {
    "empty": ("t.csv", "", "t.csv is empty"),
    "only a header": ("t.csv", "text,label\n", "t.csv has no rows"),
    "no labels": ("t.csv", "text,label\n" + "a b,\n" * 9, "has no label in any row"),
    "no such column": ("t.csv", "words,mood\na b c,x\n", "no column of labels"),
    "one class": ("t.csv", "text,label\n" + "a b c,x\n" * 9, 'found only one class, "x"'),
    "too many cells": ("t.csv", GOOD + "a, b,up\n", "t.csv, row 22: expected 2 cells"),
    "an open quote": ("t.csv", GOOD + '"a,up\n', "t.csv, row 22"),
    "another encoding": ("t.csv", GOOD.encode() + b"caf\xe9,up\n", "t.csv, line 22 is not UTF-8"),
    "a zero byte": ("t.csv", GOOD + "a\0b,up\n", "line 22 holds a zero byte"),
    "UTF-16": ("t.csv", GOOD.encode("utf-16"), "UTF-16"),
    "no json": ("t.jsonl", '{"text": "a", "label": "x"}\n{"text": ', "t.jsonl, line 2"),
    "a list": ("t.jsonl", '["a", "x"]\n', "t.jsonl, line 1: expected an object"),
    "all empty": ("t.csv", "text,label\n" + ',up\n"",down\n' * 9, "all texts are empty"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_give_one_line_and_nothing_else(case: str, here: Path, capsys) -> None:
    name, content, words = BAD_FILES[case]
    data = content if isinstance(content, bytes) else content.encode()
    Path(name).write_bytes(data)
    assert fit(file=name) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("gatework: ")
    assert err.count("\n") == 1
    assert words in err
    assert [path.name for path in here.iterdir()] == [name]


BAD_WORDS = {
    "no such file": (["fit", "classify", "u.csv"], "there is no file u.csv"),
    "no such label": (["fit", "classify", "t.csv", "--label", "labl"], 'did you mean "label"?'),
    "no such text": (["fit", "classify", "t.csv", "--text", "txt"], 'did you mean "text"?'),
    "one fold": (["fit", "classify", "t.csv", "--folds", "1"], "folds is 1"),
    "many folds": (["fit", "classify", "t.csv", "--folds", "50"], "only 20 labelled"),
    "all dropped": (["fit", "classify", "t.csv", "--dropout", "1"], "dropout is 1"),
    "no such pooling": (["fit", "classify", "t.csv", "--pooling", "sum"], "sum"),
    "no test file": (["fit", "classify", "t.csv", "--test", "u.csv"], "there is no file u.csv"),
    "seed beyond": (["fit", "classify", "t.csv", "--seed", "9" * 30], "at most 2**63 - 1"),
}


@pytest.mark.parametrize("case", BAD_WORDS)
def test_bad_commands_give_one_line_and_nothing_else(case: str, here: Path, capsys) -> None:
    words, expected = BAD_WORDS[case]
    write_csv()
    assert main([*words, *FAST]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert expected in err
    assert [path.name for path in here.iterdir()] == ["t.csv"]


def test_fit_then_everything_one_does_with_a_run(here: Path, capsys) -> None:
    write_csv("my texts.csv")
    assert main(["fit", "classify", "my texts.csv", *FAST[:-1]]) == 0
    out, err = capsys.readouterr()
    for words in ("naive Bayes", "accuracy", "runs/my texts/report.html", "Gatework "):
        assert words in out
    assert "gatework predict 'runs/my texts' FILE" in out
    assert "\x1b" not in out + err

    run = "runs/my texts"
    write_jsonl("new.jsonl", [("good", "up"), ("", "down"), ("x" * 50, "up")])
    assert main(["predict", run, "new.jsonl"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "gatework,gatework-p-down,gatework-p-up"
    assert len(lines) == 4
    assert main(["predict", run, "new.jsonl", "--out", "p.csv"]) == 0
    assert Path("p.csv").read_text().splitlines() == lines
    assert main(["evaluate", run, "new.jsonl"]) == 0
    assert "3 sequences judged." in capsys.readouterr().out

    assert fit(file="my texts.csv") == 2
    assert "already holds this very fit" in capsys.readouterr().err
    assert fit("--seed", "3", "--overwrite", file="my texts.csv") == 0
    page = Path(run, "report.html").read_text(encoding="utf-8")
    assert "gatework fit classify &#39;my texts.csv&#39; --embedding-size 2" in page
    assert main(["inspect", run, "--quick", "--text"]) == 0
    assert "lstm" in capsys.readouterr().out
    for words, said in (
        (["predict", run], "name the file"),
        (["predict", run, "new.jsonl", "--levels", "80"], "--levels is no option"),
        (["predict", run, "none.csv"], "there is no file none.csv"),
    ):
        assert main(words) == 2
        assert said in capsys.readouterr().err


def test_predictions_go_through_in_parts(here: Path, capsys) -> None:
    write_csv()
    assert fit("--id", "text", "--text", "text") == 0
    count = CHUNK + 10
    write_csv("big.csv", [(f"good number {n}", "up") for n in range(count)])
    assert main(["predict", "runs/t", "big.csv", "--out", "p.tsv"]) == 0
    found = pl.read_csv("p.tsv", separator="\t")
    assert found.height == count
    assert found["id"][count - 1] == f"good number {count - 1}"


def test_a_bad_row_amid_a_large_file_leaves_no_half_of_an_answer(here: Path, capsys) -> None:
    write_csv()
    assert fit() == 0
    with Path("big.csv").open("w") as file:
        file.write("text,label\n" + "good,up\n" * CHUNK + "a,b,c\n")
    before = {path.name for path in here.iterdir()}
    assert main(["predict", "runs/t", "big.csv", "--out", "p.csv"]) == 2
    assert f"big.csv, row {CHUNK + 2}: expected 2 cells" in capsys.readouterr().err
    assert {path.name for path in here.iterdir()} == before


def test_other_columns_at_predict_time(here: Path, capsys) -> None:
    write_csv()
    assert fit() == 0
    Path("new.csv").write_text("texts,label\na,up\n")
    assert main(["predict", "runs/t", "new.csv"]) == 2
    err = capsys.readouterr().err
    assert 'no column "text" for the text' in err
    assert 'did you mean "texts"?' in err


def test_a_folder_for_each_class_and_other_formats(here: Path, capsys) -> None:
    for number, (text, label) in enumerate(ROWS):
        Path("c", label).mkdir(parents=True, exist_ok=True)
        Path("c", label, f"{number}.txt").write_text(text)
    assert fit(file="c") == 0
    assert main(["predict", "runs/c", "c"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1].startswith("down/0.txt,")
    Path("c", "up", "bad.txt").write_bytes(b"caf\xe9")
    assert main(["predict", "runs/c", "c"]) == 2
    assert "bad.txt is not UTF-8" in capsys.readouterr().err
    pl.DataFrame(ROWS, schema=["text", "label"], orient="row").write_parquet("t.parquet")
    assert fit(file="t.parquet") == 0
    write_jsonl("j.jsonl")
    assert fit(file="j.jsonl") == 0


def test_help_speaks_of_every_part(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["fit", "classify", "--help"]) == 0
    out = capsys.readouterr().out
    for words in ("--label", "--folds", "--seeds", "--pooling", "--word-dropout", "--time-budget"):
        assert words in out
