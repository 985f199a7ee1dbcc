"""The verbs ask the run for its task, and the task alone answers."""

from pathlib import Path

import pytest

from gatework.cli import main
from gatework.cli.tasks import TASKS
from gatework.tasks import run as folder


def make_run(place: Path, task: str) -> None:
    request = folder.Request(task, {}, "00ff")
    with folder.claim(place, request, overwrite=False):
        folder.write_config(place, request, model={}, schema={}, results={}, vouch_for=())


def test_every_task_has_files_of_its_own_and_they_are_known() -> None:
    assert {task.name for task in TASKS} == set(folder.OWN_FILES)


def test_a_run_of_a_task_that_is_not_known(tmp_path: Path, capsys) -> None:
    make_run(tmp_path / "run", "divine")
    assert main(["predict", str(tmp_path / "run")]) == 2
    assert "a run of the task 'divine'" in capsys.readouterr().err


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_an_option_of_another_task_is_refused(task, tmp_path: Path, capsys) -> None:
    make_run(tmp_path / "run", task.name)
    words = {"levels": ["predict", str(tmp_path / "run"), "f.csv", "--levels", "80"]}
    words["lag"] = ["evaluate", str(tmp_path / "run"), "f.csv", "--lag", "7"]
    for option, command in words.items():
        if option not in task.options:
            assert main(command) == 2
            assert f"--{option} is no option for" in capsys.readouterr().err


def test_a_run_of_another_task_is_refused_in_python(tmp_path: Path) -> None:
    make_run(tmp_path / "run", "divine")
    with pytest.raises(ValueError, match="of the task 'divine'; expected 'forecast'"):
        folder.read_config(tmp_path / "run", "forecast")
