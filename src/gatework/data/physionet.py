"""The PhysioNet/CinC Challenge 2012 as it is published: a file a stay, and a table of outcomes.

A folder or a zip that holds `set-a/132539.txt` (Time,Parameter,Value) and `outcomes.csv` or
`Outcomes-a.txt`. Source: Silva et al. 2012, "Predicting in-hospital mortality of ICU patients".
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from gatework.data.checks import counted
from gatework.data.labelled import Recordings
from gatework.errors import InputError

OUTCOME: Final = "In-hospital_death"
STATICS: Final = ("Age", "Gender", "Height", "Weight")
UNITS: Final = ("1", "2", "3", "4")  # of the hospital: a name, not a number
_GENERAL: Final = ("RecordID", "Age", "Gender", "Height", "ICUType")


def is_physionet(path: Path) -> bool:
    """Tell whether a folder or zip looks like the challenge's."""
    if path.is_dir():
        return any(path.glob("set-*/*.txt")) and any(_outcome_files(path))
    if path.suffix.lower() != ".zip":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is a damaged zip file: {error}") from error
    return any(name.startswith("set-") and name.endswith(".txt") for name in names)


def read_physionet(path: Path) -> Recordings:
    """Read the stays with their outcome as label, times in hours.

    -1 is missing, as the challenge says. Scores and lengths of stay in the outcomes are results,
    never inputs, and are not read.

    Raises:
        InputError: A file cannot be read, or a stay has no outcome.
    """
    stays, outcomes = _files(path)
    if not stays or outcomes is None:
        raise InputError(f"{path}: expected set-a/*.txt and outcomes.csv or Outcomes-a.txt")
    tables = []
    for name, data in stays:
        try:
            table = pl.read_csv(io.BytesIO(data), infer_schema=False)
            tables.append(table.select("Time", "Parameter", "Value", pl.lit(name).alias("id")))
        except pl.exceptions.PolarsError as error:
            raise InputError(f"{path}, {name}.txt: {error}") from error
    rows = pl.concat(tables)
    clock = rows["Time"].str.split_exact(":", 1).struct.unnest()
    parsed = rows.with_columns(
        (clock["field_0"].cast(pl.Float64) + clock["field_1"].cast(pl.Float64) / 60).alias("hour"),
        pl.col("Value").cast(pl.Float64, strict=False),
    )
    parsed = parsed.filter((pl.col("Value") != -1) & pl.col("Value").is_not_null())
    ids = tuple(name for name, _ in stays)
    return _recordings(parsed, ids, _labels(outcomes, ids, path))


def _recordings(rows: pl.DataFrame, ids: tuple[str, ...], labels: list[str]) -> Recordings:
    place = {name: number for number, name in enumerate(ids)}
    owner = np.array([place[name] for name in rows["id"].to_list()], np.int64)
    hour, value = rows["hour"].to_numpy(), rows["Value"].to_numpy()
    parameter = rows["Parameter"].to_numpy().astype(str)
    statics = np.full((len(ids), len(STATICS) + len(UNITS)), np.nan, np.float32)
    for number, name in enumerate(STATICS):
        first = np.flatnonzero((parameter == name) & (hour == 0))[::-1]
        statics[owner[first], number] = value[first]
    unit = np.flatnonzero(parameter == "ICUType")
    statics[:, len(STATICS) :] = 0
    statics[owner[unit], len(STATICS) + value[unit].astype(int) - 1] = 1
    kept = ~np.isin(parameter, _GENERAL) & (parameter != "")
    features = tuple(sorted(set(parameter[kept].tolist())))
    column = np.searchsorted(np.array(features), parameter[kept])
    keys = owner[kept] * 10_000 + np.round(hour[kept] * 60).astype(np.int64)
    times, step = np.unique(keys, return_inverse=True)
    where = step * len(features) + column
    total = np.bincount(where, value[kept], len(times) * len(features))
    number = np.bincount(where, minlength=len(times) * len(features))
    with np.errstate(invalid="ignore"):
        values = (total / number).reshape(len(times), -1).astype(np.float32)
    lengths = np.bincount(times // 10_000, minlength=len(ids))
    bare = int((lengths == 0).sum())
    notes = [f"{counted(bare, 'stay')} without any measurement"] if bare else []
    return Recordings(
        values,
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        features,
        (times % 10_000) / 60,
        statics,
        (*STATICS, *(f"ICUType {unit}" for unit in UNITS)),
        labels=tuple((label,) for label in labels),
        label_kind="integer",
        ids=ids,
        places=[f"stay {name}" for name in ids],
        notes=tuple(notes),
    )


def _labels(outcomes: bytes, ids: tuple[str, ...], path: Path) -> list[str]:
    table = pl.read_csv(io.BytesIO(outcomes), infer_schema=False)
    if OUTCOME not in table.columns or "RecordID" not in table.columns:
        raise InputError(f"{path}: the outcomes have no columns RecordID and {OUTCOME}")
    known = dict(zip(table["RecordID"].to_list(), table[OUTCOME].to_list(), strict=True))
    absent = [name for name in ids if name not in known]
    if absent:
        raise InputError(f"{path}: stay {absent[0]} has no outcome; {len(absent)} in all like it")
    return [str(int(known[name])) for name in ids]


def _files(path: Path) -> tuple[list[tuple[str, bytes]], bytes | None]:
    if path.is_dir():
        stays = [(f.stem, f.read_bytes()) for f in sorted(path.glob("set-*/*.txt"))]
        return stays, next((f.read_bytes() for f in _outcome_files(path)), None)
    with zipfile.ZipFile(path) as archive:
        names = sorted(archive.namelist())
        stays = [
            (Path(name).stem, archive.read(name))
            for name in names
            if name.startswith("set-") and name.endswith(".txt")
        ]
        found = [name for name in names if Path(name).name.lower().startswith("outcomes")]
        return stays, archive.read(found[0]) if found else None


def _outcome_files(path: Path) -> Iterator[Path]:
    return (file for file in path.iterdir() if file.name.lower().startswith("outcomes"))
