"""The picture of a trace shows the trace."""

import io

import numpy as np
import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.ledger import ledger
from gatework.inspector.analyses.retention import timescales
from gatework.inspector.plots import trace_figure


@pytest.fixture(scope="module")
def trace():
    torch.manual_seed(0)
    words = [["$x$", "\n", "sat", "on", "the", "mat"], ["to", "be", "or"]]
    return gatework.trace(gatework.LSTM(3, 7), torch.randn(6, 2, 3), lengths=[6, 3], steps=words)


def test_maps_hold_the_values_with_units_by_timescale(trace):
    figure = trace_figure(trace, sequence=0)
    part = trace[""].find()
    order = np.argsort(-timescales(part).timescale, kind="stable")
    maps = {axes.get_ylabel(): axes.images[0] for axes in figure.axes if axes.images}
    assert {"c\nmemory", "f\nkeep", "i\nwrite", "o\nread", "g\ncandidate", "h\nshown"} <= set(maps)
    for label, picture in maps.items():
        if label:
            wanted = part.sequence(0).values[label[0]][:, order].T
            np.testing.assert_array_equal(picture.get_array(), wanted)
    assert maps["f\nkeep"].get_clim() == (0, 1)
    low, high = maps["c\nmemory"].get_clim()
    assert low == -high < 0


def test_bars_are_the_ledger(trace):
    figure = trace_figure(trace, step=3)
    heights = [bar.get_height() for bar in figure.axes[0].containers[0]]
    shares = ledger(trace[""].find().sequence(0), 3).shares()
    np.testing.assert_allclose(heights, 100 * shares.steps)
    assert "step 3" in figure.axes[0].get_title(loc="left")


@pytest.mark.parametrize(
    "layer",
    [
        gatework.GRU(2, 5),
        gatework.RNN(2, 5),
        gatework.LSTM(2, 5, proj_size=3),
        gatework.LSTM(2, 5, coupled=True),
    ],
    ids=["gru", "rnn", "projection", "coupled"],
)
def test_every_cell_can_be_drawn_and_written(layer):
    figure = trace_figure(gatework.trace(layer, torch.randn(4, 1, 2)))
    figure.savefig(buffer := io.BytesIO(), format="png")
    assert buffer.getvalue().startswith(b"\x89PNG")


def test_an_array_is_not_drawn_twice():
    figure = trace_figure(gatework.trace(gatework.RNN(2, 5), torch.randn(4, 1, 2)))
    assert [axes.get_ylabel() for axes in figure.axes if axes.images] == ["h\nmemory"]


def test_what_is_not_a_number_is_masked():
    x = torch.randn(5, 1, 2)
    x[2] = float("nan")
    figure = trace_figure(gatework.trace(gatework.LSTM(2, 4), x))
    memory = next(axes for axes in figure.axes if axes.get_ylabel() == "c\nmemory")
    mask = np.ma.getmaskarray(np.ma.asarray(memory.images[0].get_array()))
    assert mask[:, 2:].all()
    assert not mask[:, :2].any()


def test_words_that_look_like_formulas_are_words(trace):
    figure = trace_figure(trace)
    figure.savefig(io.BytesIO(), format="svg")
    bottom = next(axes for axes in figure.axes if axes.get_ylabel() == "h\nshown")
    assert [text.get_text() for text in bottom.get_xticklabels()][:3] == [r"\$x\$", "⏎", "sat"]


def test_what_is_not_there_cannot_be_drawn(trace):
    with pytest.raises(InputError, match="no layer"):
        trace_figure(trace, path="encoder")
    with pytest.raises(InputError, match="sequence 7"):
        trace_figure(trace, sequence=7)
    with pytest.raises(InputError, match="step 99"):
        trace_figure(trace, step=99)
    empty = gatework.trace(gatework.LSTM(2, 4), torch.randn(3, 2, 2), lengths=[3, 0])
    with pytest.raises(InputError, match="no step"):
        trace_figure(empty, sequence=1)
