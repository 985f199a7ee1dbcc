"""Summaries of recordings: by hand, by rank, with slopes and squares, and dropped in training."""

import dataclasses

import numpy as np
import pytest
import torch

from gatework.data.labelled import Recordings
from gatework.models.classifier import ClassifierShape, Inputs, SequenceClassifier
from gatework.tasks.classify.bags import SUMMARIES, slopes, summarise
from gatework.tasks.classify.baselines import logistic
from gatework.tasks.classify.recordings import RecordingEncoder, Scale
from gatework.tasks.classify.settings import ClassifySettings


def test_summaries_by_hand() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]], np.float32)
    found = summarise(Recordings(values, np.array([0, 3, 3]), ("a", "b")))
    assert len(SUMMARIES) == 7
    np.testing.assert_allclose(found[0, ::2], [2, 1, 3, 1, 3, 1, np.log(3)], rtol=1e-6)
    assert np.isnan(found[0, 1:-1:2]).all()
    assert np.isnan(found[1, :-2]).all()
    assert found[1, -2:].tolist() == [0, 0]


def test_slopes_are_those_of_a_fitted_line() -> None:
    rng = np.random.default_rng(0)
    values, times = rng.normal(size=(9, 2)), np.array([0, 1, 5, 7, 8, 2, 3, 4, 0.0])
    values[[1, 5, 6, 7], [0, 1, 1, 1]] = np.nan
    data = Recordings(values.astype(np.float32), np.array([0, 5, 8, 8, 9]), ("a", "b"), times)
    found = slopes(data)
    for row, column, at in ((0, 0, [0, 2, 3, 4]), (0, 1, [0, 1, 2, 3, 4]), (1, 0, [5, 6, 7])):
        line = np.polyfit(times[at], data.values[at, column].astype(float), 1)
        assert found[row, column] == pytest.approx(line[0])
    assert np.isnan(found[[1, 2, 2, 3, 3], [1, 0, 1, 0, 1]]).all()
    even = dataclasses.replace(data, times=None).take(np.array([0]))
    assert slopes(even)[0, 1] == pytest.approx(np.polyfit(np.arange(5), even.values[:, 1], 1)[0])


def test_a_straight_line_tells_the_middle_from_both_ends() -> None:
    rng = np.random.default_rng(0)
    level = np.repeat(rng.normal(size=300), 2)
    values = np.where(rng.random(600) < 0.2, np.nan, np.exp(level)).astype(np.float32)
    data = Recordings(values[:, None], np.arange(0, 601, 2), ("a",), np.tile([0.0, 1.0], 300))
    far = torch.from_numpy((np.abs(level[::2]) > 1).astype(np.int64))
    bag = RecordingEncoder.fit(data, ClassifySettings())[0].encode(data).bag
    seen = summarise(data)[:, 6] > 0
    said = logistic(bag, far, 2, 1e-3).scores(bag).argmax(1)
    assert (said == far).numpy()[seen].mean() > 0.95


def test_ranks_make_any_column_normal() -> None:
    rng = np.random.default_rng(0)
    table = np.stack([np.exp(3 * rng.normal(size=4000)), rng.integers(0, 2, 4000)], 1)
    table[::7, 0] = np.nan
    scale = Scale.of(table, clips=False, ranks=True)
    found = scale.apply(table)
    np.testing.assert_array_equal(np.isnan(found[:, 0]), np.isnan(table[:, 0]))
    normal = found[np.isfinite(found[:, 0]), 0]
    np.testing.assert_allclose(np.quantile(normal, [0.16, 0.5, 0.84]), [-1, 0, 1], atol=0.05)
    order = table[:, 0].argsort()
    assert (np.diff(found[order, 0][: len(normal)]) >= 0).all()
    assert len(np.unique(found[:, 1])) == 2
    np.testing.assert_allclose([found[:, 1].mean(), found[:, 1].std()], [0, 1], atol=1e-9)
    assert scale.apply(np.array([[1e30, 1.0]]))[0, 0] == np.nanmax(found[:, 0])


def test_training_drops_summaries_and_prediction_none() -> None:
    shape = ClassifierShape(2, features=6, statics=200, static_size=4, hidden_size=4, dropout=0.5)
    network = SequenceClassifier(shape)
    read = []
    network.statics.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    inputs = Inputs(torch.zeros(2, 5, 6), torch.full((5,), 2), torch.ones(5, 200))
    for training in (True, False):
        network.train(training)(inputs)
    assert set(read[0].unique().tolist()) == {0.0, 2.0}
    assert read[0].mean().item() == pytest.approx(1, abs=0.2)
    assert torch.equal(read[1], inputs.statics)
