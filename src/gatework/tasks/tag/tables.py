"""Answers to recordings, beside the rows of the table they came in."""

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
import polars as pl

from gatework.data.checks import Source
from gatework.data.rows import Rows
from gatework.data.series_rows import SeriesColumns
from gatework.data.step_rows import read_steps
from gatework.data.tagged import sentences_of_frame, with_tags
from gatework.errors import InputError
from gatework.tasks.tag.fitted import Fitted
from gatework.tasks.tag.reading import Schema
from gatework.tasks.tag.scores import MODEL


def answered_frame(fitted: Fitted, frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Put answers beside what they are of: the column `gatework`, and `gatework-label` or, of
    recordings, `gatework-p`.

    Args:
        fitted: The tagger.
        frame: What to answer.
        schema: What its columns are.

    Raises:
        InputError: The frame does not agree with the schema.
    """
    if isinstance(schema, SeriesColumns):
        return next(answered(fitted, [Rows(frame, Source())], schema))
    answers = list(fitted.answers(sentences_of_frame(frame, schema, tagged=False)))
    labels = [str(answer.label) for answer in answers] if fitted.encoder.labels else None
    return with_tags(frame, schema, [answer.tags for answer in answers], labels, MODEL)


def answered(
    fitted: Fitted, parts: Iterable[Rows], schema: SeriesColumns
) -> Iterator[pl.DataFrame]:
    """Yield each table with the columns `gatework`, the label of each step, and `gatework-p`, how
    probable it is. Rows of one recording and time are one step.

    Args:
        fitted: A tagger of recordings.
        parts: Tables of whole recordings.
        schema: What their columns are.

    Raises:
        InputError: A table does not agree with the schema, or has such columns already.
    """
    names = (MODEL, f"{MODEL}-p")
    for rows in parts:
        taken = [name for name in names if name in rows.frame.columns]
        if taken:
            raise InputError(f'{rows.source.name} has a column "{taken[0]}" already; rename it')
        steps = read_steps(rows, schema, tagged=False)
        answers = list(fitted.answers(steps.recordings, probable=True))
        tags = list(chain.from_iterable(answer.tags for answer in answers))
        chances = list(chain.from_iterable(answer.probabilities or () for answer in answers))
        places = steps.rows.tolist()
        said = pl.Series(names[0], [tags[place] for place in places], pl.String)
        if all(map(_is_whole, fitted.encoder.tags)):
            said = said.cast(pl.Int64)
        yield rows.frame.with_columns(said, pl.Series(names[1], np.array(chances)[steps.rows]))


def _is_whole(tag: str) -> bool:
    """Tell whether a tag is a whole number, as people write them."""
    return tag.lstrip("-").isdecimal() and str(int(tag)) == tag
