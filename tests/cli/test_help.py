"""`--help` of every verb: it is there, it fits, and it speaks of commands, not of Python."""

import re

import pytest
from cyclopts import App

from gatework.cli import main
from gatework.cli.main import build_app


def verbs(app: App, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the words of every command below `app`, itself first."""
    below = [verbs(app[name], (*path, name)) for name in app if not name.startswith("-")]
    return [path, *(words for each in below for words in each)]


VERBS = verbs(build_app())


def test_the_list_of_verbs_is_whole() -> None:
    assert {("fit",), ("fit", "forecast"), ("predict",), ("evaluate",)} < set(VERBS)


@pytest.mark.parametrize("words", VERBS, ids=lambda words: " ".join(words) or "gatework")
def test_every_verb_has_help(words: tuple[str, ...], capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*words, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(" ".join(["Usage: gatework", *words]))
    assert max(map(len, out.splitlines())) <= 80
    assert not re.search(r"\bNone\b", out)


def test_what_the_data_chooses_is_told_as_a_default(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["fit", "forecast", "--help"]) == 0
    assert "[default: the data's]" in capsys.readouterr().out
    assert main(["predict", "--help"]) == 0
    assert "[default: those of the run]" in capsys.readouterr().out
