"""Frames at the command line: from a roll or a table to a run, to music and more numbers."""

import json
import wave
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gatework.cli import main
from gatework.data.music.midi import read_midi
from gatework.tasks import run as folder
from tasks.frames.material import cadences, strokes

FAST = ["--hidden-size", "16", "--epochs", "2", "--batch-size", "4"]


@pytest.fixture(scope="module")
def rolls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "cadences.npz"
    parts = {"train": cadences(12), "valid": cadences(3, seed=1), "test": cadences(3, seed=2)}
    arrays = {f"roll_{name}": np.concatenate(pieces) for name, pieces in parts.items()}
    lengths = {f"lengths_{name}": np.full(len(pieces), 24) for name, pieces in parts.items()}
    np.savez(path, allow_pickle=False, **arrays, **lengths)
    return path


@pytest.fixture(scope="module")
def run(rolls: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "cadences"
    command = ["fit", "generate", str(rolls), "--head-size", "16", *FAST, "--out", str(place)]
    assert main(command) == 0
    return place


def test_a_roll_is_known_by_its_name_and_its_parts_are_used(run: Path, capsys) -> None:
    config = folder.read_config(run, "frames")
    assert config.results["scores"][0]["part"] == "its own test part"
    assert config.results["scores"][0]["head"] == "joint"
    assert main(["evaluate", str(run), str(run / folder.EXCERPT)]) == 0
    out = capsys.readouterr().out
    assert "every frame but the first of each" in out
    assert "each after its last value" in out


def test_more_of_it_as_music(run: Path, rolls: Path, tmp_path: Path, capsys) -> None:
    to = tmp_path / "tune.mid"
    command = ["generate", str(run), "--length", "16", "--to", str(to), "--seed", "3"]
    assert main([*command, "--primer", str(rolls), "--primer-frames", "4"]) == 0
    assert capsys.readouterr().out == f"{to}\n"
    piece = read_midi(to).piece
    chord = cadences(12)[0][0].nonzero()[0] + 21
    assert {note.pitch for note in piece.notes if note.start == 0} == set(chord.tolist())
    assert piece.end <= 20 * piece.ticks_per_quarter
    assert main([*command[:-2], "--samples", "2"]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / f"tune-{n}.mid") for n in (1, 2)]
    assert main(["generate", str(run), "--length", "4", "--to", str(tmp_path / "tune.wav")]) == 0
    with wave.open(str(tmp_path / "tune.wav")) as sound:
        assert sound.getnframes() > 0


def test_more_of_it_as_numbers(run: Path, tmp_path: Path, capsys) -> None:
    command = ["generate", str(run), "--length", "5", "-n", "2", "--seed", "1"]
    assert main(command) == 0
    table = pl.read_csv(capsys.readouterr().out.encode())
    assert table.shape == (10, 89)
    assert table["sequence"].to_list() == [1] * 5 + [2] * 5
    to = tmp_path / "more.npz"
    assert (
        main(["generate", str(run), "--length", "5", "-n", "2", "--seed", "1", "--to", str(to)])
        == 0
    )
    with np.load(to) as arrays:
        assert arrays["lengths"].tolist() == [5, 5]
        assert (arrays["frames"] == table.drop("sequence").to_numpy()).all()
    assert main(["predict", str(run), str(to), "--out", str(tmp_path / "a.csv")]) == 0
    assert len(pl.read_csv(tmp_path / "a.csv")) == 5 + 64


def test_a_table_with_an_id_column(tmp_path: Path, capsys) -> None:
    lines = strokes(14, letters=2)
    rows = np.concatenate([np.c_[np.full(len(x), n), x] for n, x in enumerate(lines)])
    path, place = tmp_path / "pen.csv", tmp_path / "pen"
    pl.DataFrame(rows, schema=["line", "dx", "dy", "up"]).write_csv(path)
    command = ["fit", "generate", str(path), "--head", "mdn", "--id", "line", "--components", "3"]
    assert main([*command, *FAST, "--out", str(place)]) == 0
    assert folder.read_config(place).model["shape"]["binary"] == [2]
    assert main(["generate", str(place), "--length", "6", "--to", str(tmp_path / "b.csv")]) == 0
    assert pl.read_csv(tmp_path / "b.csv").columns == ["dx", "dy", "up"]
    capsys.readouterr()
    assert main(["generate", str(place), "--to", str(tmp_path / "b.mid")]) == 2
    assert "no piano's" in capsys.readouterr().err
    assert main(["inspect", str(place), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--prompt", "a"], "--prompt is an option for text"),
        (["--top-k", "3"], "--top-k is an option for text"),
        (["--to", "tune.ogg"], "--to is tune.ogg"),
        (["--primer-frames", "0"], "--primer-frames is 0"),
        (["--primer", "none.npz"], "there is no file none.npz"),
        (["--length", "0"], "length is 0"),
    ],
)
def test_what_frames_cannot_be_asked_for(run: Path, words, message: str, capsys) -> None:
    assert main(["generate", str(run), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_setting_of_text_is_refused(rolls: Path, tmp_path: Path, capsys) -> None:
    out = ["--out", str(tmp_path / "run")]
    assert main(["fit", "generate", str(rolls), "--tokens", "words", *out]) == 2
    assert "--tokens is a setting of text" in capsys.readouterr().err
    assert main(["fit", "generate", str(rolls), str(rolls), *out]) == 2
    assert "2 files were given" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
