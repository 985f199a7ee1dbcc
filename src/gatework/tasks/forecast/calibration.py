"""Quantiles made honest, and quantiles at levels that were not trained."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Generator, Tensor

from gatework.data.windows import Windows
from gatework.models.forecaster import LEVELS, ForecastEnsemble

_MIDDLE: Final = LEVELS.index(0.5)
_HELD: Final = 2_000
_LIMITS: Final = (0.5, 3.0)


def calibrate(
    model: ForecastEnsemble, windows: Windows, held: Sequence[Tensor], generator: Generator
) -> tuple[float, ...]:
    """Return by how much each quantile's distance from the median must be stretched.

    At that stretch, as many held-out values lie under the quantile as its level says (split
    conformal prediction with a multiplicative score: Romano, Patterson & Candes 2019), each member
    being judged on windows it was not trained on. Without held-out windows all factors are 1.
    """
    if not held:
        return (1.0,) * len(LEVELS)
    model.eval()
    ratios = [
        _ratios(model, windows, member, index, generator) for member, index in enumerate(held)
    ]
    pooled = torch.cat(ratios)
    factors = [
        1.0
        if at == _MIDDLE
        else float(torch.quantile(pooled[:, at], level if level > 0.5 else 1 - level))
        for at, level in enumerate(LEVELS)
    ]
    return tuple(np.clip(factors, *_LIMITS).tolist())


def _ratios(
    model: ForecastEnsemble, windows: Windows, member: int, index: Tensor, generator: Generator
) -> Tensor:
    """(points, Q): the stretch at which each held-out value would lie exactly on each quantile."""
    some = index[torch.randperm(len(index), generator=generator)[: _HELD // len(model.members)]]
    batch = windows.load(some)
    with torch.inference_mode():
        answer = model.by_member(batch.past, batch.future)[member]
    known = ~torch.isnan(batch.target)
    middle = answer[..., _MIDDLE : _MIDDLE + 1]
    ratio = (batch.target[..., None] - middle) / (answer - middle)
    points = ratio[known]
    # Few enough for torch.quantile, and no more than the estimate needs.
    return points[torch.randperm(len(points), generator=generator)[:20_000]]


def widened(quantiles: Tensor, stretch: Sequence[float]) -> Tensor:
    """Return (..., Q) quantiles stretched away from their median, and still in order."""
    middle = quantiles[..., _MIDDLE : _MIDDLE + 1]
    away = (quantiles - middle) * torch.tensor(stretch, dtype=quantiles.dtype)
    above = torch.cummax(away[..., _MIDDLE:], -1).values
    below = torch.cummin(away[..., : _MIDDLE + 1].flip(-1), -1).values.flip(-1)
    return middle + torch.cat([below[..., :-1], above], -1)


def interpolate_levels(grid: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Return (..., L) quantiles at any levels from (..., Q) at `LEVELS`.

    Straight lines over the normal score of the level, so that the tails beyond the grid are a
    normal's.
    """
    score = torch.special.ndtri(torch.tensor(LEVELS, dtype=torch.float64)).numpy()
    wanted = torch.special.ndtri(torch.tensor(levels, dtype=torch.float64)).numpy()
    right = np.clip(np.searchsorted(score, wanted, side="left"), 1, len(LEVELS) - 1)
    share = (wanted - score[right - 1]) / (score[right] - score[right - 1])
    return grid[..., right - 1] + share * (grid[..., right] - grid[..., right - 1])
