"""A fitted forecaster, looked inside: the trace is of the network that forecasts."""

import numpy as np
import polars as pl
import pytest
import torch

from gatework import Forecaster
from gatework.models.forecaster import LEVELS


def table(days: int, shift: int = 0) -> pl.DataFrame:
    start = np.datetime64("2020-01-01") + np.timedelta64(shift, "D")
    stamps = [(start + np.timedelta64(k, "D")).item() for k in range(days)]
    values = [50 + 10 * ((k + shift) % 7 > 4) + (k + shift) % 3 for k in range(days)]
    return pl.DataFrame({"ds": stamps, "y": values})


@pytest.fixture(scope="module")
def model() -> Forecaster:
    return Forecaster(horizon=7, members=2, steps=20, hidden_size=8).fit(table(120))


def test_words_and_losses_fit(model):
    shown = model.inspection(most=3)
    trace = shown.trace()
    encoder, decoder = trace["members.0.encoder"], trace["members.0.decoder"]
    assert trace.sequences is not None
    assert trace.sequences[-1] == "y from 2020-04-23"
    assert decoder.step_names(2)[0] == "2020-04-23"
    assert encoder.step_names(2)[-1] == "2020-04-22"
    assert encoder.feature_names()[:3] == ("value", "beyond usual", "is known")
    assert decoder.feature_names()[-1] == "place in horizon"
    assert decoder.loss is not None
    assert np.isfinite(decoder.loss).all()
    assert decoder.outputs is not None
    assert decoder.outputs.shape == (21, len(LEVELS))
    np.testing.assert_array_equal(
        decoder.passes[0].initial["c"][1], encoder.find().sequence(1).memory[-1]
    )


def test_the_network_alone_answers_as_it_does_among_the_others(model):
    shown = model.inspection()
    past, future = shown.inputs
    with torch.no_grad():
        alone = shown.model(past, future)
        among = model.fitted_.model.by_member(past, future)[0]
    assert torch.equal(alone, among)
    assert shown.score(alone).shape == (past.shape[1],)
    torch.testing.assert_close(shown.score(alone), alone[..., LEVELS.index(0.5)].mean(0))


def test_newer_data_is_looked_at_after_the_end_of_the_fit(model):
    shown = model.inspection(table(140))
    assert shown.sequences[0] == "y from 2020-04-30"
    assert len(shown.sequences) == 3
