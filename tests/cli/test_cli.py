"""What a person meets at the command line: results, one line for what is wrong, an exit status."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import gatework
from gatework import training
from gatework.cli import main
from gatework.tasks import run as folder
from gatework.tasks.forecast import saved
from gatework.tasks.lock import lock

FAST = ("--steps", "6", "--members", "1", "--hidden-size", "4", "--quiet")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, rows: list[tuple[object, object]], header: str = "day,units") -> None:
    Path(name).write_text("\n".join([header, *(f"{a},{b}" for a, b in rows)]) + "\n")


def days(n: int) -> list[tuple[object, object]]:
    first = pl.date(2024, 1, 1)
    dates = pl.select(pl.date_range(first, first + pl.duration(days=n - 1))).to_series()
    return [(day, round(10 + 3 * math.sin(i * 0.9) + i % 7, 3)) for i, day in enumerate(dates)]


def replaced(rows: list[tuple[object, object]], place: int, row: tuple[object, object]):
    return [*rows[:place], row, *rows[place + 1 :]]


def fit(*more: str) -> int:
    return main(["fit", "forecast", "sales.csv", "--horizon", "7", *FAST, *more])


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


GOOD = days(60)
BAD_TABLES = {
    "empty file": (None, "sales.csv is empty"),
    "only a header": ([], "no rows"),
    "text in the target": (replaced(GOOD, 10, (GOOD[10][0], "many")), "row 12"),
    "infinite value": (replaced(GOOD, 10, (GOOD[10][0], "inf")), "row 12"),
    "unparsable time": (replaced(GOOD, 10, ("2024-13-45", 3)), "row 12"),
    "duplicate time": (replaced(GOOD, 10, GOOD[9]), "row 12"),
    "constant": ([(day, 5) for day, _ in GOOD], "never changes"),
    "all missing": ([(day, "") for day, _ in GOOD], "units"),
    "too short": (GOOD[:8], "needs at least 9"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables_give_one_line_and_nothing_else(case: str, here: Path, capsys) -> None:
    rows, words = BAD_TABLES[case]
    if rows is None:
        Path("sales.csv").write_text("")
    else:
        write("sales.csv", rows)
    assert fit() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("gatework: ")
    assert err.count("\n") == 1
    assert words in err
    assert everything(here) == {"sales.csv"}


BAD_WORDS = {
    "no such command": (["fitt"], 'Did you mean "fit"'),
    "no such task": (["fit", "forcast", "sales.csv"], 'Did you mean "forecast"'),
    "no such option": (["fit", "forecast", "sales.csv", "--horizn", "7"], "--horizon"),
    "no horizon": (["fit", "forecast", "sales.csv"], "needs --horizon: Steps to forecast"),
    "a horizon of no number": (["fit", "forecast", "sales.csv", "--horizon"], "--horizon"),
    "no file named": (["fit", "forecast", "--horizon", "7"], "fit forecast needs FILE: CSV"),
    "no such file": (["fit", "forecast", "sale.csv", "--horizon", "7"], "sales.csv"),
    "no such column": (
        ["fit", "forecast", "sales.csv", "--horizon", "7", "--target", "unit"],
        "units",
    ),
    "no such frequency": (
        ["fit", "forecast", "sales.csv", "--horizon", "7", "--frequency", "fortnight"],
        "fortnight",
    ),
    "horizon of nothing": (["fit", "forecast", "sales.csv", "--horizon", "0"], "horizon is 0"),
    "horizon in words": (["fit", "forecast", "sales.csv", "--horizon", "week"], "week"),
    "level beyond": (
        ["fit", "forecast", "sales.csv", "--horizon", "7", "--levels", "80,120"],
        "level 120",
    ),
    "no level between commas": (
        ["fit", "forecast", "sales.csv", "--horizon", "7", "--levels", "80,,95"],
        "expected percentages such as 80 or 80,95",
    ),
    "a seed beyond 64 bits": (
        ["fit", "forecast", "sales.csv", "--horizon", "7", "--seed", "9" * 30],
        "expected at most 2**63 - 1",
    ),
    "level in words": (
        ["fit", "forecast", "sales.csv", "--horizon", "7", "--levels", "most"],
        "most",
    ),
    "budget below zero": (
        ["fit", "forecast", "sales.csv", "--horizon", "7", "--time-budget", "-1"],
        "time_budget is -1",
    ),
    "no such run": (["predict", "runs/none"], "No such run: runs/none"),
    "a run that is none": (["predict", "."], "is no run: expected config.json"),
    "evaluate what is none": (["evaluate", ".", "sales.csv"], "is no run"),
    "strange output": (["predict", ".", "--out", "forecast.xls"], ".parquet"),
    "no such output folder": (["predict", ".", "--out", "no/f.csv"], "there is no folder no"),
}


@pytest.mark.parametrize("case", BAD_WORDS)
def test_bad_commands_give_one_line_and_nothing_else(case: str, here: Path, capsys) -> None:
    words, expected = BAD_WORDS[case]
    write("sales.csv", GOOD)
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert expected in err
    assert everything(here) == {"sales.csv"}


def test_debug_shows_where(here: Path) -> None:
    with pytest.raises(ValueError, match="No such run"):
        main(["predict", "none", "--debug"])


def test_fit_then_everything_one_does_with_a_run(here: Path, capsys) -> None:
    write("sales.csv", GOOD)
    assert main(["fit", "forecast", "sales.csv", "--horizon", "7", *FAST[:-1]]) == 0
    out, err = capsys.readouterr()
    for words in ("seasonal naive", "MASE (m=7)", "runs/sales/report.html", "Gatework "):
        assert words in out
    assert "gatework predict runs/sales" in out
    assert "\x1b" not in out + err

    assert main(["predict", "runs/sales", "--levels", "50"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "day,gatework,gatework-lo-50,gatework-hi-50"
    assert out.splitlines()[1].startswith("2024-03-01,")
    assert len(out.splitlines()) == 8

    write("newer.csv", days(70)[60:])
    assert main(["predict", "runs/sales", "newer.csv", "--out", "f.parquet"]) == 0
    assert str(pl.read_parquet("f.parquet")["day"][0]) == "2024-03-11"
    assert main(["evaluate", "runs/sales", "newer.csv", "--lag", "1"]) == 0
    out, err = capsys.readouterr()
    assert "MASE (m=1)" in out
    assert "2 windows of 7 steps" in out

    assert fit() == 2
    assert "already holds this very fit" in capsys.readouterr().err
    assert fit("--seed", "3") == 2
    assert "with seed 0, not 3" in capsys.readouterr().err
    assert fit("--seed", "3", "--overwrite") == 0
    assert capsys.readouterr() == ("", "")
    assert (
        json.loads(Path("runs/sales/config.json").read_text())["request"]["settings"]["seed"] == 3
    )

    weights = Path("runs/sales/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    assert main(["predict", "runs/sales"]) == 2
    err = capsys.readouterr().err
    assert "model.safetensors is damaged" in err
    assert err.count("\n") == 1


def test_the_command_in_the_report_asks_for_the_same_fit(here: Path, capsys) -> None:
    write("my sales.csv", GOOD)
    words = ["fit", "forecast", "my sales.csv", "--horizon", "7", "--no-calibrate", *FAST]
    assert main([*words, "--levels", "90", "--out", "r"]) == 0
    page = Path("r/report.html").read_text(encoding="utf-8")
    asked = "gatework fit forecast &#39;my sales.csv&#39; --horizon 7 --hidden-size 4 --members 1 "
    assert asked + "--steps 6 --no-calibrate --levels 90 --out r" in page


class PressingCtrlC(training.Progress):
    """A progress that presses Ctrl-C once, at the first step of the given job."""

    def __init__(self, job: str) -> None:
        self.job, self.title, self.is_pressed = job, "", False

    def start(self, title: str) -> None:
        self.title = title

    def update(self, fraction: float, text: str) -> None:
        if self.job in self.title and not self.is_pressed:
            self.is_pressed = True
            signal.raise_signal(signal.SIGINT)

    def finish(self, text: str) -> None:
        pass


@pytest.mark.parametrize("job", ["hold-out", "all data"])
def test_ctrl_c_keeps_what_a_resume_needs(
    job: str, here: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("sales.csv", GOOD)
    assert fit("--out", "whole") == 0
    with monkeypatch.context() as patch:
        patch.setattr(training, "choose_progress", lambda *, quiet: PressingCtrlC(job))
        assert fit() == 130
    err = capsys.readouterr().err
    assert "give the same command again: gatework fit forecast sales.csv" in err
    assert err.count("\n") == 1
    assert main(["predict", "runs/sales"]) == 2
    assert "half-finished run" in capsys.readouterr().err
    assert fit("--seed", "5") == 2
    assert "half-finished fit with seed 0, not 5" in capsys.readouterr().err

    assert fit() == 0
    weights = [Path(run, "model.safetensors").read_bytes() for run in ("whole", "runs/sales")]
    assert weights[0] == weights[1]


def test_ctrl_c_before_anything_is_done_is_one_line(here: Path, capsys, monkeypatch) -> None:
    def press(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(folder, "task_of", press)
    assert main(["predict", "runs/sales"]) == 130
    assert capsys.readouterr() == ("", "gatework: Stopped.\n")


def test_a_second_fit_of_the_folder_waits_for_the_first(here: Path, capsys) -> None:
    write("sales.csv", GOOD)
    with lock(here / ".lock", refusal="taken"):
        Path("runs/sales/state").mkdir(parents=True)
        os.link(".lock", "runs/sales/state/.lock")
        assert fit() == 2
    assert "Another process is fitting into runs/sales." in capsys.readouterr().err


def test_a_full_disk_is_one_line(here: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/sales/report.html")

    write("sales.csv", GOOD)
    with monkeypatch.context() as patch:
        patch.setattr(saved, "write_run", fill)
        assert fit() == 2
    err = capsys.readouterr().err
    assert "runs/sales/report.html" in err
    assert "the disk is full" in err
    assert err.count("\n") == 1
    assert fit() == 0


def test_a_defect_says_that_it_is_one(here: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError("half a unit")

    monkeypatch.setattr(folder, "task_of", break_down)
    assert main(["predict", "runs/sales"]) == 1
    err = capsys.readouterr().err
    assert "A defect of Gatework: ZeroDivisionError: half a unit" in err
    assert err.count("\n") == 1


def test_info_names_every_backend_with_its_reason(capsys) -> None:
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for words in ("torch threads", "native", "aten", "reference", "refuses:", "runs it"):
        assert words in out


def test_demo_needs_no_input(here: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def note(*call: object) -> None:
        calls.append(call)

    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr("gatework.cli.demo.fit_forecast", note)
    assert main(["demo"]) == 0
    [(file, run, *_)] = calls
    assert run == Path("runs/demo")
    table = pl.read_csv(str(file))
    assert table.columns == ["month", "temperature"]
    assert table.height == 732
    assert "NOAA" in capsys.readouterr().out


SOURCE = str(Path(gatework.__file__).parents[1])
CLEAN = {**os.environ, "PYTHONPATH": SOURCE}


def test_help_is_quick_because_torch_stays_out(here: Path) -> None:
    code = "import sys; from gatework.cli import main; main(['fit', 'forecast', '--help'])"
    code += "; sys.exit(any(m in sys.modules for m in ('torch', 'matplotlib', 'polars')))"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=CLEAN)
    assert done.returncode == 0, done.stderr
    assert "--horizon" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_reader_that_leaves_early_is_no_error(here: Path) -> None:
    write("sales.csv", GOOD)
    assert fit() == 0
    words = [sys.executable, "-m", "gatework", "predict", "runs/sales"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, env=CLEAN) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
