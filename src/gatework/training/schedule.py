"""How far a run is and what learning rate that means: pure functions, the same after a resume."""

import math

from gatework.training.settings import TrainSettings

# one_cycle's first and last rates as parts of the peak: fastai's and torch's figures.
ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = 1 / 250_000
# A slow first step must not tie a run to the clock that its time budget will not end.
TIME_GRACE = 0.1


def fraction_done(settings: TrainSettings, step: float, epoch: float, elapsed: float) -> float:
    """Return how much of the run is done, from 0 to 1: the largest part of any of its limits used.

    The clock counts only after a tenth of `time_budget` where steps or epochs are limited too, so
    that a run which ends long before its time budget does not depend on the clock at all.

    Args:
        settings: The run's settings.
        step: Steps taken.
        epoch: Epochs completed, with the fraction of the current one.
        elapsed: Seconds of training.
    """
    steps = step / settings.max_steps if settings.max_steps is not None else 0.0
    epochs = epoch / settings.epochs if settings.epochs is not None else 0.0
    time = elapsed / settings.time_budget if settings.time_budget is not None else 0.0
    if time < TIME_GRACE and (settings.max_steps is not None or settings.epochs is not None):
        time = 0.0
    return min(1.0, max(steps, epochs, time))


def learning_rate(settings: TrainSettings, fraction: float) -> float:
    """Return the learning rate when `fraction` (0 to 1) of the run is done.

    All schedules rise to the peak over the first `warmup` of the run: constant and cosine in a
    line from zero, one_cycle along a cosine from 1/25 of the peak. Then constant stays, cosine
    falls to zero (Loshchilov & Hutter 2017, without restarts), one_cycle to almost nothing
    (Smith & Topin 2018).

    Example:
        >>> settings = TrainSettings(max_steps=9, learning_rate=0.1, warmup=0.5)
        >>> [round(learning_rate(settings, x), 3) for x in (0.0, 0.25, 0.5, 0.75, 1.0)]
        [0.0, 0.05, 0.1, 0.05, 0.0]
    """
    peak, warmup = settings.learning_rate, settings.warmup
    one_cycle = settings.schedule == "one_cycle"
    if fraction < warmup:
        risen = fraction / warmup
        return peak * (_cosine(ONE_CYCLE_START, 1.0, risen) if one_cycle else risen)
    if settings.schedule == "constant":
        return peak
    return peak * _cosine(
        1.0, ONE_CYCLE_END if one_cycle else 0.0, (fraction - warmup) / (1 - warmup)
    )


def _cosine(start: float, end: float, fraction: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * fraction)) / 2
