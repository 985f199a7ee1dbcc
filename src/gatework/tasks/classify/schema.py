"""What new data must agree with: saved with a run, and how its rows become sequences again."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import final

import msgspec

from gatework.data.archives import read_npz, read_ts
from gatework.data.checks import counted, listed, near_names
from gatework.data.labelled import Recordings, Sequences
from gatework.data.physionet import is_physionet, read_physionet
from gatework.data.rows import Rows, read_rows
from gatework.data.series_rows import SeriesColumns, to_recordings, whole_recordings
from gatework.data.text_rows import TextColumns, read_folders, to_texts
from gatework.errors import InputError


@final
class TextSchema(msgspec.Struct, frozen=True, tag="text"):
    """Texts in a column of a table.

    Attributes:
        columns: Which columns; None if the texts did not come from a table.
        separator: What stands between several labels in one cell.
    """

    columns: TextColumns | None = None
    separator: str | None = None

    def to_sequences(self, rows: Rows) -> Sequences:
        """Read rows of a table.

        Raises:
            InputError: A column is absent, or holds something else.
        """
        columns = self.columns
        if columns is None:
            raise InputError("this model was fitted on plain texts; give it a list of texts")
        return to_texts(rows, columns, separator=self.separator)

    def parts(self, path: Path) -> Iterator[Sequences]:
        """Read a file some thousand rows at a time, or a folder at once."""
        if path.is_dir():
            yield read_folders(path)
            return
        for rows in read_rows(path):
            yield self.to_sequences(rows)


@final
class RecordingSchema(msgspec.Struct, frozen=True, tag="recordings"):
    """Numbers over time.

    Attributes:
        features: Names of the values.
        statics: Names of what does not change.
        columns: Which columns of a table; None if the recordings did not come from one.
        separator: What stands between several labels in one cell.
    """

    features: tuple[str, ...]
    statics: tuple[str, ...] = ()
    columns: SeriesColumns | None = None
    separator: str | None = None

    def to_sequences(self, rows: Rows) -> Sequences:
        """Read rows of a table.

        Raises:
            InputError: A column is absent, or holds something else.
        """
        columns = self.columns
        if columns is None:
            raise InputError(
                f"this model was fitted on arrays of {len(self.features)} channels; expected such"
            )
        names = rows.frame.columns
        wanted = columns.features if columns.variable is None else ()
        absent = [name for name in (*wanted, *columns.statics) if name not in names]
        if absent:
            raise InputError(
                f"{rows.source.name} lacks {listed(absent)}, which the model was trained with; it "
                f"has {listed(names, most=20)}{near_names(absent[0], names)}"
            )
        return to_recordings(rows, columns, separator=self.separator)

    def parts(self, path: Path) -> Iterator[Sequences]:
        """Read a table some thousand rows at a time, never half a recording; others at once."""
        other = read_archive(path)
        if other is not None:
            yield self.agreed(other[1] or other[0])
            return
        rows: Iterable[Rows] = read_rows(path)
        if self.columns is not None and self.columns.id is not None:
            rows = whole_recordings(rows, self.columns.id)
        for part in rows:
            yield self.to_sequences(part)

    def agreed(self, recordings: Recordings) -> Recordings:
        """Return recordings with their values in the order of the fit.

        Raises:
            InputError: A value is missing, or there is another number of channels.
        """
        if recordings.features == self.features:
            return recordings
        numbered = recordings.features[0].startswith("channel ")
        if numbered and len(recordings.features) != len(self.features):
            raise InputError(
                f"the model was trained with {counted(len(self.features), 'channel')}; this data "
                f"has {len(recordings.features)}"
            )
        absent = [name for name in self.features if name not in recordings.features]
        if absent:
            raise InputError(
                f"the data lacks {listed(absent)}, which the model was trained with; it has "
                f"{listed(recordings.features, most=20)}"
            )
        order = [recordings.features.index(name) for name in self.features]
        return dataclasses.replace(
            recordings, values=recordings.values[:, order], features=self.features
        )


Schema = TextSchema | RecordingSchema


def read_archive(path: Path) -> tuple[Recordings, Recordings | None] | None:
    """Read a file that is no table: its train part, and its test part if it has one.

    None if it is a table, or a folder of texts.

    Raises:
        InputError: There is no such file, or it is damaged.
    """
    if not path.exists():
        raise InputError(f"there is no file {path}")
    name = path.name.lower()
    if name.endswith(".npz"):
        return read_npz(path)
    if name.endswith((".ts", ".ts.gz")):
        return read_ts(path), None
    if is_physionet(path):
        return read_physionet(path), None
    return None
