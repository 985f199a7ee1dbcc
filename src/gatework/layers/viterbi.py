"""The likeliest label sequences of ragged batches: Viterbi 1967, and its list form."""

from typing import Final

import torch
from torch import Tensor

from gatework.layers.chain import NEVER, Packing, Potentials

_LOWEST: Final = -1e30  # in place of NEVER where it would be subtracted


def best_path(scores: Tensor, chain: Potentials, packing: Packing) -> tuple[Tensor, Tensor]:
    """Return (N,) the best label sequences, and (B',) their scores, `NEVER` where all are
    forbidden.

    Args:
        scores: (N, L) packed; at least one step.
        chain: The other scores.
        packing: Of the batch.
    """
    # Which label came before is found on the way back, for the best path alone: a maximum without
    # its place takes a third of the time.
    into = chain.transitions.T.contiguous()
    taken = scores.new_zeros(packing.firsts, dtype=torch.float64)
    best = scores.new_zeros(0)
    steps: list[Tensor] = []
    for size, step in zip(packing.sizes, packing.per_step(scores), strict=True):
        arriving = (best[:size, None] + into).amax(-1) if steps else chain.start
        best = arriving + step
        peak = _peak(best)
        best -= peak[:, None]
        taken[:size] += peak
        steps.append(best)
    finals = torch.cat(steps).index_select(0, packing.last) + chain.end
    total, label = finals.max(-1)
    found: list[Tensor] = []
    for place in range(len(steps) - 1, -1, -1):
        size = packing.sizes[place]
        found.append(label[:size])
        if place > 0:
            before = steps[place - 1][:size] + into.index_select(0, label[:size])
            label = torch.cat([before.argmax(-1), label[size:]])
    return torch.cat(found[::-1]), total + taken


def best_paths(
    scores: Tensor, chain: Potentials, packing: Packing, count: int
) -> tuple[Tensor, Tensor]:
    """Return the `count` best label sequences of each sequence, the best first.

    Args:
        scores: (N, L) packed; at least one step.
        chain: The other scores.
        packing: Of the batch.
        count: How many.

    Returns:
        (count, N) labels, and (count, B') their scores, `NEVER` where there are no so many.
    """
    if count == 1:
        labels, total = best_path(scores, chain, packing)
        return labels[None], total[None]
    steps = packing.per_step(scores)
    best = (chain.start + steps[0])[..., None]
    best = torch.cat([best, best.new_full((*best.shape[:2], count - 1), NEVER)], -1)
    # What is taken off at each step, in doubles: or long paths would round away what tells them.
    taken = best.new_zeros(len(best), dtype=torch.float64)
    back: list[Tensor] = []  # (rows, L, count) places in the (L, count) of the step before
    ends: list[tuple[Tensor, Tensor]] = [(best, taken)]
    for rows, step in zip(packing.sizes[1:], steps[1:], strict=True):
        ends[-1] = (best[rows:], taken[rows:])
        # (rows, L to, L from, count)
        candidates = best[:rows, None] + chain.transitions.T[None, :, :, None]
        best, place = _top(candidates.flatten(2), count)
        best = best + step[..., None]
        peak = _peak(best[..., 0])
        best, taken = best - peak[:, None, None], taken[:rows] + peak
        back.append(place)
        ends.append((best, taken))
    finals = torch.cat([part for part, _ in reversed(ends)]) + chain.end[:, None]
    total, place = _top(finals.flatten(1), count)
    total = total + torch.cat([part for _, part in reversed(ends)])[:, None]
    return _trace_back(place, back, packing.sizes, count), total.T


def _top(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest along the last axis, `NEVER` where there are no so many."""
    few = min(count, values.shape[-1])
    value, place = values.topk(few, -1)
    if few < count:
        missing = (*value.shape[:-1], count - few)
        value = torch.cat([value, value.new_full(missing, NEVER)], -1)
        place = torch.cat([place, place.new_zeros(missing)], -1)
    return value, place


def _trace_back(place: Tensor, back: list[Tensor], sizes: list[int], count: int) -> Tensor:
    """(count, N) labels from the places where the paths end, (B', count)."""
    found: list[Tensor] = []
    for step in range(len(sizes) - 1, -1, -1):
        found.append(place[: sizes[step]] // count)
        if step > 0:
            rows = sizes[step]
            earlier = back[step - 1].flatten(1).gather(1, place[:rows])
            place = torch.cat([earlier, place[rows:]])
    return torch.cat(found[::-1]).T


def _peak(best: Tensor) -> Tensor:
    """The largest along the last axis, fit to be subtracted."""
    return best.amax(-1).clamp_min(_LOWEST)
