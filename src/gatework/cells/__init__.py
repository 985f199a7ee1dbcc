"""The mathematics of each recurrent cell: its facts and one step, written once, in plain torch.

A cell must not know how a sequence is run, batched or accelerated, nor who owns its parameters.
"""

from gatework.cells.base import AbstractCell, Activations, Params, Roles, State
from gatework.cells.gru import GRU
from gatework.cells.lstm import LSTM
from gatework.cells.rnn import RNN

ALL_CELLS: tuple[type[AbstractCell], ...] = (RNN, GRU, LSTM)

__all__ = [
    "ALL_CELLS",
    "GRU",
    "LSTM",
    "RNN",
    "AbstractCell",
    "Activations",
    "Params",
    "Roles",
    "State",
]
