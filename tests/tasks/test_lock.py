"""One fit a folder at a time, and no lock that outlives its process."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gatework.errors import InputError
from gatework.tasks import run as folder
from gatework.tasks.lock import lock
from gatework.tasks.run import Request, claim

REQUEST = Request("forecast", {"horizon": 3, "seed": 0}, "00ff")
HOLD = """
import sys, time
from pathlib import Path
from gatework.tasks.run import Request, claim
request = Request("forecast", {"horizon": 3, "seed": 0}, "00ff")
with claim(Path(sys.argv[1]), request, overwrite=False):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(path: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", HOLD, str(path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_and_a_killed_one_is_not_waited_for(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with hold(run) as process:
        before = sorted(run.rglob("*"))
        with (
            pytest.raises(InputError, match="Another process is fitting into"),
            claim(run, REQUEST, overwrite=True),
        ):
            pytest.fail("it was let in")
        assert sorted(run.rglob("*")) == before
        process.send_signal(signal.SIGKILL)
    assert (run / folder.STATE / folder.LOCK).exists()
    with claim(run, REQUEST, overwrite=False):
        pass
    assert not (run / folder.STATE / folder.LOCK).exists()


def test_a_process_killed_before_its_first_file_leaves_a_free_folder(tmp_path: Path) -> None:
    state = tmp_path / "run" / folder.STATE
    state.mkdir(parents=True)
    (state / folder.LOCK).touch()
    (state / ".request.json.ab12.json").touch()
    with claim(tmp_path / "run", REQUEST, overwrite=False):
        assert {path.name for path in state.iterdir()} == {folder.LOCK, folder.REQUEST}


def test_a_lock_ends_with_its_block_also_on_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(ZeroDivisionError):
        refuse_and_fail(path)
    with lock(path, refusal="taken"):
        assert path.exists()
    assert not path.exists()


def refuse_and_fail(path: Path) -> None:
    with lock(path, refusal="taken"):
        with pytest.raises(InputError, match="taken"), lock(path, refusal="taken"):
            pytest.fail("it was let in")
        raise ZeroDivisionError
