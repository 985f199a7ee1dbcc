"""The loss strip against sorting by hand."""

import dataclasses

import numpy as np
import pytest

from gatework.errors import InputError
from gatework.inspector.analyses.surprise import surprise
from inspector.analyses.traced import LENGTHS, traced


def with_losses(losses):
    return dataclasses.replace(traced("lstm"), loss=np.asarray(losses, np.float32))


def test_worst_steps_and_means():
    losses = np.random.default_rng(0).gamma(1.0, size=15)
    losses[[2, 14]] = np.nan  # sequence 3 has one step only
    recording = with_losses(losses)
    found = surprise(recording, 4)
    places = [(b, t) for b, n in enumerate(LENGTHS) for t in range(n)]
    known = [row for row in range(15) if row not in (2, 14)]
    expected = sorted(known, key=lambda row: -losses[row])[:4]
    assert [(each.sequence, each.step) for each in found.worst] == [places[row] for row in expected]
    for each, row in zip(found.worst, expected, strict=True):
        assert each.loss == pytest.approx(losses[row])
        assert each.word == recording.step_names(each.sequence)[each.step]
    assert found.sequences[0] == pytest.approx(np.mean(losses[[0, 1, 3, 4]]))
    assert np.isnan(found.sequences[[1, 3]]).all()
    assert found.mean == pytest.approx(np.mean(losses[known]))
    assert str(found).splitlines()[0] == f"mean loss {found.mean:.4g}"


def test_an_infinite_loss_is_the_worst():
    losses = np.arange(15.0)
    losses[3] = np.inf
    assert surprise(with_losses(losses), 1).worst[0].step == 3


def test_no_loss_known():
    found = surprise(with_losses(np.full(15, np.nan)))
    assert found.worst == ()
    assert np.isnan(found.mean)


def test_no_loss_recorded():
    with pytest.raises(InputError, match="no loss of each step"):
        surprise(traced("lstm"))
