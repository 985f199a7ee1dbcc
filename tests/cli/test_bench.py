"""`gatework bench`: a table, plain words where we lose, a file, and every way it can end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import gatework
from gatework.bench import engine, grid
from gatework.bench.grid import Point
from gatework.cli import main

TINY = (Point(3, 2, 4, 5), Point(4, 1, 1, 8), Point(2, 3, 2, 4))
WORDS = ["bench", "--quick", "--seconds", "0.001"]


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "QUICK", TINY)


def test_a_table_a_summary_and_a_file(tmp_path: Path, capsys) -> None:
    path = tmp_path / "bench.json"
    assert main([*WORDS, "--cell", "gru", "--layers", "2", "--json", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert max(map(len, out.splitlines())) <= 100
    for words in ("sgemm", "Training: ", "Inference: ", "x torch.nn.GRU", "Slower than torch"):
        assert words in out
    assert f"gatework bench:  67%  {TINY[2]}" in err
    record = json.loads(path.read_text())
    assert record["is_whole"]
    assert record["settings"]["layers"] == 2
    assert [tuple(row["point"].values()) for row in record["points"]] == list(TINY)
    least = min(row["training"]["ratio"] for row in record["points"])
    assert record["summary"]["training"]["least"] == least
    assert f"least {least:.2f}x" in out


@pytest.mark.parametrize(("ratio", "is_lost"), [(0.5, True), (2.0, False)])
def test_where_torch_is_faster_is_said(ratio, is_lost, capsys, monkeypatch) -> None:
    monkeypatch.setattr(
        engine,
        "_figures",
        lambda *_: engine.Figures(ms=1.0, torch_ms=ratio, ratio=ratio, share=1, roof=1),
    )
    assert main(WORDS) == 0
    out = capsys.readouterr().out
    assert (f"inference at {TINY[0]}: 0.50x" in out) == is_lost
    assert ("Slower than torch.nn.LSTM nowhere on this grid." in out) != is_lost


def pressing_at(count: int) -> Callable[..., object]:
    """A measurement at whose point number `count`, from 1, Ctrl-C is pressed."""
    calls: list[object] = []
    original = engine._measure

    def press(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == count:
            signal.raise_signal(signal.SIGINT)
        return original(*arguments)  # type: ignore[arg-type]

    return press


def test_ctrl_c_keeps_what_was_measured(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(engine, "_measure", pressing_at(3))
    path = tmp_path / "bench.json"
    assert main([*WORDS, "--json", str(path)]) == 130
    out, err = capsys.readouterr()
    assert err.endswith("gatework: Stopped; the first 2 of 3 points are kept.\n")
    assert "Training: " in out
    record = json.loads(path.read_text())
    assert not record["is_whole"]
    assert len(record["points"]) == 2


def test_ctrl_c_at_once_leaves_nothing(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(engine, "_measure", pressing_at(1))
    path = tmp_path / "bench.json"
    assert main([*WORDS, "--json", str(path)]) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("gatework: Stopped.\n")
    assert not path.exists()


def test_a_wrong_result_is_a_defect_and_has_no_figures(tmp_path: Path, capsys, monkeypatch) -> None:
    original = engine.infer

    def wrong(layer, x):
        found = original(layer, x)
        is_ours = isinstance(layer, gatework.LSTM)
        return found | ({"y": found["y"] + 1} if is_ours and x.shape[0] == 4 else {})

    monkeypatch.setattr(engine, "infer", wrong)
    path = tmp_path / "bench.json"
    assert main([*WORDS, "--json", str(path)]) == 1
    out, err = capsys.readouterr()
    assert f"A defect of Gatework: ParityError: {TINY[1]}, inference: y differs" in err
    assert out.count(" red") == 2
    rows = json.loads(path.read_text())["points"]
    assert [row["refusal"] is None for row in rows] == [True, False, True]
    assert rows[1]["training"] is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--cell", "ltsm"], "lstm"),
        (["--threads", "0"], "threads is 0; expected at least 1"),
        (["--seconds", "-1"], "seconds is -1.0; expected more than 0"),
        (["--json", "no/such/bench.json"], "there is no folder no/such"),
    ],
)
def test_wrong_words_are_one_line(words: list[str], expected: str, capsys) -> None:
    assert main(["bench", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert expected in err


def test_a_reader_that_leaves_early_is_no_error() -> None:
    code = (
        "import sys; from gatework.bench import grid; from gatework.cli import main;"
        "grid.QUICK = (grid.Point(3, 2, 4, 5),); sys.exit(main(sys.argv[1:]))"
    )
    source = str(Path(gatework.__file__).parents[1])
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code, *WORDS],
        stdout=pipe,
        stderr=pipe,
        env={**os.environ, "PYTHONPATH": source},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
    assert process.returncode == 141
