"""A fitted language model as a run folder, and back. Loading executes nothing from it."""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gatework.files import write_bytes
from gatework.tasks import run as folder
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.job import Job
from gatework.tasks.generate.report import write_report
from gatework.tasks.page import Origin
from gatework.training.weights import decode_tensors, encode_tensors

TASK = "generate"


class Saved(NamedTuple):
    """What a run gives back."""

    config: folder.RunConfig
    fitted: Fitted
    excerpt: str


def request_of(digest: str, settings: dict[str, Any]) -> folder.Request:
    """Say what a fit is of, so that the same fit is known again; `digest` is of the data."""
    return folder.Request(TASK, msgspec.to_builtins(settings), digest, folder.package_version())


def write_run(run: Path, request: folder.Request, done: Job, origin: Origin) -> None:
    """Write everything a run holds; config.json comes last and makes it whole."""
    fitted, outcome = done.fitted, done.outcome
    write_bytes(run / folder.WEIGHTS, encode_tensors(fitted.state))
    write_bytes(run / folder.BASELINES, encode_tensors(fitted.ngrams.tensors()))
    if fitted.history is not None:
        lines = (msgspec.json.encode(record) + b"\n" for record in fitted.history.records)
        write_bytes(run / folder.METRICS, b"".join(lines))
    write_report(run / folder.REPORT, outcome, origin)
    folder.write_config(
        run,
        request,
        model=fitted.config,
        schema={"tokens": fitted.codec.kind},
        results={
            "notes": outcome.notes,
            "scores": outcome.scores.records(),
            "verdict": outcome.scores.verdict(),
            "excerpt": outcome.excerpt,
        },
        vouch_for=(folder.WEIGHTS, folder.BASELINES),
    )


def read_run(run: Path) -> Saved:
    """Read a run that `write_run` wrote.

    Raises:
        InputError: It is no run, is of another task, or is damaged; the file is named.
    """
    config = folder.read_config(run, TASK)
    weights, counts = run / folder.WEIGHTS, run / folder.BASELINES
    fitted = Fitted.from_saved(
        config.model,
        decode_tensors(weights.read_bytes(), weights),
        decode_tensors(counts.read_bytes(), counts),
    )
    return Saved(config, fitted, str(config.results.get("excerpt", "")))
