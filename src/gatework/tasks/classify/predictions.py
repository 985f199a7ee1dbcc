"""Predictions as tables: row or id, label, and a probability for each class; also of huge files."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from gatework.data.labelled import Sequences
from gatework.data.labels import Classes
from gatework.tasks.classify.fitted import Fitted
from gatework.tasks.classify.schema import Schema

ANSWER = "gatework"


def predictions_of(
    classes: Classes, sequences: Sequences, probabilities: np.ndarray, predicted: np.ndarray
) -> pl.DataFrame:
    """Return one row a sequence: its id if it has one, `gatework`, `gatework-p-<class>`.

    Several labels at once are joined by a semicolon.
    """
    columns = [] if sequences.ids is None else [pl.Series("id", sequences.ids, pl.String)]
    if classes.several:
        names = np.array(classes.names, object)
        said = [";".join(names[row.astype(bool)]) for row in predicted]
        columns.append(pl.Series(ANSWER, said, pl.String))
    else:
        columns.append(pl.Series(ANSWER, classes.values(predicted)))
    columns += [
        pl.Series(f"{ANSWER}-p-{name}", probabilities[:, number])
        for number, name in enumerate(classes.names)
    ]
    return pl.DataFrame(columns)


def predict_file(
    fitted: Fitted, schema: Schema, path: str | os.PathLike[str]
) -> Iterator[pl.DataFrame]:
    """Yield predictions for a file, a few thousand rows at a time: memory does not grow with it.

    Raises:
        InputError: The file does not agree with the schema; rows before the bad one were given.
    """
    for part in schema.parts(Path(path)):
        probabilities = fitted.probabilities(part)
        yield predictions_of(fitted.classes, part, probabilities, fitted.decide(probabilities))
