"""A fitted tagger as a run folder, and back. Loading executes nothing from it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import polars as pl

from gatework.data import write_table
from gatework.data.conll import Sentence, TagColumns
from gatework.data.series_rows import SeriesColumns
from gatework.errors import InputError
from gatework.files import write_bytes
from gatework.tasks import run as folder
from gatework.tasks.page import Origin
from gatework.tasks.tag.baselines import MostFrequent
from gatework.tasks.tag.corpus import Corpus
from gatework.tasks.tag.encoding import Encoder
from gatework.tasks.tag.fitted import Answer, Fitted
from gatework.tasks.tag.job import Job, Rule
from gatework.tasks.tag.reading import Schema
from gatework.tasks.tag.report import write_report
from gatework.tasks.tag.step_baselines import StepRules
from gatework.tasks.tag.steps import StepEncoder
from gatework.training.weights import decode_tensors, encode_tensors

TASK = "tag"
_WORD, _STEP = "word", "step"


class Saved(NamedTuple):
    """What a run gives back."""

    config: folder.RunConfig
    fitted: Fitted
    rule: Rule
    schema: Schema


def request_of(corpus: Corpus, settings: dict[str, Any]) -> folder.Request:
    """Say what a fit is of, so that the same fit is known again."""
    digest = hashlib.sha256()
    for part in (corpus.train, corpus.validation, corpus.test):
        for sentence in part:
            digest.update(msgspec.json.encode(sentence[:3]) + b"\n")
            if sentence.values is not None:
                digest.update(sentence.values.tobytes())
        digest.update(b"\n")
    vectors = settings.get("vectors")
    if vectors is not None and Path(vectors).is_file():
        with Path(vectors).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return folder.Request(
        TASK, msgspec.to_builtins(settings), digest.hexdigest(), folder.package_version()
    )


def write_run(
    run: Path, request: folder.Request, done: Job, schema: Schema, origin: Origin
) -> None:
    """Write everything a run holds; config.json comes last and makes it whole."""
    fitted, outcome = done.fitted, done.outcome
    write_bytes(run / folder.WEIGHTS, encode_tensors(dict(fitted.state)))
    write_bytes(run / folder.RULE, msgspec.json.encode(done.rule))
    records = [record for history in fitted.histories for record in history.records]
    lines = (msgspec.json.encode(record) + b"\n" for record in records)
    write_bytes(run / folder.METRICS, b"".join(lines))
    features = fitted.encoder.features if isinstance(fitted.encoder, StepEncoder) else ()
    table = _predictions(outcome.judged, outcome.answers, features)
    write_table(table, run / folder.PREDICTIONS)
    write_report(run / folder.REPORT, outcome, origin)
    folder.write_config(
        run,
        request,
        model=fitted.config,
        schema=msgspec.to_builtins(schema),
        results={
            "notes": outcome.notes,
            "scores": outcome.scores.records(),
            "verdict": outcome.scores.verdict(),
        },
        vouch_for=(folder.WEIGHTS, folder.RULE),
    )


def read_run(run: Path) -> Saved:
    """Read a run that `write_run` wrote.

    Raises:
        InputError: It is no run, is of another task, or is damaged; the file is named.
    """
    config = folder.read_config(run, TASK)
    weights, rule = run / folder.WEIGHTS, run / folder.RULE
    fitted = Fitted.from_saved(config.model, decode_tensors(weights.read_bytes(), weights))
    steps = isinstance(fitted.encoder, StepEncoder)
    try:
        return Saved(
            config,
            fitted,
            msgspec.json.decode(rule.read_bytes(), type=StepRules if steps else MostFrequent),
            msgspec.convert(config.schema, SeriesColumns if steps else TagColumns),
        )
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise InputError(f"{run} is damaged: {error}. Fit the run again.") from error


def read_judged(run: Path, encoder: Encoder | StepEncoder) -> list[Sentence]:
    """Read the sentences that a run was judged on, from its predictions.

    Raises:
        InputError: The file is missing or damaged.
    """
    path = run / folder.PREDICTIONS
    features = encoder.features if isinstance(encoder, StepEncoder) else ()
    step = _STEP if features else _WORD
    try:
        table = pl.read_csv(path, schema_overrides={step: pl.String, "tag": pl.String})
        runs = table.with_columns(pl.col("row").rle_id().alias("run"))
        parts = runs.partition_by("run", maintain_order=True)
        return [
            Sentence(
                tuple(part[step]),
                tuple(part["tag"]),
                row=part["row"][0],
                values=part.select(map(_column, features)).to_numpy() if features else None,
            )
            for part in parts
        ]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path} cannot be read: {error}. Give a file to look at.") from error


def _predictions(
    sentences: Sequence[Sentence], answers: Sequence[Answer], features: Sequence[str]
) -> pl.DataFrame:
    """One row a word or step of the judged part: what is true, what was said, and how surely."""
    pairs = list(zip(sentences, answers, strict=True))
    values = [s.values for s, _ in pairs if s.values is not None]
    table = np.concatenate(values) if values else np.zeros((0, 0))
    return pl.DataFrame(
        {
            "row": [s.row for s, _ in pairs for _ in s.tokens],
            _STEP if values else _WORD: [word for s, _ in pairs for word in s.tokens],
            "tag": [tag for s, _ in pairs for tag in s.tags or ()],
            "gatework": [tag for _, a in pairs for tag in a.tags],
            "probability": [chance for _, a in pairs for chance in a.probabilities or ()],
        }
        | {_column(name): table[:, place] for place, name in enumerate(features)}
    )


def _column(feature: str) -> str:
    """What a feature is called beside the other columns."""
    return f"x: {feature}"
