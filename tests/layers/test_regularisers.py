"""What disturbs a layer: in training alone, as often as said, and the same under the same seed."""

import copy
import dataclasses
import json
import math
from typing import Any

import pytest
import torch
from torch import Tensor

import gatework
from gatework.errors import InputError
from gatework.layers import Regularisers
from gatework.ops import scan
from gatework.ops.noise import SEEDS

# Typed Any: pyright does not know which parameters a layer has.
LSTM: Any = gatework.LSTM
GRU: Any = gatework.GRU
RNN: Any = gatework.RNN

EACH: dict[str, Any] = {
    "zoneout": {"zoneout": 0.3},
    "recurrent_dropout": {"recurrent_dropout": 0.3},
    "input_dropout": {"input_dropout": 0.3},
    "weight_drop": {"weight_drop": 0.3},
    "all": dict.fromkeys(("zoneout", "recurrent_dropout", "input_dropout", "weight_drop"), 0.3),
}
KINDS = {"lstm": LSTM, "gru": GRU, "rnn": RNN}


def state_of(layer: Any, x: Tensor, **options: Any) -> list[Tensor]:
    output, state = layer(x, **options)
    return [output, *(state if isinstance(state, tuple) else (state,))]


def all_equal(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(x.equal(y) for x, y in zip(a, b, strict=True))


def bare(size: int, recurrent: Tensor, inputs: Tensor, **options: Any) -> Any:
    """h' = relu(inputs x + recurrent h)."""
    layer = RNN(inputs.shape[1], size, nonlinearity="relu", bias=False, **options)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(inputs)
        layer.weight_hh_l0.copy_(recurrent)
    return layer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", EACH.values(), ids=EACH)
def test_the_same_seed_draws_the_same_masks(kind, options):
    layer = KINDS[kind](3, 8, num_layers=2, bidirectional=True, **options)
    x = torch.randn(6, 4, 3)

    def run(seed: int) -> list[Tensor]:
        torch.manual_seed(seed)
        return state_of(layer, x, lengths=[6, 1, 0, 3])

    assert all_equal(run(1), run(1))
    assert not all_equal(run(1), run(2))
    assert not all_equal(state_of(layer, x), state_of(layer, x))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", EACH.values(), ids=EACH)
def test_every_parameter_trains(kind, options):
    layer = KINDS[kind](3, 8, num_layers=2, bidirectional=True, **options)
    results = state_of(layer, torch.randn(6, 4, 3))
    torch.stack([part.sum() for part in results]).sum().backward()
    assert all(parameter.grad.any() for parameter in layer.parameters())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["recurrent_dropout", "input_dropout", "weight_drop"])
def test_dropouts_are_off_in_evaluation(kind, name):
    plain = KINDS[kind](3, 8, num_layers=2).eval()
    layer = KINDS[kind](3, 8, num_layers=2, **EACH[name]).eval()
    layer.load_state_dict(plain.state_dict())
    x = torch.randn(6, 4, 3)
    before = torch.get_rng_state()
    assert all_equal(state_of(layer, x), state_of(plain, x))
    assert torch.get_rng_state().equal(before)


def test_zoneout_mixes_in_evaluation():
    layer = LSTM(3, 8, zoneout=(0.2, 0.5)).eval()
    x = torch.randn(1, 4, 3)
    h_0, c_0 = torch.randn(1, 4, 8), torch.randn(1, 4, 8)
    _, (h, c) = layer(x, (h_0, c_0))
    raw = scan(layer.cell, layer.params(layer.passes[0]), x, (h_0[0], c_0[0])).state
    torch.testing.assert_close(h[0], 0.2 * h_0[0] + 0.8 * raw[0])
    torch.testing.assert_close(c[0], 0.5 * c_0[0] + 0.5 * raw[1])


def test_zoneout_of_one_number_is_for_both_states():
    one, pair = LSTM(3, 8, zoneout=0.3), LSTM(3, 8, zoneout=(0.3, 0.3))
    pair.load_state_dict(one.state_dict())
    x = torch.randn(6, 4, 3)
    results = []
    for layer in (one, pair):
        torch.manual_seed(1)
        results.append(state_of(layer, x))
    assert all_equal(*results)


