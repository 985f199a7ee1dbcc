"""A run: the folder of open formats that a fitted model lives in.

`config.json` is written last: a folder that has one is whole. Nothing in a run is ever executed.
"""

import hashlib
import importlib.metadata
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from gatework.errors import InputError
from gatework.files import atomic_write
from gatework.tasks.lock import lock

FORMAT = 1
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
HISTORY = "history.parquet"
METRICS = "metrics.jsonl"
REPORT = "report.html"
PAGE = "inspect.html"
FORECAST = "forecast.csv"
PICTURE = "forecast.png"
BASELINES = "baselines.safetensors"
PREDICTIONS = "predictions.csv"
RULE = "baseline.json"
EXCERPT = "excerpt.npz"
# What a run of each task holds besides what every run does.
OWN_FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "forecast": (HISTORY, FORECAST, PICTURE),
    "classify": (BASELINES, PREDICTIONS),
    "tag": (RULE, PREDICTIONS),
    "generate": (BASELINES,),
    "frames": (BASELINES, EXCERPT),
}
RUN_FILES: Final = tuple(
    dict.fromkeys(
        (
            CONFIG,
            WEIGHTS,
            METRICS,
            REPORT,
            PAGE,
            *(name for own in OWN_FILES.values() for name in own),
        )
    )
)
STATE = "state"
REQUEST = "request.json"
LOCK = ".lock"


