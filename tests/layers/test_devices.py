"""Which backend runs a layer that is not on the CPU, and that nothing of it comes back to the CPU.

A meta tensor has a device and no values: whoever reads one on the host fails, as a GPU would wait.
"""

from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import gatework
from gatework import cells
from gatework.errors import InputError

ON_TORCHS_OPERATORS = {
    "lstm": (gatework.LSTM, {}, "lstm"),
    "projected": (gatework.LSTM, {"proj_size": 3}, "lstm"),
    "stacked both ways": (gatework.LSTM, {"num_layers": 2, "bidirectional": True}, "lstm"),
    "gru": (gatework.GRU, {}, "gru"),
    "tanh": (gatework.RNN, {}, "rnn_tanh"),
    "relu": (gatework.RNN, {"nonlinearity": "relu"}, "rnn_relu"),
}
ON_THE_REFERENCE = {
    "peephole": (gatework.LSTM, {"peephole": True}),
    "layer norm": (gatework.LSTM, {"layer_norm": True, "bidirectional": True}),
    "zoneout": (gatework.LSTM, {"zoneout": 0.1, "recurrent_dropout": 0.2}),
    "reset before": (gatework.GRU, {"reset_after": False}),
}


class Calls(TorchFunctionMode):
    """The names of torch's functions that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(getattr(func, "__name__", ""))
        return func(*args, **(kwargs or {}))


class StayThere(TorchDispatchMode):
    """Fails where an operator makes numbers on another device than `device`."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = device

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for each in tree_leaves(result):
            if isinstance(each, torch.Tensor) and each.is_floating_point():
                assert each.device.type == self.device, f"{func} made numbers on {each.device}"
        return result


def on_meta(kind: Any, options: dict[str, Any]) -> tuple[Any, torch.Tensor]:
    layer = kind(4, 8, device="meta", **options)
    return layer, torch.randn(5, 3, 4, device="meta", requires_grad=True)


def train(layer: Any, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
    y, state = layer(x, lengths=lengths)
    state = state if isinstance(state, tuple) else (state,)
    (y.sum() + sum(part.sum() for part in state)).backward()
    gradients = [x.grad, *(each.grad for each in layer.parameters())]
    assert all(each is not None and each.is_meta for each in gradients)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("name", ON_TORCHS_OPERATORS)
def test_plain_cells_go_to_torchs_own_operators(name):
    kind, options, operator = ON_TORCHS_OPERATORS[name]
    layer, x = on_meta(kind, options)
    told = gatework.explain(layer, x)
    assert told.chosen == "aten"
    assert told.verdicts[0].refusal == "it runs on the CPU; the input is on meta"
    with Calls() as calls, StayThere("meta"):
        train(layer, x)
    assert calls.names.count(operator) == len(layer.passes)


@pytest.mark.parametrize("name", ON_THE_REFERENCE)
def test_others_go_to_the_reference(name):
    layer, x = on_meta(*ON_THE_REFERENCE[name])
    assert gatework.explain(layer, x).chosen == "reference"
    with Calls() as calls, StayThere("meta"):
        train(layer, x)
    assert not {"lstm", "gru", "rnn_tanh", "rnn_relu"} & set(calls.names)


def test_ragged_batches_go_to_the_reference_with_lengths_on_the_host():
    layer, x = on_meta(gatework.LSTM, {"bidirectional": True})
    lengths = torch.tensor([5, 0, 2])
    told = gatework.explain(layer, x, lengths=lengths)
    assert told.chosen == "reference"
    assert told.verdicts[1].refusal == "the lengths differ, or end before T"
    with StayThere("meta"):
        train(layer, x, lengths)


def test_a_trace_stays_on_the_device():
    layer, x = on_meta(gatework.LSTM, {})
    with StayThere("meta"):
        result = gatework.scan(cells.LSTM(), layer.params(layer.passes[0]), x, trace=True)
    assert result.trace is not None
    assert all(values.is_meta for values in result.trace.values())


def test_the_core_refuses_what_it_is_asked_for_elsewhere():
    layer, x = on_meta(gatework.LSTM, {"backend": "native"})
    with pytest.raises(InputError, match="refuses this call: it runs on the CPU; the input is on"):
        layer(x)
