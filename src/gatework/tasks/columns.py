"""A table as lines of text."""

from collections.abc import Iterable, Sequence


def in_columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Lay out rows of as many cells each: the first column to the left, the others to the right.

    Example:
        >>> for line in in_columns([("method", "loss"), ("ours", "1.25"), ("theirs", "10.5")]):
        ...     print(line)
        method  loss
        ours    1.25
        theirs  10.5
    """
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
