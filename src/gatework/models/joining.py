"""Counts of two texts as if they were one, or as if the second had been read several times."""

import numpy as np

from gatework.models.ngrams import NGrams, Table


def join(first: NGrams, second: NGrams, times: int = 1) -> NGrams:
    """Return the n-grams of both, with the order of the first.

    Args:
        first: Counts.
        second: Counts over the same vocabulary; what longer n-grams it lacks, it has none of.
        times: How often each of the second counts, 0 or more.

    Example:
        >>> ids = np.array([0, 1, 2, 1, 2, 1])
        >>> once, whole = NGrams.learn(ids, 3, 2), NGrams.learn(np.tile(ids, 2), 3, 2)
        >>> both = join(once, once)
        >>> both.tables[0].counts.tolist() == whole.tables[0].counts.tolist()
        True
    """
    if not times:
        return first
    vocabulary, contexts = first.vocabulary, 1
    places = np.zeros(1, np.int64), np.zeros(1, np.int64)  # of the contexts of each, in both
    tables = []
    for n, table in enumerate(first.tables):
        pair = (table, second.tables[n]) if n < second.order else (table,)
        moved = [
            at[each.keys // vocabulary] * vocabulary + each.keys % vocabulary
            for at, each in zip(places, pair, strict=False)
        ]
        keys = np.unique(np.concatenate(moved))
        found = [keys.searchsorted(each) for each in moved]
        counts = np.zeros(len(keys), np.int64)
        for at, each, weight in zip(found, pair, (1, times), strict=False):
            counts[at] += weight * each.counts
        before = keys // vocabulary
        tables.append(
            Table(
                keys,
                counts,
                np.bincount(before, counts, minlength=contexts).astype(np.int64),
                np.bincount(before, minlength=contexts),
            )
        )
        contexts, places = len(keys), (found[0], found[-1])
    return NGrams(vocabulary, tuple(tables))