class Request(msgspec.Struct, frozen=True):
    """What was asked for: two fits with equal requests are the same fit.

    Attributes:
        task: Name of the task.
        settings: The task's settings, as plain values.
        data: SHA-256 of the data.
        version: Of Gatework. A finished fit is the same whatever wrote it; half of one is not.
    """

    task: str
    settings: dict[str, Any]
    data: str
    version: str = ""


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What config.json holds.

    Attributes:
        format: Version of this layout.
        request: What was asked for.
        model: What rebuilds the networks around their weights.
        schema: What the data is like, such as its columns; checked again at predict time.
        results: Notes, scores and facts of the training, for people and programs to read.
        versions: Of Gatework, Python and torch when it was written.
        checksums: SHA-256 of every file that loading relies on.
    """

    format: int
    request: Request
    model: dict[str, Any]
    schema: dict[str, Any]
    results: dict[str, Any]
    versions: dict[str, str]
    checksums: dict[str, str]


def read_config(run: Path, task: str | None = None) -> RunConfig:
    """Read the config of a finished run and check the files it vouches for.

    Args:
        run: The folder.
        task: The task it has to be of; None is any.

    Raises:
        InputError: The folder is missing, is no run, is half-finished, was written by a later
            version, is of another task, or one of its files is damaged.
    """
    config = _find(run)
    if task is not None and config.request.task != task:
        raise InputError(f"{run} is a run of the task {config.request.task!r}; expected {task!r}.")
    for name, expected in config.checksums.items():
        _check(run / name, expected)
    return config


def task_of(run: Path) -> str:
    """Return the name of the task that a finished run is of.

    Raises:
        InputError: As `read_config`, but that no file besides config.json is looked at.
    """
    return _find(run).request.task


def _find(run: Path) -> RunConfig:
    if not run.exists():
        raise InputError(
            f"No such run: {run}. `gatework fit` makes one; see `gatework fit --help`."
        )
    path = run / CONFIG
    if not path.is_file():
        raise InputError(_why_no_run(run))
    return _decode(path)


def write_config(
    run: Path,
    request: Request,
    *,
    model: dict[str, Any],
    schema: dict[str, Any],
    results: dict[str, Any],
    vouch_for: Sequence[str],
) -> RunConfig:
    """Write config.json, which makes the run whole; `vouch_for` names the files to checksum."""
    config = RunConfig(
        format=FORMAT,
        request=request,
        model=model,
        schema=schema,
        results=results,
        versions={
            "gatework": package_version(),
            "python": platform.python_version(),
            "torch": importlib.metadata.version("torch"),
        },
        checksums={name: _sha256(run / name) for name in vouch_for},
    )
    with atomic_write(run / CONFIG) as beside:
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(config), indent=2) + b"\n")
    return config


class Claim(NamedTuple):
    """A folder ready for a fit: where resuming keeps its state, and whether there is some."""

    state: Path
    resumes: bool


@contextmanager
def claim(run: Path, request: Request, *, overwrite: bool) -> Iterator[Claim]:
    """Make `run` ready for a fit of `request`, or find in it the half of one to go on with.

    If the fit fails before it has trained anything, what was made here is removed again; if it is
    stopped later, the state stays for a resume; when the run is whole, nothing needs the state.

    Raises:
        InputError: The folder holds another fit, a finished one, or something that is no run, or
            another process is fitting into it.
    """
    state = run / STATE
    _require_free(run, request, overwrite=overwrite)
    made = [folder for folder in (state, run, *run.parents) if not folder.exists()]
    try:
        state.mkdir(parents=True, exist_ok=True)
        with lock(
            state / LOCK,
            refusal=f"Another process is fitting into {run}. Wait for it to end, or choose another "
            "folder with --out.",
        ):
            # Another process may have used the folder since the first look.
            _require_free(run, request, overwrite=overwrite)
            with _cleared_unless_trained(run):
                if overwrite and not _is_half_of(run, request):
                    _remove_run_files(run)
                _remove_leftovers(run)
                with atomic_write(state / REQUEST) as beside:
                    beside.write_bytes(msgspec.json.encode(request))
                yield Claim(state, resumes=_has_checkpoint(state))
            _remove_state(run)
        _remove_if_empty(state)
    except BaseException:
        for folder in made:
            _remove_if_empty(folder)
        raise


@contextmanager
def _cleared_unless_trained(run: Path) -> Iterator[None]:
    """On an error, remove the files of the run if they hold nothing that a resume could use."""
    try:
        yield
    except BaseException:
        if not _has_checkpoint(run / STATE):
            _remove_run_files(run)
        raise


def package_version() -> str:
    """Return the version of the installed package; `source` when it runs from a bare tree."""
    try:
        return importlib.metadata.version("gatework")
    except importlib.metadata.PackageNotFoundError:
        return "source"


def _require_free(run: Path, request: Request, *, overwrite: bool) -> None:
    if not run.exists():
        return
    if not run.is_dir():
        raise InputError(f"{run} is a file; a run is a folder. Choose another with --out.")
    finished, half = (run / CONFIG).is_file(), (run / STATE / REQUEST).is_file()
    if not finished and not half and not _is_bare(run):
        raise InputError(f"{run} is not empty and holds no run. Choose another folder with --out.")
    if overwrite or not (finished or half):
        return
    path = run / CONFIG if finished else run / STATE / REQUEST
    there = _decode(path).request if finished else _decode_request(path)
    difference = _difference(there, request) if finished else _half_difference(there, request)
    if finished and not difference:
        raise InputError(
            f"{run} already holds this very fit, finished. Use it with `gatework predict {run}`, "
            "or fit again with --overwrite."
        )
    if difference:
        kind = "a finished fit" if finished else "a half-finished fit"
        raise InputError(
            f"{run} holds {kind} with {difference}. "
            "Replace it with --overwrite, or choose another folder with --out."
        )


def _is_bare(run: Path) -> bool:
    """Tell whether there is nothing in the folder but what a fit makes before its first file."""
    state = run / STATE
    return all(path == state for path in run.iterdir()) and all(
        path.name.startswith(".") for path in (state.iterdir() if state.is_dir() else ())
    )


def _is_half_of(run: Path, request: Request) -> bool:
    path = run / STATE / REQUEST
    if (run / CONFIG).is_file() or not path.is_file():
        return False
    try:
        there = msgspec.json.decode(path.read_bytes(), type=Request)
    except msgspec.DecodeError:
        return False
    return not _half_difference(there, request)


def _has_checkpoint(state: Path) -> bool:
    """Tell whether some training has left a checkpoint, which is a folder in its own folder."""
    return any(state.glob("*/state*/*"))


def _difference(there: Request, wanted: Request) -> str:
    if there.task != wanted.task:
        return f"another task ({there.task})"
    for name in sorted(there.settings.keys() | wanted.settings.keys()):
        old, new = there.settings.get(name), wanted.settings.get(name)
        if _plain(old) != _plain(new):
            return f"{name} {_plain(old)}, not {_plain(new)}"
    return "other data" if there.data != wanted.data else ""


def _half_difference(there: Request, wanted: Request) -> str:
    if there.version != wanted.version:
        return f"Gatework {there.version}, not {wanted.version}"
    return _difference(there, wanted)


def _plain(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _remove_run_files(run: Path) -> None:
    for name in RUN_FILES:
        (run / name).unlink(missing_ok=True)
    _remove_state(run)


def _remove_state(run: Path) -> None:
    """Remove all of the state but the lock, which we hold."""
    for path in (run / STATE).iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _remove_leftovers(run: Path) -> None:
    """Remove what a killed process had begun to write beside a file."""
    for path in (*(run / name for name in RUN_FILES), run / STATE / REQUEST):
        for leftover in path.parent.glob(f".{path.name}.*"):
            leftover.unlink()


def _why_no_run(run: Path) -> str:
    if (run / STATE / REQUEST).is_file():
        return (
            f"{run} is a half-finished run: its fit was stopped, or still goes on. "
            "Run the same `gatework fit` command again; it goes on where it stopped."
        )
    return f"{run} is no run: expected {CONFIG} in it. `gatework fit` makes runs."


def _decode(path: Path) -> RunConfig:
    content = path.read_bytes()
    try:
        found = msgspec.json.decode(content, type=_Format).format
        if found > FORMAT:
            raise InputError(
                f"{path} was written by a later Gatework (format {found}; this one reads up to "
                f"{FORMAT}). Update with `pip install -U gatework`."
            )
        return msgspec.json.decode(content, type=RunConfig)
    except msgspec.DecodeError as error:
        raise InputError(
            f"{path} is damaged: {error}. Restore the run from a copy, or fit it again."
        ) from error


class _Format(msgspec.Struct):
    format: int


def _decode_request(path: Path) -> Request:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Request)
    except msgspec.DecodeError as error:
        raise InputError(f"{path} is damaged: {error}. Start anew with --overwrite.") from error


def _check(path: Path, expected: str) -> None:
    if not path.is_file():
        problem = "is missing"
    elif _sha256(path) != expected:
        problem = f"is damaged: its SHA-256 is not the one in {CONFIG}"
    else:
        return
    raise InputError(f"{path} {problem}. Restore the run from a copy, or fit it again.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
