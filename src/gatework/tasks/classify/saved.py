"""A fitted classifier as a run folder, and back. Loading executes nothing from it."""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from gatework.data import write_table
from gatework.data.labelled import Texts
from gatework.errors import InputError
from gatework.files import write_bytes
from gatework.tasks import run as folder
from gatework.tasks.classify.fitted import Fitted, plain_of, restore, tensors_of
from gatework.tasks.classify.outcome import Outcome
from gatework.tasks.classify.predictions import predictions_of
from gatework.tasks.classify.report import write_report
from gatework.tasks.classify.schema import Schema, TextSchema
from gatework.tasks.page import Origin
from gatework.training.weights import decode_tensors, encode_tensors

TASK = "classify"


class Saved(NamedTuple):
    """What a run gives back."""

    config: folder.RunConfig
    fitted: Fitted
    schema: Schema


def request_of(data: str, settings: dict[str, Any]) -> folder.Request:
    """Say what a fit is of, so that the same fit is known again; `data` is its SHA-256."""
    return folder.Request(TASK, msgspec.to_builtins(settings), data, folder.package_version())


def write_run(
    run: Path, request: folder.Request, outcome: Outcome, schema: Schema, origin: Origin
) -> None:
    """Write everything a run holds; config.json comes last and makes it whole."""
    fitted, scores = outcome.fitted, outcome.scores
    write_bytes(run / folder.WEIGHTS, encode_tensors(dict(fitted.model.state_dict())))
    write_bytes(run / folder.BASELINES, encode_tensors(tensors_of(fitted)))
    if fitted.history is not None:
        lines = (msgspec.json.encode(record) + b"\n" for record in fitted.history.records)
        write_bytes(run / folder.METRICS, b"".join(lines))
    if outcome.judged:
        write_table(_held_out(outcome, schema), run / folder.PREDICTIONS)
    write_report(run / folder.REPORT, outcome, origin)
    folder.write_config(
        run,
        request,
        model=plain_of(fitted),
        schema=msgspec.to_builtins(schema),
        results={
            "notes": outcome.notes,
            "scores": scores.records() if scores else [],
            "verdict": scores.verdict() if scores else "nothing was held out",
            "shares": outcome.shares,
        },
        vouch_for=(folder.WEIGHTS, folder.BASELINES),
    )


def read_run(run: Path) -> Saved:
    """Read a run that `write_run` wrote.

    Raises:
        InputError: It is no run, is of another task, or is damaged; the file is named.
    """
    config = folder.read_config(run, TASK)
    path = run / folder.CONFIG
    try:
        schema = msgspec.convert(config.schema, Schema)
    except msgspec.ValidationError as error:
        raise InputError(f"{path} is damaged: schema: {error}. Fit the run again.") from error
    weights, own = run / folder.WEIGHTS, run / folder.BASELINES
    fitted = restore(
        config.model,
        decode_tensors(weights.read_bytes(), weights),
        decode_tensors(own.read_bytes(), own),
    )
    return Saved(config, fitted, schema)


def _held_out(outcome: Outcome, schema: Schema) -> pl.DataFrame:
    """What was said of every held-out sequence, in every round; texts stand beside it."""
    columns = schema.columns if isinstance(schema, TextSchema) else None
    name = "text" if columns is None else columns.text
    frames = []
    for number, part in enumerate(outcome.judged, start=1):
        said = predictions_of(
            outcome.classes,
            part.sequences,
            part.answers.probabilities["gatework"],
            part.answers.predicted["gatework"],
        )
        labels = [";".join(label) for label in part.sequences.known_labels]
        rounds = [] if len(outcome.judged) == 1 else [pl.lit(number).alias("round")]
        frame = said.with_columns(*rounds, pl.Series("label", labels))
        if isinstance(part.sequences, Texts) and name not in frame.columns:
            frame = frame.with_columns(pl.Series(name, part.sequences.texts, pl.String))
        frames.append(frame)
    return pl.concat(frames)
