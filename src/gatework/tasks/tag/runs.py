"""Runs of one tag, and how well they agree: events in a recording."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from gatework.tasks.tag.spans import Span

_ENOUGH: Final = 0.5  # of the steps in either run that both must have


def score_runs(true: Sequence[Sequence[str]], guessed: Sequence[Sequence[str]]) -> float:
    """Return the F1 of runs of one tag: a run is found if a true run of its tag, not found before,
    shares half of the steps that are in either (Lea et al. 2017, "Temporal convolutional networks
    for action segmentation and detection", section 4.2, with the threshold at 50 %).

    Example:
        >>> score_runs(["aaabbb"], ["aabbbb"]), score_runs(["aaaabb"], ["abbbbb"])
        (1.0, 0.0)
    """
    correct = total = 0
    for gold, said in zip(true, guessed, strict=True):
        ours, wanted = runs_of(said), runs_of(gold)
        total += len(ours) + len(wanted)
        left = set(wanted)
        for run in ours:
            best = max(left, key=lambda other: _overlap(run, other), default=None)
            if best is not None and _overlap(run, best) >= _ENOUGH:
                correct += 1
                left.remove(best)
    return 2 * correct / total if total else 0.0


def runs_of(tags: Sequence[str]) -> list[Span]:
    """Return the stretches of one tag.

    Example:
        >>> runs_of(["on", "on", "off"])
        [Span(start=0, end=2, type='on'), Span(start=2, end=3, type='off')]
    """
    runs, start = [], 0
    for tag, those in groupby(tags):
        end = start + sum(1 for _ in those)
        runs.append(Span(start, end, tag))
        start = end
    return runs


def _overlap(one: Span, other: Span) -> float:
    """Shared steps of two runs of one tag, by those in either."""
    shared = min(one.end, other.end) - max(one.start, other.start)
    if one.type != other.type or shared <= 0:
        return 0.0
    return shared / (max(one.end, other.end) - min(one.start, other.start))
