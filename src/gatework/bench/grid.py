"""The points at which the engine is measured."""

from typing import NamedTuple


class Point(NamedTuple):
    """T steps, B sequences, I features of the input, H units."""

    T: int
    B: int
    I: int  # noqa: E741 (the letter that shapes are written with)
    H: int

    def __str__(self) -> str:
        return f"T={self.T} B={self.B} I={self.I} H={self.H}"


# From a stream of one to a batch that fills a server; one input feature; weights beyond a cache.
GRID = (
    Point(100, 1, 16, 32),
    Point(100, 32, 16, 32),
    Point(100, 32, 1, 64),
    Point(100, 32, 64, 64),
    Point(100, 1, 128, 128),
    Point(100, 64, 128, 128),
    Point(512, 16, 128, 256),
    Point(100, 64, 256, 256),
    Point(100, 32, 512, 512),
    Point(64, 64, 1024, 1024),
)
QUICK = tuple(GRID[index] for index in (0, 3, 4, 5))
