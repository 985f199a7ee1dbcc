"""Word vectors from outside, in the text format of word2vec and GloVe."""

from collections.abc import Callable, Collection
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gatework.data.tagged import read_lines
from gatework.errors import InputError

MOST: Final = 100_000  # words that no text has shown us yet; files list the frequent ones first
_SCALE: Final = 0.3  # deviation of the values as a network gets them


class Vectors(NamedTuple):
    """V words and their vectors, (V, D) float32."""

    words: tuple[str, ...]
    values: Tensor


def read_vectors(path: Path, wanted: Collection[str], normal: Callable[[str], str]) -> Vectors:
    """Read a word and its numbers from each row; a first row of two counts is passed over.

    The file may be gzipped. Kept are the wanted words and the first 100,000 others. Of words that
    are the same to `normal`, the first in the file counts. Values are scaled, not shifted.

    Args:
        path: The file.
        wanted: Words, in normal form.
        normal: Turns a word of the file into normal form.

    Raises:
        InputError: A row has another number of values than the first, or one that is no number.
    """
    lines = read_lines(path)
    first = next(lines, None)
    if first is None:
        raise InputError(f"{path.name} is empty; expected a word and its vector in each row")
    head = first.text.split()
    is_header = len(head) == 2 and all(part.isdigit() for part in head)
    second = list(islice(lines, 1)) if is_header else []
    if is_header and not second:
        raise InputError(f"{path.name} has no vectors after its first row")
    size = int(head[1]) if is_header else len(head) - 1
    if size < 1:
        raise InputError(f"{path.name}, row 1: expected a word and its vector, found {head}")
    rows: dict[str, np.ndarray] = {}
    others = 0
    for line in chain(second or [first], lines):
        # GloVe's largest file has words with spaces in them: the vector is what comes last.
        parts = line.text.rstrip().rsplit(" ", size)
        if len(parts) != size + 1:
            raise InputError(
                f"{path.name}, row {line.number}: expected a word and {size} numbers, found "
                f"{len(line.text.split())} parts"
            )
        word = normal(parts[0])
        if word in rows or (word not in wanted and others == MOST):
            continue
        try:
            rows[word] = np.array(parts[1:], np.float32)
        except ValueError:
            raise InputError(
                f"{path.name}, row {line.number}: the vector of {parts[0]!r} holds what is no "
                "number"
            ) from None
        others += word not in wanted
    values = torch.from_numpy(np.stack(list(rows.values())))
    if not values.isfinite().all():
        row = int((~values.isfinite().all(1)).nonzero()[0])
        raise InputError(f"{path.name}: the vector of {list(rows)[row]!r} is not finite")
    return Vectors(tuple(rows), values * (_SCALE / values.std().clamp_min(1e-6)))
