"""A fitted forecaster as something to look inside: its first network on the last windows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from torch import Tensor

from gatework.data import Panel, calendar
from gatework.data.grid import show
from gatework.data.store import build_store
from gatework.data.windows import WindowBatch, Windows, feature_words
from gatework.errors import InputError
from gatework.inspector.inspection import Inspection, Labels
from gatework.models.forecaster import LEVELS, ForecastEnsemble, pinball, pinball_by_step
from gatework.tasks.forecast.evaluation import Window
from gatework.tasks.forecast.fitting import Fitted

_MEDIAN: Final = LEVELS.index(0.5)


def inspection_of(
    fitted: Fitted, panel: Panel, windows: Sequence[Window], *, most: int, title: str
) -> Inspection:
    """Put windows of a panel before the first network of a fitted ensemble.

    The encoder's steps are the past that the network read, the decoder's the horizon with the
    pinball loss of each step, in scaled units.

    Args:
        fitted: The networks.
        panel: The data.
        windows: Cuts in it; the last ones are taken.
        most: How many.
        title: What the page is called.

    Raises:
        InputError: There is no window.
    """
    chosen = list(windows)[-most:]
    if not chosen:
        raise InputError("nothing to look at: the data holds no window of a past and a horizon")
    spec = fitted.spec
    where = torch.tensor(chosen)
    source = Windows(build_store(panel, spec), spec, where[:, 0], where[:, 1])
    batch = source.load(torch.arange(len(chosen)))
    keys = calendar.yearly_keys(panel.series[0].times, panel.frequency) if spec.yearly else {}
    past_words, future_words = feature_words(spec, panel.frequency, tuple(keys))
    words = [_stamps(panel, cut, spec.context, spec.horizon) for cut in chosen]
    past, future = [first for first, _ in words], [last for _, last in words]
    return Inspection(
        title,
        _alone(fitted),
        (batch.past, batch.future),
        score=_median,
        score_name="median forecast, mean over the horizon, in scaled units",
        labels=(
            Labels("members.0.encoder", past, past_words),
            Labels(
                "members.0.decoder",
                future,
                future_words,
                loss=lambda answer: _loss(answer, batch),
                outputs=lambda answer: answer,
            ),
        ),
        sequences=tuple(
            f"{panel.series[cut.series].id} from {stamps[0]}"
            for cut, stamps in zip(chosen, future, strict=True)
        ),
        lesson=lambda network: pinball(network(batch.past, batch.future), batch.target),
    )


def _alone(fitted: Fitted) -> ForecastEnsemble:
    """The first network without the others, with the constants that standardise its inputs."""
    alone = ForecastEnsemble(replace(fitted.shape, members=1))
    alone.members[0] = fitted.model.members[0]
    for name, value in fitted.model.named_buffers():
        alone.get_buffer(name).copy_(value)
    return alone.eval()


def _median(answer: Tensor) -> Tensor:
    return answer[..., _MEDIAN].mean(0)


def _loss(answer: Tensor, batch: WindowBatch) -> Tensor:
    return pinball_by_step(answer, batch.target)


def _stamps(
    panel: Panel, cut: Window, context: int, horizon: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of the steps before and after a cut; blank before the series begins."""
    times = panel.series[cut.series].times
    future = panel.frequency.after(times[cut.cutoff - 1], horizon)
    known = [show(stamp) for stamp in times[max(cut.cutoff - context, 0) : cut.cutoff]]
    blank = [""] * (context - len(known))
    return (*blank, *known), tuple(show(stamp) for stamp in np.asarray(future))
