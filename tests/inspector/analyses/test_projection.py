"""Principal components against the eigenvectors of the covariance."""

import numpy as np
import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.projection import project
from inspector.analyses.traced import ALL_CELLS, traced


@pytest.mark.parametrize("name", ALL_CELLS)
def test_components_are_eigenvectors_of_the_covariance(name):
    for part in traced(name).passes:
        states = part.values[part.cell.memory]
        covariance = np.cov(states.T, bias=True)
        values, vectors = np.linalg.eigh(covariance)
        values, vectors = values[::-1], vectors[:, ::-1]
        found = project(part, 3)
        np.testing.assert_allclose(found.variance, values[:3], atol=1e-12)
        np.testing.assert_allclose(found.share, values[:3] / values.sum(), atol=1e-12)
        for k in range(3):
            overlap = abs(found.components[k] @ vectors[:, k])
            assert overlap == pytest.approx(1)
            assert found.components[k][np.abs(found.components[k]).argmax()] > 0
        ratio = values.sum() ** 2 / (values**2).sum()
        assert found.participation_ratio == pytest.approx(ratio)
        assert 1 <= found.participation_ratio <= 7
        expected = (states - states.mean(0)) @ found.components.T
        np.testing.assert_allclose(found.coordinates, expected, atol=1e-12)
        np.testing.assert_allclose(found.project(states), expected, atol=1e-12)


def test_all_directions_give_the_states_back():
    part = traced("lstm").find()
    found = project(part, 7)
    back = found.coordinates @ found.components + found.mean
    np.testing.assert_allclose(back, part.values["c"])


def test_nan_is_left_out():
    x = torch.randn(6, 3, 3)
    x[2, 1] = float("nan")
    part = gatework.trace(gatework.LSTM(3, 5), x)[""].find()
    found = project(part)
    missing = np.isnan(found.coordinates).any(1)
    assert np.flatnonzero(missing).tolist() == [8, 9, 10, 11]
    known = part.values["c"][~missing].astype(float)
    np.testing.assert_allclose(found.mean, known.mean(0))


def test_one_step_varies_in_no_direction():
    found = project(traced("lstm", (1,)).find(), 1)
    assert found.coordinates.tolist() == [[0]]
    assert found.share.tolist() == [0]
    assert np.isnan(found.participation_ratio)


def test_more_directions_than_there_are():
    with pytest.raises(InputError, match="8 directions were asked for; expected 1 to 7"):
        project(traced("lstm").find(), 8)
    with pytest.raises(InputError, match="0 steps without NaN"):
        project(traced("lstm", (0,)).find())
