"""Language models at the command line: fit, generate, complete, predict, evaluate, the demo."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gatework.cli import main
from gatework.tasks.generate import LanguageModel
from tasks.generate.grammar import SMALL, lines


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text and a run of it."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "lines.txt").write_text(lines(400), encoding="utf-8")
    words = [word for name, value in SMALL.items() for word in (f"--{name}", str(value))]
    options = [word.replace("_", "-") for word in words]
    out = str(folder / "run")
    assert main(["fit", "generate", str(folder / "lines.txt"), "--out", out, *options]) == 0
    return folder


@pytest.fixture
def run(place: Path) -> str:
    return str(place / "run")


def test_fit_prints_what_a_person_wants_to_know(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = str(place / "lines.txt")
    more = ["--epochs", "1", "--window", "16", "--out", str(place / "other")]
    assert main(["fit", "generate", text, text, *more]) == 0
    out = capsys.readouterr().out
    assert "split in order: the last 10% is judged, once" in out
    assert "hidden_size" in out
    assert "nats/character" in out
    assert f"gatework generate {place / 'other'} --prompt TEXT" in out
    page = (place / "other" / "report.html").read_text(encoding="utf-8")
    assert f"gatework fit generate {text} {text} --window 16 --epochs 1" in page


def test_generate(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", run, "--prompt", "Ben ", "--length", "30", "--seed", "4"]
    assert main(words) == 0
    first = capsys.readouterr()
    expected = LanguageModel.load(run).generate("Ben ", length=30, seed=4)
    assert first.out == f"Ben {expected}\n"
    assert main([*words, "--timing"]) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert "30 characters in " in again.err


def test_generate_many(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", run, "-n", "3", "--length", "200", "--stop", r"\n"]
    assert main([*words, "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["ending"] for each in found] == ["stop"] * 3
    assert main(words) == 0
    out = capsys.readouterr().out
    assert out.splitlines() == [
        line for n, each in enumerate(found, 1) for line in (f"[{n}]", each["text"])
    ]


def test_a_prompt_from_a_file_and_one_never_seen(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.txt").write_text("Anna €", encoding="utf-8")
    words = ["generate", run, "--prompt-file", str(tmp_path / "p.txt"), "--length", "5"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Anna €")
    assert captured.err == "gatework: The model never saw '€': read as an unknown character.\n"
    assert main([*words, "--prompt", "a"]) == 2
    assert "both --prompt and --prompt-file" in capsys.readouterr().err


def test_a_text_is_put_aside_and_gone_on_with(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = str(tmp_path / "a.safetensors")
    assert main(["generate", run, "--length", "90", "--seed", "3", "--cache", "50"]) == 0
    whole = capsys.readouterr().out
    words = ["--length", "40", "--seed", "3", "--cache", "50", "--save-state", state]
    assert main(["generate", run, *words]) == 0
    first = capsys.readouterr().out
    assert main(["generate", run, "--length", "50", "--from-state", state]) == 0
    assert first.removesuffix("\n") + capsys.readouterr().out == whole
    words = ["--from-state", state, "--prompt", "\nBen sees ", "--temperature", "0"]
    assert main(["generate", run, *words, "--length", "3"]) == 0
    assert capsys.readouterr().out == "\nBen sees Ben\n"


def test_ctrl_c_keeps_what_was_shown(run: str, tmp_path: Path) -> None:
    state = tmp_path / "a.safetensors"
    words = ["generate", run, "--length", "100000000", "--save-state", str(state)]
    with subprocess.Popen(
        [sys.executable, "-m", "gatework", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        shown = process.stdout.read(500)
        process.send_signal(signal.SIGINT)
        # Not communicate: it would pass over what the pipe's reader has read ahead.
        shown = (shown + process.stdout.read()).removesuffix("\n")
        assert process.stderr is not None
        assert process.stderr.read() == "gatework: Stopped.\n"
    assert process.returncode == 130
    model = LanguageModel.load(run)
    more = "".join(model.resume(state).write(length=50))
    assert shown + more == model.generate(length=len(shown) + 50)


def test_evaluate_recalls(
    place: Path, run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text(lines(40, seed=9))
    words = ["evaluate", run, str(tmp_path / "a.txt"), "--cache", "200", "--dynamic", "0.0001"]
    assert main(words) == 0
    out = capsys.readouterr().out
    for row in ("Gatework, cache of 200 ", "Gatework, dynamic at 0.0001 ", "Gatework, both "):
        assert row in out


def test_complete_adapts(place: Path, run: str, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "me.txt").write_text(lines(80, seed=3).replace("sees", "hears"))
    words = ["complete", run, "--adapt", str(place / "me.txt")]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "keystrokes saved by 3 offers" in out
    assert f"next       gatework complete {run}-me" in out
    assert "hears" in LanguageModel.load(f"{run}-me").generate("Ben hears Ben at the sea.\nAnna he")
    assert main(words) == 2
    assert "already holds this very fit" in capsys.readouterr().err


def test_a_table_of_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.dumps({"n": n, "said": line}) for n, line in enumerate(lines(90).splitlines())]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    words = ["--epochs", "1", "--window", "16", "--hidden-size", "8", "--text-column", "said"]
    out = str(tmp_path / "run")
    assert main(["fit", "generate", str(tmp_path / "a.jsonl"), *words, "--out", out]) == 0
    assert main(["evaluate", out, str(tmp_path / "a.jsonl")]) == 0
    assert "Gatework " in capsys.readouterr().out
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "--text-column said" in page


def test_complete(
    run: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["complete", run, "Ben pa", "-n", "2"]) == 0
    first = capsys.readouterr().out.splitlines()
    assert 1 <= len(first) <= 2  # a model that is sure offers nothing else
    text, word, probability = first[0].split("\t")
    assert (text, word) == ("Ben pa", "paints")
    assert 0.5 < float(probability) <= 1

    done = subprocess.run(
        [sys.executable, "-m", "gatework", "complete", run, "--json", "-n", "1"],
        input="Ben pa\nBen sees Ben at t\n",
        capture_output=True,
        text=True,
        check=True,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["completions"][0]["word"] for each in found] == ["paints", "the"]


def test_complete_in_a_terminal(run: str) -> None:
    """Type a letter, take the offer with Tab, erase, go to a new line, end."""
    owner, terminal = pty.openpty()
    with (
        subprocess.Popen(
            [sys.executable, "-m", "gatework", "complete", run],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        ) as process,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(process.kill)  # where a test fails nobody would end it
        os.close(terminal)
        _until(owner, "Ctrl-D ends")
        os.write(owner, b"Ben pa")
        _until(owner, "\x1b[2mpaints ")
        os.write(owner, b"\t\x1b[A\x1bOPx\x7f")  # and keys that mean nothing here
        _until(owner, "Ben paints x")  # and maybe what follows: a read takes all there is
        os.write(owner, b"\n\x04")
        assert process.wait(30) == 0
        assert "Ben paints \r\n" in _rest(owner)
    os.close(owner)


def _until(terminal: int, words: str) -> str:
    seen, late = "", time.monotonic() + 60
    while words not in seen:
        ready, _, _ = select.select([terminal], [], [], 1)
        assert time.monotonic() < late, seen
        seen += os.read(terminal, 4096).decode() if ready else ""
    return seen


def _rest(terminal: int) -> str:
    seen = ""
    try:
        while data := os.read(terminal, 4096):
            seen += data.decode()
    except OSError:  # how Linux ends a terminal that nobody holds
        return seen
    return seen


def test_the_verbs_that_all_runs_answer(
    place: Path, run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, out = str(place / "lines.txt"), tmp_path / "more.txt"
    assert main(["predict", run, text, "--out", str(out)]) == 0
    assert len(out.read_text(encoding="utf-8")) == 500
    assert main(["predict", run]) == 0
    assert len(capsys.readouterr().out) == 501
    assert main(["evaluate", run, text]) == 0
    assert "Gatework beats the " in capsys.readouterr().out
    page = tmp_path / "page.html"
    assert main(["inspect", run, "--quick", "--out", str(page)]) == 0
    assert page.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fit", "generate"], "no FILE: name a text file or a folder of them"),
        (["fit", "generate", "LATIN"], "latin.txt is not UTF-8: byte 0 is 0xe9"),
        (["fit", "generate", "FILE", "--dropout", "2"], "dropout is 2.0; expected from 0 to below"),
        (["generate", "RUN", "--top-p", "2"], "top_p is 2.0; expected above 0"),
        (["generate", "RUN", "--length", "0"], "length is 0; expected 1 or more"),
        (["generate", "RUN", "--stop", ""], "a stop string is empty"),
        (["generate", "RUN", "--save-state", "no/a"], "there is no folder no"),
        (["generate", "RUN", "--from-state", "FILE"], "lines.txt is damaged or no safetensors"),
        (
            ["generate", "RUN", "--save-state", "a", "--count", "2"],
            "leave out --samples and --json",
        ),
        (["generate", "RUN", "--from-state", "a", "--cache", "9"], "are for a text that begins"),
        (["generate", "RUN", "--cache", "0"], "cache is 0; expected 1 or more"),
        (["evaluate", "RUN", "FILE", "--dynamic", "0"], "dynamic is 0.0; expected above 0"),
        (["complete", "RUN", "--out", "a"], "are for the run that --adapt FILE makes"),
        (["complete", "RUN", "a", "--count", "0"], "--count is 0; expected 1 or more"),
        (["predict", "RUN", "--out", "a.csv"], "ends in .txt"),
        (["complete", "FILE", "a"], "is no run"),
    ],
)
def test_one_line_and_status_2(
    place: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    (place / "latin.txt").write_bytes("é".encode("latin-1"))
    paths = {"RUN": "run", "FILE": "lines.txt", "LATIN": "latin.txt"}
    given = [str(place / paths[word]) if word in paths else word for word in words]
    assert main(given) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_the_demo_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    assert main(["demo", "generate", "--seconds", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "texts: the topics of Python's help()" in printed
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "gatework demo generate --seconds 1" in page
