"""Series classification data as it is passed around: .ts files, and .npz files of padded boxes."""

import dataclasses
import gzip
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from gatework.data.checks import Source, counted
from gatework.data.labelled import Recordings
from gatework.data.labels import parse_labels
from gatework.data.series_rows import from_arrays, from_box
from gatework.errors import InputError


class Split(NamedTuple):
    """Recordings to learn from, and those that were set apart for judging, if any."""

    train: Recordings
    test: Recordings | None


def read_npz(path: Path) -> Split:
    """Read X_train (S, T, V), y_train (S,), maybe lengths_train (S,), and the same with _test.

    X and y alone will do. What is past a length, or NaN to the end, is past the end of a series.

    Raises:
        InputError: It is no such file.
    """
    arrays = read_arrays(path)
    for suffixes in (("_train", "_test"), ("", "")):
        if f"X{suffixes[0]}" in arrays:
            train = _part(arrays, suffixes[0], path)
            has_test = suffixes[1] and f"X{suffixes[1]}" in arrays
            return Split(train, _part(arrays, suffixes[1], path) if has_test else None)
    raise InputError(
        f"{path} holds {', '.join(sorted(arrays))}; expected X_train and y_train, or X and y"
    )


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read every array of an .npz file; nothing in it is executed.

    Raises:
        InputError: It is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no .npz file of plain arrays: {error}") from error


def _part(arrays: dict[str, np.ndarray], suffix: str, path: Path) -> Recordings:
    box = arrays[f"X{suffix}"]
    box = box[:, :, None] if box.ndim == 2 else box
    if box.ndim != 3 or box.dtype.kind not in "fiu":
        raise InputError(
            f"{path}: X{suffix} is {box.dtype} {box.shape}; expected numbers (series, time, V)"
        )
    box = box.astype(np.float64)
    lengths = arrays.get(f"lengths{suffix}")
    if lengths is not None:
        box[np.arange(box.shape[1]) >= np.asarray(lengths)[:, None]] = np.nan
    found = from_box(box)
    labels = arrays.get(f"y{suffix}")
    name = path.name + (f", {suffix[1:]}" if suffix else "")
    places = [f"{name} {place} (counting from 0)" for place in range(len(found))]
    if labels is None:
        return dataclasses.replace(found, places=places)
    if len(labels) != len(found):
        raise InputError(f"{path}: y{suffix} has {len(labels)} labels for {len(found)} series")
    parsed, kind, several = parse_labels(pl.Series("y", labels.tolist()), Source(path.name))
    return dataclasses.replace(
        found, labels=tuple(parsed), label_kind=kind, several=several, places=places
    )


def read_ts(path: Path) -> Recordings:
    """Read a .ts file: after @data a series a line, channels apart by colons, its label last.

    Raises:
        InputError: A line cannot be read; the message names it.
    """
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8: byte {error.start}") from None
    has_label, begun = False, False
    series: list[np.ndarray] = []
    labels: list[str] = []
    places: list[str] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if not begun:
            words = text.lower().split()
            if words[0] == "@classlabel":
                has_label = words[1:2] == ["true"]
            begun = words[0] == "@data"
            continue
        place = f"{path.name}, line {number}"
        *channels, label = text.split(":") if has_label else [*text.split(":"), ""]
        series.append(_channels(channels, place, series))
        labels.append(label.strip())
        places.append(place)
    if not series:
        raise InputError(f"{path.name} has no series after a line @data")
    found = from_arrays(series)
    parsed, kind, several = parse_labels(pl.Series("label", labels), Source(path.name))
    return dataclasses.replace(
        found,
        labels=tuple(parsed) if has_label else None,
        label_kind=kind,
        several=several,
        places=places,
    )


def _channels(cells: list[str], place: str, earlier: list[np.ndarray]) -> np.ndarray:
    """(T, V) of the channels of one line."""
    try:
        each = [
            np.array([np.nan if x.strip() == "?" else float(x) for x in cell.split(",")])
            for cell in cells
        ]
    except ValueError as error:
        raise InputError(
            f"{place}: {error}; expected numbers apart by commas, ? for missing"
        ) from None
    lengths = {len(channel) for channel in each}
    if len(lengths) != 1:
        raise InputError(f"{place}: its channels have {sorted(lengths)} steps; expected one length")
    if earlier and len(each) != earlier[0].shape[1]:
        raise InputError(
            f"{place}: {counted(len(each), 'channel')}, where others have {earlier[0].shape[1]}"
        )
    return np.stack(each, 1)
