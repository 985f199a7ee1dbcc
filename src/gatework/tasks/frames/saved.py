"""A fitted model of frames as a run folder, and back. Loading executes nothing from it."""

from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from gatework.files import atomic_write, write_bytes
from gatework.tasks import run as folder
from gatework.tasks.frames.fitted import Fitted
from gatework.tasks.frames.job import Job
from gatework.tasks.frames.parts import Parts
from gatework.tasks.frames.report import write_report
from gatework.tasks.page import Origin
from gatework.training.weights import decode_tensors, encode_tensors

TASK = "frames"
_EXCERPT: Final = 6  # judged sequences that a run keeps, to look inside with


class Saved(NamedTuple):
    """What a run gives back: with its excerpt, (T, D) sequences of the judged part."""

    config: folder.RunConfig
    fitted: Fitted
    excerpt: list[np.ndarray]


def request_of(parts: Parts, settings: dict[str, Any]) -> folder.Request:
    """Say what a fit is of, so that the same fit is known again."""
    return folder.Request(
        TASK, msgspec.to_builtins(settings), parts.digest, folder.package_version()
    )


def excerpt_of(parts: Parts) -> list[np.ndarray]:
    """Return the sequences that a run keeps."""
    pieces = parts.judged
    return [pieces[each].numpy() for each in range(min(_EXCERPT, len(pieces)))]


def write_run(
    run: Path, request: folder.Request, done: Job, excerpt: list[np.ndarray], origin: Origin
) -> None:
    """Write everything a run holds; config.json comes last and makes it whole."""
    fitted, outcome = done.fitted, done.outcome
    write_bytes(run / folder.WEIGHTS, encode_tensors(fitted.state))
    write_bytes(run / folder.BASELINES, encode_tensors(fitted.baselines.tensors()))
    with atomic_write(run / folder.EXCERPT) as beside, beside.open("wb") as file:
        lengths = np.array([len(each) for each in excerpt])
        np.savez_compressed(file, frames=np.concatenate(excerpt), lengths=lengths)
    if fitted.history is not None:
        lines = (msgspec.json.encode(record) + b"\n" for record in fitted.history.records)
        write_bytes(run / folder.METRICS, b"".join(lines))
    write_report(run / folder.REPORT, outcome, origin)
    folder.write_config(
        run,
        request,
        model=fitted.config,
        schema={"columns": fitted.schema.columns, "keys": fitted.schema.keys},
        results={
            "notes": outcome.notes,
            "scores": outcome.scores.records(),
            "verdict": outcome.scores.verdict(),
        },
        vouch_for=(folder.WEIGHTS, folder.BASELINES, folder.EXCERPT),
    )


def read_run(run: Path) -> Saved:
    """Read a run that `write_run` wrote.

    Raises:
        InputError: It is no run, is of another task, or is damaged; the file is named.
    """
    config = folder.read_config(run, TASK)
    weights, rules = run / folder.WEIGHTS, run / folder.BASELINES
    fitted = Fitted.from_saved(
        config.model,
        decode_tensors(weights.read_bytes(), weights),
        decode_tensors(rules.read_bytes(), rules),
    )
    with np.load(run / folder.EXCERPT, allow_pickle=False) as file:
        excerpt = np.split(file["frames"], np.cumsum(file["lengths"])[:-1])
    return Saved(config, fitted, excerpt)
