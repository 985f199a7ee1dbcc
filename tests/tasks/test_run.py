"""The run folder: what it refuses, and what it leaves behind."""

import json
from pathlib import Path

import pytest

from gatework.errors import InputError
from gatework.tasks import run as folder
from gatework.tasks.run import Request, claim, read_config, write_config

REQUEST = Request("forecast", {"horizon": 3, "seed": 0}, "00ff")


def finish(run: Path, request: Request = REQUEST) -> None:
    with claim(run, request, overwrite=False):
        (run / folder.WEIGHTS).write_bytes(b"weights")
        write_config(run, request, model={}, schema={}, results={}, vouch_for=(folder.WEIGHTS,))


def stop_half_way(run: Path) -> None:
    with claim(run, REQUEST, overwrite=False) as claimed:
        checkpoint = claimed.state / "final" / "state"
        checkpoint.mkdir(parents=True)
        (checkpoint / "progress.json").write_text("{}")
        raise KeyboardInterrupt


def leave_half(run: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        stop_half_way(run)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    finish(tmp_path / "run")
    config = read_config(tmp_path / "run")
    assert config.request == REQUEST
    assert config.format == folder.FORMAT
    assert not (tmp_path / "run" / "state").exists()


def damage_weights(run: Path) -> None:
    (run / folder.WEIGHTS).write_bytes(b"weightz")


def lose_weights(run: Path) -> None:
    (run / folder.WEIGHTS).unlink()


def cut_config(run: Path) -> None:
    path = run / folder.CONFIG
    path.write_bytes(path.read_bytes()[:-20])


def age_config(run: Path) -> None:
    path = run / folder.CONFIG
    config = json.loads(path.read_bytes())
    path.write_text(json.dumps({"format": config["format"] + 1, "strange": True}))


def lose_config(run: Path) -> None:
    (run / folder.CONFIG).unlink()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (damage_weights, "model.safetensors is damaged: its SHA-256"),
        (lose_weights, "model.safetensors is missing"),
        (cut_config, "config.json is damaged"),
        (age_config, "later Gatework (format 2; this one reads up to 1)"),
        (lose_config, "is no run: expected config.json"),
    ],
)
def test_a_harmed_run_is_refused_with_the_file_named(tmp_path: Path, harm, words: str) -> None:
    finish(tmp_path / "run")
    harm(tmp_path / "run")
    with pytest.raises(InputError) as caught:
        read_config(tmp_path / "run")
    assert words in str(caught.value)


def test_there_is_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such run"):
        read_config(tmp_path / "none")


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    leave_half(tmp_path / "run")
    (tmp_path / "run" / ".forecast.png.ab12.png").write_bytes(b"half")
    finish(tmp_path / "run")
    assert not list((tmp_path / "run").glob(".*"))


def test_a_half_finished_run_says_how_to_go_on(tmp_path: Path) -> None:
    leave_half(tmp_path / "run")
    with pytest.raises(InputError, match="Run the same `gatework fit` command again"):
        read_config(tmp_path / "run")
    with claim(tmp_path / "run", REQUEST, overwrite=False) as claimed:
        assert claimed.resumes


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (REQUEST, "already holds this very fit"),
        (Request("forecast", {"horizon": 4, "seed": 0}, "00ff"), "with horizon 3, not 4"),
        (Request("forecast", {"horizon": 3, "seed": 0}, "11"), "with other data"),
        (Request("detect", {}, "00ff"), "another task (forecast)"),
    ],
)
def test_a_finished_run_is_not_overwritten_unasked(tmp_path: Path, request_, words: str) -> None:
    finish(tmp_path / "run")
    before = sorted(path.name for path in (tmp_path / "run").iterdir())
    with (
        pytest.raises(InputError) as caught,
        claim(tmp_path / "run", request_, overwrite=False),
    ):
        pytest.fail("it was let in")
    assert words in str(caught.value)
    assert "--overwrite" in str(caught.value)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == before


def test_overwrite_removes_the_files_of_a_run_and_no_others(tmp_path: Path) -> None:
    finish(tmp_path / "run")
    (tmp_path / "run" / "mine.txt").write_text("keep me")
    with claim(tmp_path / "run", REQUEST, overwrite=True):
        names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"mine.txt", "state"}


def test_overwrite_goes_on_with_the_half_of_the_same_fit_and_drops_that_of_another(
    tmp_path: Path,
) -> None:
    leave_half(tmp_path / "run")
    with claim(tmp_path / "run", REQUEST, overwrite=True) as claimed:
        assert claimed.resumes
    other = Request("forecast", {"horizon": 4, "seed": 0}, "00ff")
    with claim(tmp_path / "run", other, overwrite=True) as claimed:
        assert not claimed.resumes


def test_the_half_of_another_version_is_refused_and_a_finished_fit_is_not(tmp_path: Path) -> None:
    newer = Request("forecast", {"horizon": 3, "seed": 0}, "00ff", "9.0")
    leave_half(tmp_path / "run")
    with (
        pytest.raises(InputError, match="half-finished fit with Gatework , not"),
        claim(tmp_path / "run", newer, overwrite=False),
    ):
        pytest.fail("it was let in")
    finish(tmp_path / "run")
    with (
        pytest.raises(InputError, match="already holds this very fit"),
        claim(tmp_path / "run", newer, overwrite=False),
    ):
        pytest.fail("it was let in")


def test_a_folder_of_other_things_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with (
        pytest.raises(InputError, match="holds no run"),
        claim(tmp_path, REQUEST, overwrite=True),
    ):
        pytest.fail("it was let in")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with (
        pytest.raises(InputError, match="is a file"),
        claim(tmp_path / "run", REQUEST, overwrite=True),
    ):
        pytest.fail("it was let in")


@pytest.mark.parametrize("error", [InputError("too short"), OSError(28, "No space left")])
def test_a_fit_that_never_began_leaves_no_trace(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)):
        fail_early(tmp_path / "runs" / "deep" / "run", error)
    assert list(tmp_path.iterdir()) == []


def fail_early(run: Path, error: Exception) -> None:
    with claim(run, REQUEST, overwrite=False):
        (run / folder.WEIGHTS).write_bytes(b"half")
        raise error
