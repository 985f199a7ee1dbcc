"""The layers beside torch.nn: same draws, same state dicts, same results, same gradients."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import gatework

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "batch_first": {"batch_first": True},
    "no_bias": {"bias": False, "num_layers": 2},
    "deep": {"num_layers": 3, "dropout": 0.4},
    "bidirectional": {"bidirectional": True, "num_layers": 2, "dropout": 0.3},
}
Kind = Callable[..., nn.Module]
PAIRS: dict[str, tuple[Kind, Kind, dict[str, Any]]] = {
    **{f"lstm-{name}": (nn.LSTM, gatework.LSTM, options) for name, options in OPTIONS.items()},
    **{f"gru-{name}": (nn.GRU, gatework.GRU, options) for name, options in OPTIONS.items()},
    **{f"rnn-{name}": (nn.RNN, gatework.RNN, options) for name, options in OPTIONS.items()},
    "lstm-projection": (nn.LSTM, gatework.LSTM, {"proj_size": 3, "bidirectional": True}),
    "rnn-relu": (nn.RNN, gatework.RNN, {"nonlinearity": "relu"}),
}
Pair = Sequence[Any]


def make_pair(name: str, dtype: torch.dtype = torch.float64) -> Pair:
    """Torch's layer and ours, each made under the same seed."""
    theirs, ours, options = PAIRS[name]
    made = []
    for kind in (theirs, ours):
        torch.manual_seed(7)
        made.append(kind(5, 8, dtype=dtype, **options))
    return made


def run(module: nn.Module, *arguments: Any) -> dict[str, Tensor]:
    """Output, state and every gradient, under one seed so that dropout draws alike."""
    torch.manual_seed(3)
    module.zero_grad()
    output, state = module(*arguments)
    data = output.data if isinstance(output, PackedSequence) else output
    states = state if isinstance(state, tuple) else (state,)
    values = {"output": data} | {f"state {index}": part for index, part in enumerate(states)}
    torch.manual_seed(4)
    torch.stack(
        [(value * torch.randn_like(value)).sum() for value in values.values()]
    ).sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None
        values[f"d {name}"] = parameter.grad
    return values


def assert_alike(pair: Pair, *arguments: Any) -> None:
    theirs, ours = (run(module, *arguments) for module in pair)
    assert theirs.keys() == ours.keys()
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-12, atol=1e-12)


def initial_state(module: Any, batch: int | None) -> Any:
    """A random hx as torch wants it; for one unbatched sequence if `batch` is None."""
    rows = module.num_layers * (2 if module.bidirectional else 1)
    middle = () if batch is None else (batch,)
    widths = [module.proj_size or module.hidden_size, module.hidden_size]
    torch.manual_seed(5)
    h, c = (torch.randn(rows, *middle, width, dtype=torch.float64) for width in widths)
    return (h, c) if isinstance(module, nn.LSTM) else h


@pytest.mark.parametrize("name", PAIRS)
def test_the_same_seed_draws_the_same_weights(name):
    theirs, ours = (module.state_dict() for module in make_pair(name, torch.float32))
    assert list(theirs) == list(ours)
    assert all(ours[key].equal(value) for key, value in theirs.items())


@pytest.mark.parametrize("name", PAIRS)
def test_state_dicts_load_both_ways(name):
    theirs, ours = make_pair(name)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(1)
    theirs.load_state_dict(ours.state_dict())
    other = make_pair(name)[1]
    other.load_state_dict(theirs.state_dict())
    for key, value in ours.state_dict().items():
        assert other.state_dict()[key].equal(value)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", PAIRS)
def test_results_and_gradients(name, training):
    pair = make_pair(name)
    for module in pair:
        module.train(training)
    x = torch.randn(4, 4, 5, dtype=torch.float64)
    assert_alike(pair, x)
    assert_alike(pair, x, initial_state(pair[0], batch=4))


@pytest.mark.parametrize("name", PAIRS)
def test_one_unbatched_sequence(name):
    pair = make_pair(name)
    x = torch.randn(4, 5, dtype=torch.float64)
    if not pair[0].batch_first:  # with it, torch draws dropout in another layout
        assert_alike(pair, x)
    assert_alike([module.eval() for module in pair], x, initial_state(pair[0], batch=None))


@pytest.mark.parametrize("lengths", [(6, 4, 4, 1), (1, 4, 6, 4)], ids=["sorted", "unsorted"])
@pytest.mark.parametrize("name", PAIRS)
def test_packed_sequences(name, lengths):
    pair = [module.eval() for module in make_pair(name)]
    x = torch.randn(6, 4, 5, dtype=torch.float64)
    is_sorted = lengths == (6, 4, 4, 1)
    packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=is_sorted)
    assert_alike(pair, packed)
    assert_alike(pair, packed, initial_state(pair[0], batch=4))
    theirs, ours = (module(packed)[0] for module in pair)
    assert ours.batch_sizes.equal(theirs.batch_sizes)
    for field in ("sorted_indices", "unsorted_indices"):
        indices = getattr(theirs, field)
        assert getattr(ours, field) is indices or getattr(ours, field).equal(indices)


@pytest.mark.parametrize("name", PAIRS)
def test_attributes_and_repr(name):
    theirs, ours = make_pair(name)
    for attribute in ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    assert ours.bidirectional == theirs.bidirectional
    assert ours.proj_size == theirs.proj_size
    assert [len(weights) for weights in ours.all_weights] == [
        len(weights) for weights in theirs.all_weights
    ]
    if name != "rnn-relu":  # which torch does not show
        assert repr(ours) == repr(theirs)


def test_copies_and_pickles_of_the_module_are_independent(tmp_path):
    ours: Any = gatework.LSTM(5, 8, peephole=True)
    x = torch.randn(3, 2, 5)
    truth = ours(x)[0]
    duplicate = copy.deepcopy(ours)
    torch.save(ours, tmp_path / "layer.pt")
    with torch.no_grad():
        ours.weight_hh_l0.zero_()
    assert duplicate(x)[0].equal(truth)
    assert torch.load(tmp_path / "layer.pt", weights_only=False)(x)[0].equal(truth)


def test_dropout_without_a_second_layer_warns_as_in_torch():
    with pytest.warns(UserWarning, match="acts between layers"):
        gatework.GRU(5, 8, dropout=0.5)


def test_mode_and_nonlinearity_are_torchs():
    for ours, torchs in (
        (gatework.LSTM(2, 3), nn.LSTM(2, 3)),
        (gatework.GRU(2, 3), nn.GRU(2, 3)),
        (gatework.RNN(2, 3), nn.RNN(2, 3)),
        (gatework.RNN(2, 3, nonlinearity="relu"), nn.RNN(2, 3, nonlinearity="relu")),
    ):
        assert ours.mode == torchs.mode
        if isinstance(torchs, nn.RNN):
            assert ours.nonlinearity == torchs.nonlinearity
