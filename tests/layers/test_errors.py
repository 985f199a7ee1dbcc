"""What a wrong call says: what was expected, what came, what to do."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_sequence

import gatework
from gatework.cells import GRU, LSTM
from gatework.errors import InputError
from gatework.ops import scan

X = torch.zeros(5, 2, 3)


def lstm(*arguments: object, **options: object) -> Callable[[], object]:
    return lambda: gatework.LSTM(3, 8, num_layers=2)(*arguments, **options)


def state(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.zeros(shape, dtype=dtype)


PACKED = pack_sequence([torch.zeros(3, 3)])
CALLS: list[tuple[Callable[[], object], str]] = [
    (
        lstm(X, (state(1, 2, 8), state(2, 2, 8))),
        "h_0 has shape (1, 2, 8); expected (num_layers * num_directions, B, hidden_size) = "
        "(2, 2, 8).",
    ),
    (
        lstm(X, (state(2, 2, 8), state(2, 3, 8))),
        "c_0 has shape (2, 3, 8); expected (num_layers * num_directions, B, hidden_size) = "
        "(2, 2, 8).",
    ),
    (
        lambda: gatework.LSTM(3, 8, proj_size=4)(X, (state(1, 2, 8), state(1, 2, 8))),
        "h_0 has shape (1, 2, 8); expected (num_layers * num_directions, B, proj_size) = "
        "(1, 2, 4).",
    ),
    (lstm(X, (state(2, 2, 8),)), "hx holds 1 tensors; expected 2: h_0, c_0."),
    (
        lstm(X, (state(2, 2, 8), state(2, 2, 8, dtype=torch.float64))),
        "state c has dtype torch.float64, but the weights have torch.float32; convert it with "
        ".to(torch.float32) or the weights with .to(torch.float64).",
    ),
    (lstm(X[..., :2]), "input has 2 features; expected input_size = 3."),
    (lstm(X[None]), "input has shape (1, 5, 2, 3); expected (T, B, I), or (T, I) for one"),
    (lstm(X[:0]), "x has no time steps (T = 0); expected at least one."),
    (lstm(X.double()), "x has dtype torch.float64, but the weights have torch.float32; convert it"),
    (lstm(X.to("meta")), "x is on meta, but the weights are on cpu; move one of them with .to"),
    (lstm(X, lengths=[5]), "lengths has shape (1,); expected (B,) = (2,)."),
    (lstm(X, lengths=[5, 6]), "lengths[1] is 6; expected 0 to T = 5, the number of steps"),
    (lstm(X, lengths=[-1, 5]), "lengths[0] is -1; expected 0 to T = 5"),
    (lstm(X, lengths=[1.0, 5.0]), "lengths have dtype torch.float32; expected whole numbers"),
    (lstm(X[:, 0], lengths=[5]), "lengths were given for one unbatched sequence; cut it instead."),
    (lstm(PACKED, lengths=[3]), "lengths were given beside a PackedSequence, which has its own."),
    (
        lambda: gatework.LSTM(3, 8, backend="fast")(X),
        "backend is 'fast'; expected one of native, aten, reference.",
    ),
    (lambda: gatework.LSTM(0, 8), "input_size is 0; expected a whole number of at least 1."),
    (lambda: gatework.GRU(3, 8, num_layers=0), "num_layers is 0; expected a whole number"),
    (
        lambda: gatework.GRU(3, 8, num_layers=2, dropout=1.5),
        "dropout is 1.5; expected a probability, 0 to 1.",
    ),
    (lambda: gatework.LSTM(3, 8, proj_size=-1), "proj_size is -1; expected 0 (none) or more."),
    (
        lambda: gatework.LSTM(3, 8, proj_size=8),
        "proj_size is 8; expected less than hidden_size = 8.",
    ),
    (
        lambda: gatework.LSTM(3, 8, init="xavier"),
        "init is 'xavier'; expected one of torch, orthogonal, chrono.",
    ),
    (lambda: gatework.LSTM(3, 8, init="chrono"), "init='chrono' needs longest_lag, in steps"),
    (lambda: gatework.LSTM(3, 8, longest_lag=9), "longest_lag is read by init='chrono' alone"),
    (
        lambda: gatework.LSTM(3, 8, init="chrono", longest_lag=9, forget_bias=1.0),
        "init='chrono' draws the forget bias itself",
    ),
    (
        lambda: gatework.LSTM(3, 8, forget_gate=False, forget_bias=1.0),
        "forget_bias sets the bias of the gate that keeps, but the cell has no gate that keeps",
    ),
    (
        lambda: gatework.GRU(3, 8, bias=False, init="chrono", longest_lag=9),
        "init='chrono' sets the bias of the gate that keeps, but the cell has no bias",
    ),
    (
        lambda: scan(LSTM(), {"weight_ih": state(32, 3)}, X),
        "params lack weight_hh; they hold weight_ih.",
    ),
    (
        lambda: scan(
            LSTM(peephole=True), {"weight_ih": state(32, 3), "weight_hh": state(32, 8)}, X
        ),
        "hold weight_ih, weight_hh; expected weight_ih, weight_hh, weight_ci, weight_cf, weight_co",
    ),
    (
        lambda: scan(GRU(), {"weight_ih": state(24, 3), "weight_hh": state(24, 7)}, X),
        "weight_hh has shape (24, 7); expected this cell's = (24, 8).",
    ),
    (
        lambda: scan(
            GRU(), {"weight_ih": state(24, 3), "weight_hh": state(24, 8)}, X, (state(3, 8),)
        ),
        "state h has shape (3, 8); expected (B, size) = (2, 8).",
    ),
    (
        lambda: scan(GRU(), {"weight_ih": state(24, 3), "weight_hh": state(24, 8)}, X, ()),
        "state holds 0 tensors; expected 1: h.",
    ),
]


@pytest.mark.parametrize(("call", "message"), CALLS, ids=[message[:40] for _, message in CALLS])
def test_message(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)


def test_an_unknown_backend_in_the_environment_is_named(monkeypatch):
    monkeypatch.setenv("GATEWORK_BACKEND", "cudnn")
    with pytest.raises(InputError, match="GATEWORK_BACKEND is 'cudnn'; expected one of native"):
        gatework.LSTM(3, 8)(X)
