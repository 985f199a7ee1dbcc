"""accelerate, restore and survey: the same parameters, the same results, and words for the rest."""

import copy
import inspect
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune
from torch.nn.utils.rnn import PackedSequence, pack_sequence

import gatework
from gatework.errors import InputError
from tolerances import FLOOR, assert_close

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

OPTIONS: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    "lstm": (nn.LSTM, {}),
    "lstm-deep": (nn.LSTM, {"num_layers": 2, "bidirectional": True, "dropout": 0.3}),
    "lstm-no-bias": (nn.LSTM, {"bias": False, "batch_first": True}),
    "lstm-projection": (nn.LSTM, {"proj_size": 3}),
    "gru": (nn.GRU, {"num_layers": 2, "bidirectional": True}),
    "rnn": (nn.RNN, {"batch_first": True}),
    "rnn-relu": (nn.RNN, {"nonlinearity": "relu", "num_layers": 2}),
}
# Neither side is the truth: each may be off by the floor, and squares as loss double that.
BOUND = 4 * FLOOR[torch.float32]
OURS = {nn.LSTM: gatework.LSTM, nn.GRU: gatework.GRU, nn.RNN: gatework.RNN}


class Tagger(nn.Module):
    """Recurrent layers in every kind of container, one of them in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(5, 5), nn.ModuleDict({"a": nn.GRU(5, 8)}))
        self.layers = nn.ModuleList([nn.LSTM(8, 8), nn.RNN(8, 8)])
        self.again = self.layers[0]
        self.plain_list = [self.layers[1]]
        self.readout = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        linear, gru = self.encoder
        x, _ = gru.get_submodule("a")(linear(x))
        for layer in (*self.layers, self.again, *self.plain_list):
            x, _ = layer(x)
        return self.readout(x)


def values(module: nn.Module, *arguments: Any) -> dict[str, Tensor]:
    """Output, final states and every gradient, under one seed so that dropout draws alike."""
    torch.manual_seed(3)
    module.zero_grad()
    result = module(*arguments)
    output, state = result if isinstance(result, tuple) else (result, ())
    output = output.data if isinstance(output, PackedSequence) else output
    states = state if isinstance(state, tuple) else (state,)
    found = {"output": output} | {f"state {index}": part for index, part in enumerate(states)}
    torch.stack([value.square().sum() for value in found.values()]).sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        found[f"d {name}"] = parameter.grad.clone()
    return found


def assert_alike(found: dict[str, Tensor], truth: dict[str, Tensor]) -> None:
    assert found.keys() == truth.keys()
    for name, value in found.items():
        assert_close(name, value, truth[name], BOUND)


def assert_same(found: dict[str, Tensor], truth: dict[str, Tensor]) -> None:
    assert found.keys() == truth.keys()
    for name, value in found.items():
        assert value.equal(truth[name]), name


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", OPTIONS)
def test_a_layer_there_and_back(name, training):
    kind, options = OPTIONS[name]
    layer = kind(5, 8, **options).train(training)
    x = torch.randn(4, 4, 5)
    packed = pack_sequence([x[0], x[1, :2]], enforce_sorted=False)
    keys, parameters, shown = list(layer.state_dict()), list(layer.parameters()), repr(layer)
    truth, truth_packed = values(layer, x), values(layer, packed)

    ours: Any = gatework.accelerate(layer)
    assert ours is layer
    assert type(ours) is OURS[kind]
    assert ours.training == training
    assert list(ours.state_dict()) == keys
    assert all(a is b for a, b in zip(ours.parameters(), parameters, strict=True))
    assert_alike(values(ours, x), truth)
    if not (training and ours.dropout):  # drawn packed, torch's masks fall on other values
        assert_alike(values(ours, packed), truth_packed)
    assert ours(x, None)[0].shape == ours(input=x, hx=None, lengths=[4] * 4)[0].shape
    assert not vars(ours).keys() - vars(type(ours)(1, 1)).keys()

    theirs = gatework.restore(ours)
    assert type(theirs) is kind
    assert repr(theirs) == shown
    assert_same(values(theirs, x), truth)
    assert_same(values(theirs, packed), truth_packed)
    assert_same(values(copy.deepcopy(theirs), x), truth)
    assert vars(theirs).keys() == vars(kind(1, 1)).keys()


def test_a_model_with_everything_in_it():
    model, x = Tagger(), torch.randn(6, 3, 5)
    keys, truth = list(model.state_dict()), values(model, x)
    untouched = copy.deepcopy(model)
    assert gatework.accelerate(model) is model
    kinds = [type(module).__module__ for module in model.modules()]
    assert not any(name.startswith("torch.nn.modules.rnn") for name in kinds)
    assert model.again is model.layers[0]
    assert list(model.state_dict()) == keys
    assert_alike(values(model, x), truth)
    assert_alike(values(copy.deepcopy(model), x), truth)
    untouched.load_state_dict(model.state_dict())
    gatework.accelerate(model)
    assert_same(values(gatework.restore(model), x), truth)
    assert_same(values(untouched, x), truth)


def test_an_optimiser_made_before_goes_on_training():
    def train(model: nn.Module, optimiser: torch.optim.Optimizer) -> list[float]:
        losses = []
        for _ in range(3):
            optimiser.zero_grad()
            loss = (model(x) - target).square().mean()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        return losses

    x, target = torch.randn(6, 3, 5), torch.randn(6, 3, 2)
    model = Tagger()
    other = copy.deepcopy(model)
    runs = [(each, torch.optim.Adam(each.parameters(), lr=0.01)) for each in (model, other)]
    before = [train(*run) for run in runs]
    gatework.accelerate(model)
    after = [train(*run) for run in runs]
    assert before[0] == before[1]
    assert after[0] == pytest.approx(after[1], rel=1e-5)
    assert after[0][-1] < after[0][0] < before[0][0]


def test_tied_frozen_and_doubled_parameters_stay_so():
    first, second = nn.LSTM(4, 4).double(), nn.LSTM(4, 4).double()
    second.weight_hh_l0 = first.weight_hh_l0
    first.bias_ih_l0.requires_grad_(False)
    model: Any = gatework.accelerate(nn.ModuleList([first, second]))
    assert model[1].weight_hh_l0 is model[0].weight_hh_l0
    assert not model[0].bias_ih_l0.requires_grad
    assert len(list(model.parameters())) == 7
    assert model[0](torch.randn(3, 2, 4, dtype=torch.float64))[0].dtype == torch.float64
    gatework.restore(model)
    first_torch, second_torch = model
    with torch.no_grad():
        first_torch.weight_hh_l0.zero_()
    x = torch.randn(3, 2, 4, dtype=torch.float64)
    fresh = nn.LSTM(4, 4).double()
    fresh.load_state_dict(second_torch.state_dict())
    assert second_torch(x)[0].equal(fresh(x)[0])


def test_hooks_and_what_the_user_hung_on_a_layer_stay():
    layer: Any = nn.LSTM(3, 4)
    calls = []
    layer.tag = "mine"
    layer.register_buffer("mean", torch.ones(3))
    handle = layer.register_forward_hook(lambda *_: calls.append("forward"))
    layer.register_forward_pre_hook(lambda *_: calls.append("before"))
    layer.register_load_state_dict_pre_hook(lambda *_: calls.append("load"))
    gatework.accelerate(layer)
    layer(torch.randn(2, 1, 3))
    layer.load_state_dict(layer.state_dict())
    handle.remove()
    gatework.restore(layer)(torch.randn(2, 1, 3))
    assert calls == ["before", "forward", "load", "before"]
    assert layer.tag == "mine"
    assert "mean" in layer.state_dict()


def test_nothing_is_drawn():
    layer = nn.LSTM(3, 4)
    state = torch.get_rng_state()
    gatework.restore(gatework.accelerate(layer))
    assert torch.get_rng_state().equal(state)


def test_twice_is_once():
    model = gatework.accelerate(nn.ModuleList([nn.GRU(3, 4)]))
    layer = model[0]
    assert gatework.accelerate(model)[0] is layer
    assert type(layer) is gatework.GRU


class Louder(nn.LSTM):
    def forward(self, *arguments: Any) -> Any:
        output, state = super().forward(*arguments)
        return 2 * output, state


class Named(nn.GRU):
    pass


def weight_normed() -> nn.Module:
    return parametrizations.weight_norm(nn.LSTM(3, 4), "weight_hh_l0")


def old_weight_normed() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.utils.weight_norm(nn.LSTM(3, 4), "weight_hh_l0")


def replaced() -> nn.Module:
    layer = nn.LSTM(3, 4)
    layer.forward = lambda *_: None  # type: ignore[method-assign, assignment]
    return layer


STAYING = {
    "overridden": (lambda: Louder(3, 4), "it is a subclass of torch.nn.LSTM with code of its own"),
    "subclass": (lambda: Named(3, 4), "it is a subclass of torch.nn.GRU with code of its own"),
    "replaced": (replaced, "its forward has been replaced on the object"),
    "parametrised": (weight_normed, "its weight_hh_l0 is computed by a parametrization"),
    "weight_norm": (old_weight_normed, "its weight_hh_l0 is no parameter: weight_norm or prune"),
    "pruned": (
        lambda: prune.random_unstructured(nn.LSTM(3, 4), "weight_ih_l0", 0.5),
        "its weight_ih_l0 is no parameter: weight_norm or prune",
    ),
    "cell": (lambda: nn.LSTMCell(3, 4), "the code around it takes its steps one by one"),
}


@pytest.mark.parametrize("name", STAYING)
def test_what_cannot_change_stays_with_its_reason(name):
    make, reason = STAYING[name]
    model = nn.ModuleDict({"good": nn.LSTM(3, 4), "odd": make()})
    odd = type(model["odd"])
    shown = str(gatework.survey(model)).splitlines()
    assert shown[0].endswith("can be accelerated")
    assert shown[1].startswith("odd ")
    assert f"stays: {reason}" in shown[1]
    with pytest.warns(UserWarning, match=f"left alone: odd .{reason}"):
        gatework.accelerate(model)
    assert type(model["odd"]) is odd
    good, bad = gatework.survey(model).layers
    assert good == ("good", "gatework.LSTM(3, 4)", True, None)
    assert (bad.path, bad.is_ours) == ("odd", False)


def test_survey_of_a_layer_and_of_nothing():
    assert str(gatework.survey(nn.Linear(2, 2))) == "no recurrent layers"
    with pytest.warns(UserWarning, match=r"found no recurrent layer in Linear\."):
        gatework.accelerate(nn.Linear(2, 2))
    shown = str(gatework.survey(nn.LSTM(3, 4)))
    assert shown == "the model itself  torch.nn.LSTM(3, 4)  can be accelerated"


@pytest.mark.parametrize("call", [gatework.accelerate, gatework.restore, gatework.survey])
def test_only_modules_are_taken(call):
    with pytest.raises(InputError, match=r"model is a list; expected a torch\.nn\.Module"):
        call([nn.LSTM(3, 4)])


def test_restore_names_the_layer_and_the_option_and_changes_nothing():
    model = nn.ModuleDict({"plain": gatework.LSTM(3, 4), "odd": gatework.LSTM(3, 4, peephole=True)})
    words = r"odd, gatework.LSTM\(3, 4, peephole=True\), cannot .*: torch.nn.LSTM has no peephole"
    with pytest.raises(InputError, match=words):
        gatework.restore(model)
    assert type(model["plain"]) is gatework.LSTM


# What torch has no word for, but which changes no result or only how the layer starts.
HARMLESS = {"init", "forget_bias", "longest_lag", "backend", "memory"}
EXAMPLES: dict[str, Any] = {
    "input_gate": False,
    "forget_gate": False,
    "output_gate": False,
    "reset_after": False,
    "cell_clip": 3.0,
}


@pytest.mark.parametrize("kind", [gatework.LSTM, gatework.GRU, gatework.RNN])
def test_every_option_that_torch_lacks_is_known_to_restore(kind):
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.kind != parameter.KEYWORD_ONLY or name in HARMLESS:
            continue
        is_switch = isinstance(parameter.default, bool)
        layer = kind(3, 4, **{name: EXAMPLES.get(name, True if is_switch else 0.25)})
        with pytest.raises(InputError, match=rf"has no .*{name}="):
            gatework.restore(layer)


def test_harmless_options_do_not_hold_a_layer_back():
    layer = gatework.LSTM(3, 4, init="orthogonal", forget_bias=1.0, backend="reference")
    assert type(gatework.restore(layer)) is nn.LSTM
