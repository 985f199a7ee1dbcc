"""What each cell says of itself, and that it keeps to it."""

import math

import pytest
import torch
from torch.nn import functional

from cases import CELLS, SHAPES, make_inputs
from gatework.cells import ALL_CELLS, GRU, LSTM, RNN
from gatework.errors import InputError


@pytest.mark.parametrize(
    ("cell", "gates"),
    [
        (RNN(), "n"),
        (GRU(), "rzn"),
        (LSTM(), "ifgo"),
        (LSTM(coupled=True), "fgo"),
        (LSTM(input_gate=False), "fgo"),
        (LSTM(forget_gate=False), "igo"),
        (LSTM(output_gate=False), "ifg"),
    ],
    ids=str,
)
def test_an_absent_gate_has_no_rows(cell, gates):
    assert "".join(cell.gates) == gates
    assert cell.parameter_shapes(3, 8)["weight_ih"] == (8 * len(gates), 3)


@pytest.mark.parametrize(
    ("cell", "proj_size", "own"),
    [
        (LSTM(projection=True), 2, {"weight_hr": (2, 8)}),
        (LSTM(peephole=True), 0, {f"weight_c{gate}": (8,) for gate in "ifo"}),
        (LSTM(peephole=True, coupled=True), 0, {f"weight_c{gate}": (8,) for gate in "fo"}),
        (LSTM(full_recurrence=True), 0, {"weight_gg": (24, 24)}),
        (LSTM(full_recurrence=True, forget_gate=False), 0, {"weight_gg": (16, 16)}),
    ],
    ids=lambda value: ",".join(value.options) if isinstance(value, LSTM) else None,
)
def test_the_parameters_that_an_option_adds(cell, proj_size, own):
    shapes = cell.parameter_shapes(3, 8, bias=False, proj_size=proj_size)
    assert {name: shapes[name] for name in shapes if name not in ("weight_ih", "weight_hh")} == own


def test_shifts_stand_in_for_biases_under_layer_norm():
    shapes = LSTM(layer_norm=True).parameter_shapes(3, 8)
    norms = {"norm_ih": 32, "norm_hh": 32, "norm_c": 8}
    expected = {f"{n}_{kind}": (s,) for n, s in norms.items() for kind in ("weight", "bias")}
    assert shapes == {"weight_ih": (32, 3), "weight_hh": (32, 8)} | expected
    without = LSTM(layer_norm=True).parameter_shapes(3, 8, bias=False)
    assert not [name for name in without if "bias" in name]


def test_every_cell_class_has_a_case():
    assert {type(cell) for cell in CELLS.values()} == set(ALL_CELLS)


@pytest.mark.parametrize("name", CELLS)
def test_activations_and_roles_describe_the_step(name):
    inputs = make_inputs(CELLS[name], SHAPES["one_step"])
    cell, params = inputs.cell, inputs.params
    x_gates = functional.linear(inputs.x[0], params["weight_ih"], params.get("bias_ih"))
    h_gates = functional.linear(inputs.state[0], params["weight_hh"], params.get("bias_hh"))
    state, activations = cell.update(params, x_gates, h_gates, inputs.state)

    assert activations.keys() == {*cell.gates, *cell.states}
    assert [part.shape for part in state] == [part.shape for part in inputs.state]

    before = inputs.state[cell.states.index(cell.memory)]
    roles = cell.roles(activations)
    after = roles.keep * before + roles.write * activations[cell.candidate]
    if isinstance(cell, LSTM) and cell.cell_clip is not None:
        after = after.clamp(-cell.cell_clip, cell.cell_clip)
    torch.testing.assert_close(after, activations[cell.memory], rtol=1e-12, atol=1e-12)
    assert {part.shape for part in roles} == {before.shape}
    if cell.keep_gate:
        assert roles.keep is activations[cell.keep_gate]
    if cell.write_gate:
        assert roles.write is activations[cell.write_gate]


@pytest.mark.parametrize("name", CELLS)
def test_gates_lie_between_shut_and_open(name):
    inputs = make_inputs(CELLS[name], SHAPES["long"])
    trace = inputs.scan(trace=True).trace
    assert trace is not None
    for gate in set(inputs.cell.gates) - {inputs.cell.candidate}:
        assert 0 <= trace[gate].min() < trace[gate].max() <= 1


def test_cells_are_values():
    assert LSTM(peephole=True) == LSTM(peephole=True)
    assert LSTM(peephole=True).options == ("peephole=True",)
    assert len({LSTM(), LSTM(), LSTM(coupled=True), GRU(), RNN()}) == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RNN("sine"), "nonlinearity is 'sine'; expected one of tanh, relu."),
        (lambda: LSTM(gate_activation="step"), "gate_activation is 'step'; expected one of"),
        (lambda: LSTM(coupled=True, forget_gate=False), "coupled=True means i = 1 - f"),
        (lambda: LSTM(coupled=True, input_gate=False), "it needs both gates"),
        (
            lambda: LSTM(input_gate=False, forget_gate=False, output_gate=False, peephole=True),
            "peephole=True has no gate to act on",
        ),
        (lambda: LSTM().parameter_shapes(3, 8, proj_size=2), "proj_size is 2 for a cell with"),
        (lambda: LSTM(projection=True).parameter_shapes(3, 8), "proj_size is 0 for a cell with"),
        (
            lambda: LSTM(projection=True).parameter_shapes(3, 8, proj_size=8),
            "proj_size is 8; expected less than hidden_size = 8.",
        ),
        (lambda: LSTM(cell_clip=0.0), "cell_clip is 0.0; expected a positive number, or None"),
        (lambda: LSTM(cell_clip=math.nan), "cell_clip is nan; expected a positive number"),
        (lambda: GRU().parameter_shapes(3, 8, proj_size=2), "a GRU has no projection"),
        (lambda: RNN().parameter_shapes(3, 8, proj_size=2), "an RNN has no projection"),
    ],
)
def test_contradictions_are_named(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)
