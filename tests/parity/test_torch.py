"""The reference in float64 against torch.nn: outputs, final states and every gradient."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from cases import CELLS, INPUT_SIZE, PLAIN, SHAPES, Inputs, make_inputs, results_and_gradients
from gatework.cells import GRU, LSTM, RNN
from gatework.ops import ScanResult
from tolerances import FLOOR, assert_close


def torch_module(inputs: Inputs) -> nn.Module:
    hidden = inputs.cell.hidden_size(inputs.params)
    bias = "bias_ih" in inputs.params
    match inputs.cell:
        case LSTM():
            proj_size = inputs.state[0].shape[1] if inputs.cell.projection else 0
            return nn.LSTM(INPUT_SIZE, hidden, bias=bias, proj_size=proj_size)
        case GRU():
            return nn.GRU(INPUT_SIZE, hidden, bias=bias)
        case RNN():
            return nn.RNN(INPUT_SIZE, hidden, nonlinearity=inputs.cell.nonlinearity, bias=bias)
    raise AssertionError(inputs.cell)


def torch_scan(inputs: Inputs, *, reverse: bool) -> ScanResult:
    """torch.nn on each sequence by itself, cut to its length and turned round if `reverse`."""
    module = torch_module(inputs)
    params = {f"{name}_l0": tensor for name, tensor in inputs.params.items()}
    steps, batch = inputs.x.shape[:2]
    lengths = [steps] * batch if inputs.lengths is None else inputs.lengths.tolist()
    outputs, states = [], []
    for index, length in enumerate(lengths):
        state: tuple[Tensor, ...] = tuple(part[None, index] for part in inputs.state)
        output = inputs.x.new_zeros(0, state[0].shape[1])
        if length:
            x = inputs.x[:length, index]
            hx = state if len(state) > 1 else state[0]
            output, last = functional_call(module, params, (x.flip(0) if reverse else x, hx))
            output = output.flip(0) if reverse else output
            state = last if len(state) > 1 else (last,)
        outputs.append(nn.functional.pad(output, (0, 0, 0, steps - length)))
        states.append(state)
    final = tuple(torch.cat(parts) for parts in zip(*states, strict=True))
    return ScanResult(torch.stack(outputs, dim=1), final, None)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", PLAIN)
def test_reference_is_torch_nn(cell, shape, reverse):
    inputs = make_inputs(CELLS[cell], SHAPES[shape])
    truth = results_and_gradients(inputs, torch_scan(inputs, reverse=reverse))
    values = results_and_gradients(inputs, inputs.scan(reverse=reverse))
    for name, value in values.items():
        assert_close(name, value, truth[name], FLOOR[torch.float64])