def test_zoneout_leaves_gates_that_are_states_alone():
    layer = LSTM(3, 8, full_recurrence=True, zoneout=0.9)
    _, state = layer(torch.randn(2, 4, 3), tuple(torch.full((1, 4, 8), 7.0) for _ in range(5)))
    still = [(part == 7).double().mean().item() for part in state]
    assert min(still[:2]) > 0.5  # 0.9^2 of h and c
    assert still[2:] == [0, 0, 0]


def test_directions_and_layers_draw_masks_of_their_own():
    """At T = 1, with the same weights and the same features to read, only their masks differ."""
    layer = GRU(16, 8, num_layers=2, bidirectional=True, zoneout=0.5, bias=False)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(layer.get_parameter(name[:9] + "_l0"))
    # As its first state is 9 everywhere, it is 9 where the step was zoned out.
    _, h = layer(torch.randn(1, 64, 16), torch.full((4, 64, 8), 9.0))
    masks = (h == 9).flatten(1).double()
    assert (torch.corrcoef(masks) - torch.eye(4)).abs().max() < 5 / math.sqrt(64 * 8)
    assert (masks.mean(1) - 0.5).abs().max() < 5 * 0.5 / math.sqrt(64 * 8)


def test_recurrent_dropout_hides_units_for_all_steps():
    p, ones = 0.3, torch.ones(1, 200, 30)
    layer = bare(30, torch.eye(30), torch.zeros(30, 1), recurrent_dropout=p)
    output, _ = layer(torch.zeros(3, 200, 1), ones)
    scale = output[0]
    assert (scale.unique() - torch.tensor([0, 1 / (1 - p)])).abs().max() < 1e-6
    torch.testing.assert_close(output, torch.stack([scale, scale**2, scale**3]))
    assert abs((scale == 0).double().mean() - p) < 5 * math.sqrt(p * (1 - p) / 6000)


def test_input_dropout_hides_features_for_all_steps():
    p = 0.3
    layer = bare(30, torch.zeros(30, 30), torch.eye(30), input_dropout=p)
    output, _ = layer(torch.ones(3, 200, 30))
    assert (output[0].unique() - torch.tensor([0, 1 / (1 - p)])).abs().max() < 1e-6
    assert output[1].equal(output[0])
    assert output[2].equal(output[0])
    assert abs((output[0] == 0).double().mean() - p) < 5 * math.sqrt(p * (1 - p) / 6000)


def test_input_dropout_is_one_mask_for_a_batch_of_any_layout():
    x = torch.randn(5, 4, 3)
    results = []
    for batch_first in (False, True):
        torch.manual_seed(1)
        layer = LSTM(3, 8, num_layers=2, batch_first=batch_first, **EACH["all"])
        torch.manual_seed(2)
        y, _ = layer(x.transpose(0, 1) if batch_first else x)
        results.append(y.transpose(0, 1) if batch_first else y)
    assert results[0].equal(results[1])


def test_weight_drop_is_one_mask_for_a_whole_pass():
    """From h_0 = 1 at unit b alone, sequence b shows column b of the recurrent weights."""
    p, size = 0.3, 80
    layer = bare(size, torch.ones(size, size), torch.zeros(size, 1), weight_drop=p)
    output, _ = layer(torch.zeros(2, size, 1), torch.eye(size)[None])
    weight = output[0].T
    assert (weight.unique() - torch.tensor([0, 1 / (1 - p)])).abs().max() < 1e-6
    assert abs((weight == 0).double().mean() - p) < 5 * math.sqrt(p * (1 - p)) / size
    torch.testing.assert_close(output[1], output[0] @ weight.T)
    assert layer.weight_hh_l0.eq(1).all()


def test_torchs_generator_gives_one_number_to_a_pass():
    x = torch.randn(5, 4, 3)
    for options, draws in (({}, 0), (EACH["zoneout"], 1), (EACH["recurrent_dropout"], 1)):
        layer = LSTM(3, 8, num_layers=2, bidirectional=True, **options)
        torch.manual_seed(1)
        layer(x)
        after = torch.get_rng_state()
        torch.manual_seed(1)
        for _ in range(draws):
            torch.randint(SEEDS - 1, ())
        assert torch.get_rng_state().equal(after)


