"""The state folder is replaced as a whole or not at all, and a damaged one is not read."""

import builtins
import errno
import itertools
import os
import pathlib
import shutil
from pathlib import Path

import msgspec
import pytest
import torch

from gatework.errors import InputError
from gatework.training import TrainingError
from gatework.training.checkpoint import (
    VERSION,
    Manifest,
    Position,
    read_checkpoint,
    write_checkpoint,
)


def save(folder: Path, step: int) -> None:
    manifest = Manifest(VERSION, {"seed": 0}, Position(step=step), 4, 0, {})
    tensors = {"weight": torch.full((3,), float(step))}
    write_checkpoint(folder, manifest, {"model": tensors, "optimizer": dict(tensors)})


def saved_step(folder: Path) -> int | None:
    """Return the step of the state in a folder, after checking that it is of one piece."""
    checkpoint = read_checkpoint(folder)
    if checkpoint is None:
        return None
    step = checkpoint.manifest.position.step
    for tensors in checkpoint.groups.values():
        assert torch.equal(tensors["weight"], torch.full((3,), float(step)))
    return step


class Died(BaseException):
    """Stands for a process that is no more: nothing may catch it."""


class Fault:
    """Makes the nth operation on the disk fail, before or halfway through it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException) -> None:
        self.count, self.at, self.error = 0, at, error
        for owner, name in ((os, "replace"), (os, "fsync"), (Path, "mkdir")):
            monkeypatch.setattr(owner, name, self.failing(getattr(owner, name)))
        monkeypatch.setattr(shutil, "rmtree", self.failing_halfway)
        monkeypatch.setattr(pathlib.Path, "open", self.short_open(pathlib.Path.open))

    def due(self) -> bool:
        self.count += 1
        return self.count == self.at

    def failing(self, operation):
        def wrapped(*args):
            if self.due():
                raise self.error
            return operation(*args)

        return wrapped

    def failing_halfway(self, folder, ignore_errors=False):
        if ignore_errors and not Path(folder).exists():
            return
        for path in sorted(Path(folder).iterdir()):
            if self.due() and not ignore_errors:
                raise self.error
            path.unlink()
        os.rmdir(folder)

    def short_open(self, operation):
        def wrapped(path, mode="r", *args):
            if mode == "wb" and self.due():
                with builtins.open(path, mode) as file:
                    file.write(b"half")
                raise self.error
            return operation(path, mode, *args)

        return wrapped


def every_fault(tmp_path: Path, error: BaseException, steps: tuple[int, ...]):
    """Yield a folder with the states of `steps` saved, the last save failing, at every point."""
    for at in itertools.count(1):
        folder = tmp_path / str(at)
        folder.mkdir()
        for step in steps[:-1]:
            save(folder, step)
        with pytest.MonkeyPatch.context() as monkeypatch:
            fault = Fault(monkeypatch, at, error)
            try:
                save(folder, steps[-1])
            except (Died, TrainingError) as raised:
                caught = raised
            else:
                assert fault.count < at
                assert at > 10, "the faults were never met"
                return
        yield folder, caught


def test_death_at_any_moment_leaves_the_old_state_or_the_new(tmp_path):
    found = [saved_step(folder) or 0 for folder, _ in every_fault(tmp_path, Died(), (1, 2))]
    assert set(found) == {1, 2}
    assert found == sorted(found), "once the new state is there, it stays"


def test_death_while_saving_first_leaves_nothing_or_the_new_state(tmp_path):
    found = [saved_step(folder) for folder, _ in every_fault(tmp_path, Died(), (1,))]
    assert set(found) == {None, 1}


def test_death_while_recovering_loses_nothing(tmp_path):
    for folder, _ in every_fault(tmp_path, Died(), (1, 2)):
        for at in itertools.count(1):
            copy = folder.with_name(f"{folder.name} again {at}")
            shutil.copytree(folder, copy)
            with pytest.MonkeyPatch.context() as monkeypatch:
                Fault(monkeypatch, at, Died())
                try:
                    read_checkpoint(copy)
                except Died:
                    assert saved_step(copy) in (1, 2)
                    continue
            break


def test_saving_goes_on_after_a_death_at_any_moment(tmp_path):
    for folder, _ in every_fault(tmp_path, Died(), (1, 2)):
        save(folder, 3)
        assert saved_step(folder) == 3
        assert sorted(path.name for path in folder.iterdir()) == ["state"]


def test_a_full_disk_is_one_clear_error_and_the_old_state_stands(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    for folder, error in every_fault(tmp_path, full, (1, 2)):
        assert isinstance(error, TrainingError)
        assert "the disk is full" in str(error)
        assert "is whole" in str(error)
        assert saved_step(folder) in (1, 2)


def test_there_is_no_state_to_begin_with(tmp_path):
    assert read_checkpoint(tmp_path) is None


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "progress.json"])
@pytest.mark.parametrize("harm", ["flip", "truncate", "delete"])
def test_a_damaged_file_is_named(tmp_path, name, harm):
    save(tmp_path, 1)
    path = tmp_path / "state" / name
    data = path.read_bytes()
    if harm == "flip":
        path.write_bytes(b"\xff" + data[1:])
    elif harm == "truncate":
        path.write_bytes(data[:-5])
    else:
        path.unlink()
    with pytest.raises(InputError, match="delete that folder to start") as caught:
        read_checkpoint(tmp_path)
    assert str(path) in str(caught.value)


def test_a_single_flipped_bit_in_a_tensor_is_found(tmp_path):
    save(tmp_path, 1)
    path = tmp_path / "state" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="checksum"):
        read_checkpoint(tmp_path)


def test_a_later_format_is_refused(tmp_path):
    save(tmp_path, 1)
    path = tmp_path / "state" / "progress.json"
    manifest = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({**manifest, "version": VERSION + 1}))
    with pytest.raises(InputError, match=f"this gatework reads {VERSION}"):
        read_checkpoint(tmp_path)


def test_an_old_state_alone_is_used(tmp_path):
    save(tmp_path, 1)
    (tmp_path / "state").rename(tmp_path / "state.old")
    assert saved_step(tmp_path) == 1
