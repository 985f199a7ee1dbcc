"""`gatework inspect`: a page, a picture, a trace, a summary; one line for what is wrong."""

import json
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import gatework
from gatework.cli import main

FIT = ("--horizon", "5", "--steps", "6", "--members", "2", "--hidden-size", "4", "--quiet")


def rows(count: int) -> list[str]:
    days = pl.select(
        pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 1, 1) + pl.duration(days=count - 1))
    ).to_series()
    return [f"{day},{10 + 3 * math.sin(k * 0.9) + k % 7:.3f}" for k, day in enumerate(days)]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inspected")
    (folder / "sales.csv").write_text("\n".join(["day,units", *rows(60)]) + "\n")
    (folder / "later.csv").write_text("\n".join(["day,units", *rows(75)]) + "\n")
    (folder / "other.csv").write_text("\n".join(["day,price", *rows(75)]) + "\n")
    assert main(["fit", "forecast", str(folder / "sales.csv"), *FIT, "--out", f"{folder}/run"]) == 0
    return folder


@pytest.fixture(autouse=True)
def here(fitted: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(fitted)
    return fitted


def test_the_page_of_a_run(capsys):
    assert main(["inspect", "run"]) == 0
    assert capsys.readouterr().out == "page  run/inspect.html\n"
    page = Path("run/inspect.html").read_text()
    assert "Content-Security-Policy" in page
    assert "members.0.encoder" in page
    assert "integrated gradients" in page


def test_everything_that_can_be_kept(capsys):
    words = ["--quick", "--sequences", "2", "--save", "a.trace", "--png", "a.png"]
    assert main(["inspect", "run", *words, "--out", "a.html"]) == 0
    assert capsys.readouterr().out.split() == [
        "page", "a.html", "trace", "a.trace", "picture", "a.png",
    ]  # fmt: skip
    assert "integrated gradients" not in Path("a.html").read_text()
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")
    trace = gatework.Trace.load("a.trace")
    assert trace["members.0.decoder"].lengths.tolist() == [5, 5]
    assert main(["inspect", "a.trace", "--out", "again.html"]) == 0
    assert "members.0.decoder" in Path("again.html").read_text()


def test_newer_data_and_the_summary(capsys):
    assert main(["inspect", "run", "later.csv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sequence"] == "units from 2024-03-01"
    assert [layer["steps"] for layer in found["layers"]][1] == 15
    assert main(["inspect", "run", "--text"]) == 0
    assert "written by" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "No such run: nowhere"),
        (["run", "other.csv"], "other.csv"),
        (["run", "absent.csv"], "absent.csv"),
        (["run", "--sequences", "0"], "--sequences is 0; expected 1 or more"),
        (["run", "--out", "page.txt"], "--out is page.txt; expected a name that ends in .html"),
        (["run", "--png", "no/a.png"], "--png is no/a.png; there is no folder no"),
        (["sales.csv"], "sales.csv is damaged or no safetensors file"),
        (["model.pt"], "model.pt is a checkpoint"),
        (["whole.trace", "sales.csv"], "leave out sales.csv"),
        (["half.trace"], "half.trace is damaged"),
    ],
)
def test_what_is_wrong_is_one_line(capsys, words, said):
    assert main(["inspect", "run", "--quick", "--save", "whole.trace"]) == 0
    Path("half.trace").write_bytes(Path("whole.trace").read_bytes()[:5000])
    Path("model.pt").write_bytes(pickle.dumps({}))
    capsys.readouterr()
    assert main(["inspect", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_closed_pipe_is_no_error(fitted):
    command = f"{sys.executable} -m gatework inspect run --json | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=fitted, env=os.environ, capture_output=True
    )
    assert done.stdout == b"{\n"
    assert done.stderr == b""


def test_an_overwritten_run_loses_its_page(fitted):
    assert main(["inspect", "run", "--quick"]) == 0
    again = [*FIT, "--out", "run", "--overwrite"]
    assert main(["fit", "forecast", "later.csv", *again]) == 0
    assert not Path("run/inspect.html").exists()
