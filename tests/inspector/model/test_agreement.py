"""Rank agreement against a definition by hand; the alarm on maps made to set it off."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.agreement import (
    agreement,
    attributions,
    by_ablation,
    rank_correlation,
    top_steps,
)
from gatework.inspector.analyses.attribution import Attribution, integrated_gradients, occlusion
from gatework.inspector.analyses.relevance import lrp
from gatework.inspector.analyses.subject import subject
from gatework.models.forecaster import Member, NetworkShape


@dataclass
class Maps:
    """Credits made by hand, (T, B) padded."""

    lengths: list[int]

    def of(self, method: str, *columns: list[float]) -> Attribution:
        x = np.zeros((max(self.lengths), len(columns), 1))
        for b, column in enumerate(columns):
            x[: len(column), b, 0] = column
        none = np.zeros(len(columns))
        return Attribution(method, x, {}, none, none, "made up", np.array(self.lengths))


def test_rank_correlation():
    generator = np.random.default_rng(0)
    a, b = generator.integers(0, 5, (2, 40)).astype(float)  # with ties

    def ranks(values):
        return np.array([(values < v).sum() + ((values == v).sum() - 1) / 2 for v in values])

    assert rank_correlation(a, b) == pytest.approx(np.corrcoef(ranks(a), ranks(b))[0, 1])
    assert rank_correlation(a, a**3) == pytest.approx(1)
    assert rank_correlation(a, -a) == pytest.approx(-1)
    for pair in ((a[:1], b[:1]), (a * 0, b), (a, b * np.nan)):
        assert np.isnan(rank_correlation(*pair))


def test_the_alarm_is_for_maps_by_position_alone():
    maps = Maps([6, 4])
    truth = maps.of("truth", [5, 0, 1, 0.5, 9, 2], [0, 3, 1, 2])
    fading = maps.of("fading", [1e-9, 1e-7, -1e-5, 1e-3, -0.1, 1], [-1, 2, 3, -4])
    honest = maps.of("honest", [-5, 0.1, 1, 0.6, 8, 2], [0, -3, 1, 2])
    found = agreement([fading, honest], truth)
    assert found.alarm == (True, False)
    assert found.position[0].tolist() == pytest.approx([1, 1])
    assert found.mean["honest"] > 0.95
    assert found.sequences == 2
    real = agreement([fading], maps.of("truth", [1, 2, 3, 4, 5, 6], [1, 2, 3, 4]))
    assert real.alarm == (False,)  # the model itself looks at the end
    assert top_steps(truth, 2) == [[0, 4], [1, 3]]


def test_a_network_that_forgets_sets_it_off_and_one_that_keeps_does_not():
    def whole(forget: float):
        layer = gatework.LSTM(2, 6, dtype=torch.float64)
        for name, parameter in layer.named_parameters():
            parameter.data.mul_(0.1)
            if name == "bias_ih_l0":
                parameter.data[6:12] = forget
        x = torch.randn(20, 4, 2, dtype=torch.float64)
        x[[3, 11]] *= 20  # two steps that stand out
        return subject(layer, x, score=lambda out: out[1][1].sum(dim=(0, 2)))

    maps = [integrated_gradients(whole(forget)) for forget in (-3.0, 6.0)]
    marks = Maps([20] * 4).of("marks", *[[float(t in (3, 11)) for t in range(20)]] * 4)
    forgets, keeps = (agreement([each], marks) for each in maps)
    assert forgets.alarm == (True,)
    assert keeps.alarm == (False,)
    assert top_steps(maps[1], 2) == [[3, 11]] * 4


def test_compare():
    x = torch.randn(7, 3, 2)
    found = attributions(subject(gatework.GRU(2, 4), x, lengths=[7, 1, 0]))
    assert found.with_occlusion.sequences == 1
    assert [each.method for each in found.credits][-2:] == ["occlusion", "ablation"]
    assert found.with_ablation.correlation.shape == (4, 3)
    normed = attributions(subject(gatework.LSTM(2, 4, layer_norm=True), x))
    assert normed.left_out == ("LRP",)
    assert "LRP" not in normed.with_ablation.methods


def test_ablation_and_occlusion_agree_where_a_step_of_zero_does_nothing():
    layer = gatework.RNN(2, 4, bias=False, nonlinearity="relu", dtype=torch.float64)
    layer.get_parameter("weight_hh_l0").data = torch.eye(4, dtype=torch.float64)
    layer.get_parameter("weight_ih_l0").data.abs_()
    whole = subject(layer, torch.rand(6, 2, 2, dtype=torch.float64))
    np.testing.assert_allclose(by_ablation(whole).steps, occlusion(whole).steps)


def test_words():
    maps = Maps([3])
    one = maps.of("one", [1, 2, 3])
    with pytest.raises(InputError, match="no attribution"):
        agreement([], one)
    with pytest.raises(InputError, match=r"other is of sequences of \[2\] steps; one, of \[3\]"):
        agreement([Maps([2]).of("other", [1, 2])], one)


@pytest.mark.parametrize("path", ["encoder", "decoder"])
def test_a_forecaster_is_explained_through_both_its_layers(path):
    member = Member(NetworkShape(past_size=3, future_size=2, hidden_size=6, num_layers=2)).double()
    past, future = torch.randn(9, 2, 3).double(), torch.randn(4, 2, 2).double()
    whole = subject(
        member, past, future, path=path, score=lambda quantiles: quantiles[..., 7].sum(dim=0)
    )
    found = attributions(whole)
    ours = {credits.method: credits for credits in found.credits}
    assert ours["occlusion"].steps.shape == (9 if path == "encoder" else 4, 2)
    np.testing.assert_allclose(ours["integrated gradients"].completeness_error, 0, atol=1e-9)
    from_the_past = np.abs(ours["integrated gradients"].state["c"])
    assert (from_the_past > 1e-6).all() == (path == "decoder")
    np.testing.assert_allclose(lrp(whole).conservation_error, 0, atol=1e-9)
