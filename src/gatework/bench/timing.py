"""Clocks: calls that take turns, and what this machine's matrix product reaches."""

import contextlib
import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch

LEAST_ROUNDS = 5
WARM_UP = 0.1  # of the seconds that are measured; one round at least
PRODUCTS = ((512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048), (6400, 512, 2048))


def take_turns(
    calls: Mapping[str, Callable[[], object]], seconds: float, *, least: int = LEAST_ROUNDS
) -> dict[str, float]:
    """Return the median time of each call, in seconds.

    They take turns, so that a slow spell of the machine hits all of them, in an order that is drawn
    anew for each round, so that none has always the same neighbour's caches. Untimed rounds come
    first.

    Args:
        calls: what to time, by name.
        seconds: about how long to go on.
        least: rounds that are made in any case.
    """
    order = random.Random(0)
    names = list(calls)
    warm = time.perf_counter() + WARM_UP * seconds
    while True:
        for name in names:
            calls[name]()
        if time.perf_counter() >= warm:
            break
    gc.collect()
    taken: dict[str, list[float]] = {name: [] for name in names}
    end = time.perf_counter() + seconds
    while len(taken[names[0]]) < least or time.perf_counter() < end:
        order.shuffle(names)
        for name in names:
            call = calls[name]
            began = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken[name]) for name in calls}


class Roof(NamedTuple):
    """The float32 matrix product (m, k) @ (k, n) that this machine does at the highest rate.

    Attributes:
        shape: m, k, n.
        rate: operations a second, 2 for each multiply-add.
    """

    shape: tuple[int, int, int]
    rate: float

    def again(self, seconds: float) -> "Roof":
        """Measure the same product once more: a rate drifts with heat and company."""
        return Roof(self.shape, _rate(self.shape, seconds))


def find_roof(seconds: float) -> Roof:
    """Measure a few sizes of product, for `seconds` in all, and return the fastest."""
    roofs = [Roof(shape, _rate(shape, seconds / len(PRODUCTS))) for shape in PRODUCTS]
    return max(roofs, key=lambda roof: roof.rate)


def _rate(shape: tuple[int, int, int], seconds: float) -> float:
    m, k, n = shape
    left, right, out = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
    taken = take_turns({"product": lambda: torch.mm(left, right, out=out)}, seconds)
    return 2 * m * k * n / taken["product"]


@contextlib.contextmanager
def use_threads(count: int | None) -> Iterator[None]:
    """Let torch, and so our core, use `count` threads inside; None leaves it as it is."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
