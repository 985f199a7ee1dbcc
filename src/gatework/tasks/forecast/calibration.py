"""Quantiles made honest, and quantiles at levels that were not trained."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Generator, Tensor

from gatework.data.windows import Windows
from gatework.models.forecaster import LEVELS, ForecastEnsemble

_MIDDLE: Final = LEVELS.index(0.5)
_HELD: Final = 2_000  # windows judged
_POINTS: Final = 20_000  # single errors the quantiles of their ratios are taken over
_LIMITS: Final = (0.5, 10.0)


def calibrate(
    model: ForecastEnsemble,
    windows: Windows,
    held: Sequence[Tensor],
    generator: Generator,
    *,
    mirrored: bool = False,
) -> tuple[float, ...]:
    """Return by how much each quantile's distance from the median must be stretched.

    At that stretch, as many held-out values lie under the quantile as its level says (split
    conformal prediction with a multiplicative score: Romano, Patterson & Candes 2019), each member
    being judged on windows it was not trained on. One member misses by more than the ensemble's
    mean does, so with little data the intervals are rather too wide than too narrow.

    Args:
        model: The networks; member j is judged on held[j].
        windows: The windows that the indices are of.
        held: For each member, indices of windows it was not trained on.
        generator: Draws which of them are judged, where there are many.
        mirrored: Take misses above and below together. Few held-out windows overlap and err in one
            direction by chance; that is no skewness to learn from.
    """
    model.eval()
    share = _HELD // len(held)
    ratios = []
    for member, index in enumerate(held):
        batch = windows.load(_some(index, share, generator))
        with torch.inference_mode():
            answer = model.by_member(batch.past, batch.future)[member]
        ratios.append(_ratios(answer, batch.target - answer[..., _MIDDLE]))
    return _factors(torch.cat(ratios), generator, mirrored=mirrored)


def calibrate_by_base(
    model: ForecastEnsemble, windows: Windows, generator: Generator
) -> tuple[float, ...]:
    """Return the stretch at which the quantiles hold the errors of the simple forecast.

    For data too short to leave any out: errors on windows trained on would flatter the network, the
    simple forecast was fitted to nothing. Intervals are not made narrower.
    """
    model.eval()
    batch = windows.load(_some(torch.arange(len(windows)), _HELD, generator))
    with torch.inference_mode():
        answer = model(batch.past, batch.future)
    factors = _factors(_ratios(answer, batch.target), generator, mirrored=True)
    return tuple(max(factor, 1.0) for factor in factors)


def _some(index: Tensor, count: int, generator: Generator) -> Tensor:
    return index[torch.randperm(len(index), generator=generator)[:count]]


def _ratios(answer: Tensor, error: Tensor) -> Tensor:
    """(points, Q): the stretch at which each known error (H, B) lies exactly on each quantile."""
    known = ~torch.isnan(error)
    away = answer - answer[..., _MIDDLE : _MIDDLE + 1]
    away[..., _MIDDLE] = 1.0
    return (error[..., None] / away)[known]


def _factors(ratios: Tensor, generator: Generator, *, mirrored: bool) -> tuple[float, ...]:
    points = _some(ratios, _POINTS, generator)
    if len(points) == 0:
        return (1.0,) * len(LEVELS)
    if mirrored:  # a ratio is positive at the levels on the side where the error lies
        points = torch.where(points > 0, points, points.flip(-1))
    rank = 1 + 1 / len(points)  # conformal: one more point, the one to come
    factors = []
    for at, level in enumerate(LEVELS):
        share = abs(2 * level - 1) if mirrored else max(level, 1 - level)
        factors.append(float(torch.quantile(points[:, at], min(rank * share, 1.0))))
    factors[_MIDDLE] = 1.0
    return tuple(np.clip(factors, *_LIMITS).tolist())


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
