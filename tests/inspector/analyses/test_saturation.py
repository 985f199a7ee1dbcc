"""Saturation against a count by hand."""

import numpy as np
import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.saturation import saturation
from inspector.analyses.traced import ALL_CELLS, traced


@pytest.mark.parametrize("name", ALL_CELLS)
def test_saturation_is_the_count(name):
    for part in traced(name).passes:
        found = saturation(part, low=0.3, high=0.6)
        assert tuple(found) == part.cell.gates
        for gate, both in found.items():
            candidate = gate in ("g", "n")
            low, high = (-0.4, 0.2) if candidate else (0.3, 0.6)
            for unit in range(7):
                column = part.values[gate][:, unit].tolist()
                assert both.shut[unit] == sum(value < low for value in column) / 15
                assert both.open[unit] == sum(value > high for value in column) / 15
            assert (both.shut + both.open <= 1).all()


def test_default_cut_offs_and_nan():
    layer = gatework.GRU(3, 7)
    x = torch.randn(6, 2, 3)
    x[3, 0] = float("nan")
    part = gatework.trace(layer, x)[""].find()
    gate = part.values["z"]
    known = gate[np.isfinite(gate).all(1)]
    assert len(known) == 9
    np.testing.assert_array_equal(saturation(part)["z"].shut, (known < 0.1).sum(0) / 9)


def test_nothing_to_count():
    assert np.isnan(saturation(traced("lstm", (0,)).find())["f"].open).all()


def test_cut_offs_out_of_order():
    with pytest.raises(InputError, match="low <= high"):
        saturation(traced("lstm").find(), low=0.9, high=0.1)
