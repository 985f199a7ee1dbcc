"""A fitted forecaster as a run folder, and back. Loading executes nothing from it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import polars as pl

from gatework.data import Panel, PanelSchema, Series, forecast_frame, write_table
from gatework.errors import InputError
from gatework.files import write_bytes
from gatework.tasks import run as folder
from gatework.tasks.forecast.arguments import check_quantiles
from gatework.tasks.forecast.evaluation import interval_probabilities, probabilities_of
from gatework.tasks.forecast.fitting import Fitted
from gatework.tasks.forecast.job import forecast
from gatework.tasks.forecast.outcome import Outcome
from gatework.tasks.forecast.report import write_picture, write_report
from gatework.tasks.forecast.scores import MODEL
from gatework.tasks.page import Origin
from gatework.training.weights import decode_tensors, encode_tensors

TASK = "forecast"


class Saved(NamedTuple):
    """What a run gives back."""

    config: folder.RunConfig
    fitted: Fitted
    panel: Panel


def request_of(panel: Panel, settings: dict[str, Any]) -> folder.Request:
    """Say what a fit is of, so that the same fit is known again."""
    digest = hashlib.sha256(msgspec.json.encode(panel.schema))
    for series in panel.series:
        digest.update(series.id.encode() + b"\0")
        digest.update(series.times.astype(np.int64).tobytes())
        digest.update(series.values.tobytes())
    return folder.Request(
        TASK, msgspec.to_builtins(settings), digest.hexdigest(), folder.package_version()
    )


def write_run(
    run: Path, request: folder.Request, fitted: Fitted, outcome: Outcome, origin: Origin
) -> None:
    """Write everything a run holds; config.json comes last and makes it whole."""
    panel = outcome.panel
    write_bytes(run / folder.WEIGHTS, encode_tensors(dict(fitted.state)))
    write_table(_history_frame(panel), run / folder.HISTORY)
    if fitted.history is not None:
        lines = (msgspec.json.encode(record) + b"\n" for record in fitted.history.records)
        write_bytes(run / folder.METRICS, b"".join(lines))
    columns = band_columns(outcome.forecast, outcome.probabilities, outcome.levels)
    write_table(forecast_frame(panel, columns), run / folder.FORECAST)
    write_picture(run / folder.PICTURE, outcome, origin)
    write_report(run / folder.REPORT, outcome, origin)
    scores = outcome.scores
    folder.write_config(
        run,
        request,
        model=fitted.config,
        schema=msgspec.to_builtins(panel.schema),
        results={
            "notes": outcome.notes,
            "scores": scores.records() if scores else [],
            "verdict": scores.verdict() if scores else "no hold-out",
        },
        vouch_for=(folder.WEIGHTS, folder.HISTORY),
    )


def read_run(run: Path) -> Saved:
    """Read a run that `write_run` wrote.

    Raises:
        InputError: It is no run, is of another task, or is damaged; the file is named.
    """
    config = folder.read_config(run, TASK)
    path = run / folder.CONFIG
    try:
        schema = msgspec.convert(config.schema, PanelSchema)
    except msgspec.ValidationError as error:
        raise InputError(f"{path} is damaged: schema: {error}. Fit the run again.") from error
    weights = run / folder.WEIGHTS
    fitted = Fitted.from_saved(config.model, decode_tensors(weights.read_bytes(), weights))
    history = pl.read_parquet(run / folder.HISTORY)
    series = tuple(
        Series(str(name), part["time"].to_numpy().copy(), part["value"].to_numpy().copy())
        for (name,), part in history.group_by("id", maintain_order=True)
    )
    panel = Panel(
        series,
        schema.frequency,
        schema.season,
        schema.columns,
        notes=tuple(config.results.get("notes", ())),
        time=schema.time,
        id_kind=schema.id_kind,
    )
    return Saved(config, fitted, panel)


def band_columns(
    quantiles: np.ndarray, probabilities: tuple[float, ...], levels: tuple[float, ...]
) -> dict[str, np.ndarray]:
    """Name the columns of a forecast: `gatework`, then lo and hi of each level.

    Args:
        quantiles: (N, T, Q) forecasts.
        probabilities: The Q quantiles.
        levels: Interval levels in percent.

    Example:
        >>> list(band_columns(np.zeros((1, 2, 3)), (0.1, 0.5, 0.9), (80.0,)))
        ['gatework', 'gatework-lo-80', 'gatework-hi-80']
    """
    columns = {MODEL: quantiles[:, :, probabilities.index(0.5)]}
    for level in levels:
        low, high = interval_probabilities(level)
        columns[f"{MODEL}-lo-{level:g}"] = quantiles[:, :, probabilities.index(low)]
        columns[f"{MODEL}-hi-{level:g}"] = quantiles[:, :, probabilities.index(high)]
    return columns


def forecast_columns(
    fitted: Fitted, panel: Panel, levels: tuple[float, ...], quantiles: Sequence[float] | None
) -> dict[str, np.ndarray]:
    """Forecast what follows a panel, as columns: intervals, or the quantiles if these are given.

    Raises:
        InputError: A quantile is not between 0 and 1.
    """
    if quantiles is None:
        probabilities = probabilities_of(levels)
        values = forecast(fitted, panel, probabilities)
        return band_columns(values, probabilities, levels)
    wanted = check_quantiles(quantiles)
    values = forecast(fitted, panel, (0.5, *wanted))
    names = (MODEL, *(f"{MODEL}-q{quantile:g}" for quantile in wanted))
    return {name: values[:, :, place] for place, name in enumerate(names)}


def _history_frame(panel: Panel) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": np.repeat(np.array(panel.ids, object), panel.lengths),
            "time": np.concatenate([series.times for series in panel.series]),
            "value": np.concatenate([series.values for series in panel.series]),
        },
        schema_overrides={"id": pl.String},
    )
