"""Progress goes to stderr, in the form that suits it."""

import io
import sys

import pytest

from gatework.training import (
    PlainProgress,
    Progress,
    RichProgress,
    SilentProgress,
    TrainSettings,
    choose_progress,
    train,
)
from training.toys import Line, Score, line_model, squared_error


class Terminal(io.StringIO):
    """A stderr that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def report(progress: Progress) -> None:
    progress.start("training")
    progress.update(0.25, "step 1  [loss] 0.5")
    progress.update(0.5, "step 2  [loss] 0.4")
    progress.finish("step 4  ended")


def test_plain_progress_writes_lines_to_stderr(capsys):
    report(PlainProgress(seconds=0.0))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "training:  25%  step 1  [loss] 0.5",
        "training:  50%  step 2  [loss] 0.4",
        "training: step 4  ended",
    ]


def test_plain_progress_is_sparing(capsys):
    report(PlainProgress(seconds=1000.0))
    assert capsys.readouterr().err == "training: step 4  ended\n"


def test_silent_progress_is_silent(capsys):
    report(SilentProgress())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("no_color", ["", "1"])
def test_rich_progress_draws_on_the_terminal(monkeypatch, capsys, no_color):
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys, "stderr", terminal)
    report(RichProgress())
    written = terminal.getvalue()
    assert "step 2  [loss] 0.4" in written
    assert "training: step 4  ended" in written
    assert ("\x1b[38;" in written) == (not no_color)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("quiet", "stderr", "term", "expected"),
    [
        (True, Terminal(), "xterm", SilentProgress),
        (False, Terminal(), "xterm", RichProgress),
        (False, Terminal(), "dumb", PlainProgress),
        (False, io.StringIO(), "xterm", PlainProgress),
    ],
)
def test_the_choice(monkeypatch, quiet, stderr, term, expected):
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("TERM", term)
    assert type(choose_progress(quiet=quiet)) is expected


def test_training_without_a_terminal(capsys):
    train(
        line_model(),
        Line(),
        squared_error,
        settings=TrainSettings(max_steps=8, validate_every=4),
        validate=Score(Line()),
        progress=PlainProgress(seconds=0.0),
        title="network 1 of 2",
    )
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0].startswith("network 1 of 2:  12%  step 1  loss ")
    assert "validation" in lines[-1]
    assert lines[-1].endswith("done")
    assert "\x1b" not in err