def test_explain_sees_the_noise_and_draws_none():
    double = torch.float64  # which the native core does not run
    layer, x = GRU(3, 8, dtype=double, **EACH["zoneout"]), torch.randn(5, 4, 3, dtype=double)
    before = torch.get_rng_state()
    assert gatework.explain(layer, x).verdicts[1].refusal is not None
    assert torch.get_rng_state().equal(before)
    layer = GRU(3, 8, dtype=double, **EACH["recurrent_dropout"])
    assert gatework.explain(layer.eval(), x).chosen == "aten"


def test_the_settings_go_through_a_config_file():
    options = EACH["all"] | {"zoneout": (0.1, 0.2)}
    layer = LSTM(3, 8, **options)
    text = json.dumps(dataclasses.asdict(layer.regularisers))
    other = LSTM(3, 8, **json.loads(text))
    assert other.regularisers == layer.regularisers == Regularisers(**options)


def test_they_are_no_part_of_the_state():
    plain, layer = LSTM(3, 8), LSTM(3, 8, cell_clip=2.0, memory="recompute", **EACH["all"])
    assert layer.state_dict().keys() == plain.state_dict().keys()
    twin = copy.deepcopy(layer)
    assert repr(twin) == repr(layer)
    x = torch.randn(5, 4, 3)
    results = []
    for each in (layer, twin):
        torch.manual_seed(1)
        results.append(state_of(each, x))
    assert all_equal(*results)


def test_repr_shows_those_that_are_set():
    assert repr(LSTM(3, 8, zoneout=(0.1, 0.2), memory="recompute", cell_clip=2.0)) == (
        "LSTM(3, 8, cell_clip=2.0, zoneout=(0.1, 0.2), memory=recompute)"
    )
    assert repr(GRU(3, 8, reset_after=False, weight_drop=0.5)) == (
        "GRU(3, 8, reset_after=False, weight_drop=0.5)"
    )


def test_they_can_be_replaced():
    """As one does who lets the noise die down during training."""
    layer = GRU(3, 8, zoneout=0.5)
    layer.regularisers = Regularisers()
    x = torch.randn(5, 4, 3)
    assert all_equal(state_of(layer, x), state_of(layer.eval(), x))


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_they_compile():
    """With a break in the graph, where the seed is drawn; a new seed compiles nothing anew."""
    torch.compiler.reset()  # other tests of this process may have spent the limit of recompilations
    layer = LSTM(3, 8, backend="reference", **EACH["all"])
    x = torch.randn(2, 4, 3)
    graphs: list[torch.fx.GraphModule] = []

    def count(graph: torch.fx.GraphModule, _: list[Tensor]) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    compiled = torch.compile(layer, backend=count)
    sizes = []
    for seed in range(5):
        torch.manual_seed(seed)
        result = state_of(compiled, x)
        torch.manual_seed(seed)
        torch.testing.assert_close(result, state_of(layer, x))
        sizes.append(len(graphs))
    assert sizes[1] == sizes[-1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: LSTM(3, 8, zoneout=1.0),
            "zoneout is 1.0; expected a probability, at least 0 and below 1.",
        ),
        (lambda: LSTM(3, 8, zoneout=(0.1, -0.1)), "zoneout[1] is -0.1; expected a probability"),
        (
            lambda: LSTM(3, 8, zoneout=(0.1, 0.1, 0.1)),
            "zoneout holds 3 probabilities; expected one number, or 2: h, c.",
        ),
        (
            lambda: GRU(3, 8, zoneout=(0.1, 0.1)),
            "zoneout holds 2 probabilities; expected one number, or 1: h.",
        ),
        (lambda: RNN(3, 8, recurrent_dropout=-1.0), "recurrent_dropout is -1.0; expected a"),
        (lambda: RNN(3, 8, input_dropout=None), "input_dropout is None; expected a probability"),
        (lambda: GRU(3, 8, weight_drop=2), "weight_drop is 2; expected a probability"),
        (lambda: LSTM(3, 8, cell_clip=-1.0), "cell_clip is -1.0; expected a positive number"),
        (
            lambda: LSTM(3, 8, memory="disk")(torch.zeros(2, 2, 3)),
            "memory is 'disk'; expected one of tape, recompute.",
        ),
    ],
)
def test_what_cannot_be_is_named(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)
