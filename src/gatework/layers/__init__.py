"""Modules that own the parameters of cells: torch.nn's recurrent layers, with more to them.

This room must not know any model, data or task, nor how a scan is computed.
"""

from gatework.layers.accelerating import (
    accelerate,
    describe,
    recurrent_layers,
    replica,
    restore,
    survey,
)
from gatework.layers.crf import CRF
from gatework.layers.decay import GRUD, InputDecay
from gatework.layers.explaining import explain
from gatework.layers.gru import GRU
from gatework.layers.lstm import LSTM
from gatework.layers.recurrent import AbstractRecurrent, PassRecord
from gatework.layers.regularisers import Regularisers
from gatework.layers.rnn import RNN
from gatework.layers.streaming import BatchStream, Stream, step

__all__ = [
    "CRF",
    "GRU",
    "GRUD",
    "LSTM",
    "RNN",
    "AbstractRecurrent",
    "BatchStream",
    "InputDecay",
    "PassRecord",
    "Regularisers",
    "Stream",
    "accelerate",
    "describe",
    "explain",
    "recurrent_layers",
    "replica",
    "restore",
    "step",
    "survey",
]
