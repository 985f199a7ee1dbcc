"""The state folder of a run: all that resuming needs, replaced as a whole or not at all.

A new state is written to `state.next` and made durable; then `state` becomes `state.old`,
`state.next` becomes `state`, and `state.old` goes. Between the two renames there is no `state`,
but both others are whole, which `recover` knows. Whatever moment a process dies at, one whole
state is left.
"""

import os
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from torch import Tensor

from gatework.errors import InputError
from gatework.training.disk import explained_disk_errors
from gatework.training.history import Stopped
from gatework.training.weights import decode_tensors, encode_tensors

VERSION = 1
MANIFEST = "progress.json"


@dataclass
class Position:
    """How far a run has come. The one mutable record of the loop; saved in each checkpoint.

    Attributes:
        step: Steps taken.
        epoch: Epochs completed.
        batch: Batches done of the current epoch.
        elapsed: Seconds of training.
        best_validation: Lowest validation so far, and its step.
        best_step: Step of `best_validation`.
        stale: Validations since then.
        loss_sum: Sum of the losses since the last line of metrics.
        loss_count: Number of them.
        validation: Latest validation.
        stopped: The setting that ended the run; None while it goes on.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    elapsed: float = 0.0
    best_validation: float | None = None
    best_step: int | None = None
    stale: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    validation: float | None = None
    stopped: Stopped | None = None


class Manifest(msgspec.Struct, frozen=True):
    """progress.json: what a checkpoint knows besides tensors.

    Attributes:
        version: Version of this format.
        settings: The settings of the run, by name.
        position: How far it has come.
        epoch_batches: Batches in the current epoch.
        metrics_size: Bytes of metrics.jsonl at this point.
        checksums: CRC-32 of each file beside this one.
    """

    version: int
    settings: dict[str, Any]
    position: Position
    epoch_batches: int
    metrics_size: int
    checksums: dict[str, int]


class Checkpoint(NamedTuple):
    """A state folder in memory: the manifest, and the tensors of `<group>.safetensors` by group."""

    manifest: Manifest
    groups: dict[str, dict[str, Tensor]]


def write_checkpoint(
    folder: Path, manifest: Manifest, groups: Mapping[str, dict[str, Tensor]]
) -> None:
    """Replace the state in a run's folder; on any failure the state before is left whole.

    Args:
        folder: The run's folder, which exists.
        manifest: What to write to progress.json; the checksums are filled in here.
        groups: Tensors by name, by the name of their file.

    Raises:
        TrainingError: The disk is full, or cannot be written to.
    """
    files = {f"{group}.safetensors": encode_tensors(tensors) for group, tensors in groups.items()}
    checksums = {name: zlib.crc32(data) for name, data in files.items()}
    manifest = msgspec.structs.replace(manifest, checksums=checksums)
    files[MANIFEST] = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    with explained_disk_errors(folder):
        recover(folder)
        _replace_state(folder, files)


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """Read the state in a run's folder; None if there is none.

    Raises:
        InputError: A file is missing, damaged, or of another version of the format.
    """
    recover(folder)
    state, _, _ = _places(folder)
    if not state.exists():
        return None
    path = state / MANIFEST
    try:
        manifest = msgspec.json.decode(_read(path), type=Manifest)
    except msgspec.DecodeError as error:
        raise _damaged(path, str(error)) from error
    if manifest.version != VERSION:
        raise InputError(
            f"{path} is of format {manifest.version}; this gatework reads {VERSION}. Resume with "
            f"the version that wrote it, or delete {state} to start afresh."
        )
    groups = {}
    for name, checksum in manifest.checksums.items():
        data = _read(state / name)
        if zlib.crc32(data) != checksum:
            raise _damaged(state / name, "its checksum does not match progress.json")
        groups[name.removesuffix(".safetensors")] = decode_tensors(data, state / name)
    return Checkpoint(manifest, groups)


def recover(folder: Path) -> None:
    """Complete a replacement that was cut off between its two renames; clear other leftovers."""
    state, following, previous = _places(folder)
    if not state.exists() and previous.exists():
        os.replace(following if following.exists() else previous, state)
    for leftover in (following, previous):
        if leftover.exists():
            shutil.rmtree(leftover)


def _replace_state(folder: Path, files: Mapping[str, bytes]) -> None:
    state, following, previous = _places(folder)
    try:
        following.mkdir()
        for name, data in files.items():
            _write(following / name, data)
        _sync_folder(following)
    except OSError:
        shutil.rmtree(following, ignore_errors=True)
        raise
    if state.exists():
        os.replace(state, previous)
    os.replace(following, state)
    _sync_folder(folder)
    if previous.exists():
        shutil.rmtree(previous)


def _places(folder: Path) -> tuple[Path, Path, Path]:
    return folder / "state", folder / "state.next", folder / "state.old"


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _damaged(path, "it is missing") from None


def _sync_folder(folder: Path) -> None:
    """Make renames durable. Windows cannot open a folder, and needs no such thing."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(
        f"The checkpoint file {path} is damaged: {reason}. Restore {path.parent} from a copy, or "
        "delete that folder to start the training afresh."
    )
