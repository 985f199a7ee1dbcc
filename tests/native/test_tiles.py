"""Wide layers and full batches: the kernels for matrix tiles where the machine has them."""

import pytest
import torch

from cases import Shape, make_inputs
from gatework import InputError, cells
from gatework.ops import core, native
from gatework.ops.core import INVARIANT_VARIABLE
from native_calls import agree, call_of, on_threads

pytestmark = pytest.mark.skipif(core.UNAVAILABLE is not None, reason=str(core.UNAVAILABLE))

WIDE = {
    "lstm": (cells.LSTM(), 160),
    "peephole": (cells.LSTM(peephole=True, cell_clip=0.5), 163),
    "coupled": (cells.LSTM(coupled=True), 181),
    "no_gates": (cells.LSTM(input_gate=False, forget_gate=False, output_gate=False), 320),
    "gru": (cells.GRU(), 195),
    "rnn": (cells.RNN("relu"), 320),
}
LENGTHS = (9, 0, 1, 9, 3, 3, 8, 2, 9, 5, 1, 7, 9, 9, 4, 6, 9, 2, 9)
RAGGED = Shape(9, len(LENGTHS), 160, LENGTHS)


def wide(name: str, shape: Shape):
    cell, hidden = WIDE[name]
    return make_inputs(cell, shape._replace(hidden_size=hidden))


@pytest.mark.parametrize("invariant", ["0", "1"])
@pytest.mark.parametrize("cell", WIDE)
@pytest.mark.parametrize("shape", [RAGGED, Shape(3, 16, 160), Shape(2, 70, 160, bias=False)])
def test_wide_cell_is_the_reference(cell, shape, invariant, monkeypatch):
    monkeypatch.setenv(INVARIANT_VARIABLE, invariant)
    agree(wide(cell, shape))
    agree(wide(cell, shape), reverse=True, noise="both")


@pytest.mark.parametrize("cell", WIDE)
def test_rows_of_a_full_batch_do_not_see_each_other(cell):
    inputs = wide(cell, RAGGED).to(torch.float32)
    order = torch.randperm(len(LENGTHS), generator=torch.Generator().manual_seed(1))
    others = torch.arange(len(LENGTHS)) != 3
    poisoned = inputs.x.detach().clone()
    poisoned[0, 3] = torch.inf
    poisoned[1, 3] = torch.nan
    with torch.no_grad():
        truth = native.run(call_of(inputs)).output
        moved = inputs._replace(
            x=inputs.x[:, order],
            state=tuple(part[order] for part in inputs.state),
            lengths=torch.tensor(LENGTHS)[order],
        )
        assert native.run(call_of(moved)).output.equal(truth[:, order])
        found = native.run(call_of(inputs._replace(x=poisoned))).output
    assert found[:, others].equal(truth[:, others])
    assert found[1:, 3].isnan().all()


@pytest.mark.parametrize("cell", WIDE)
def test_threads_change_nothing(cell):
    first, *others = on_threads(wide(cell, RAGGED).to(torch.float32), (1, 2, 5))
    for other in others:
        assert all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_batch_invariant_means_bits(monkeypatch):
    monkeypatch.setenv(INVARIANT_VARIABLE, "1")
    inputs = wide("lstm", RAGGED._replace(lengths=None)).to(torch.float32)
    alone = inputs._replace(x=inputs.x[:, 4:5], state=tuple(part[4:5] for part in inputs.state))
    with torch.no_grad():
        full, one = (native.run(call_of(each)).output for each in (inputs, alone))
    assert full[:, 4:5].equal(one)


def test_a_wrong_switch_is_an_error(monkeypatch):
    monkeypatch.setenv(INVARIANT_VARIABLE, "yes")
    with pytest.raises(InputError, match="GATEWORK_BATCH_INVARIANT is 'yes'; expected 1 or 0"):
        core.is_batch_invariant()
