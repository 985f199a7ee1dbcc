"""Language models on torch.nn as people write them: the rivals of benchmarks/generate.py."""

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from gatework.models.language import LanguageRegularisation, LanguageShape

State = tuple[Tensor, Tensor]


class TorchNetwork(nn.Module):
    """Embedding, nn.LSTM, linear; with locked dropout and weight drop as AWD-LSTM has them."""

    def __init__(self, shape: LanguageShape, regularisation: LanguageRegularisation) -> None:
        super().__init__()
        self.rates = regularisation
        self.embedding = nn.Embedding(shape.vocabulary, shape.embedding_size)
        self.lstm = nn.LSTM(shape.embedding_size, shape.hidden_size, shape.num_layers)
        self.output = nn.Linear(shape.hidden_size, shape.vocabulary)

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return logits and the state."""
        inputs = self._locked(self.embedding(ids))
        if self.training and self.rates.weight_drop:
            dropped = {
                name: functional.dropout(value, self.rates.weight_drop)
                for name, value in self.lstm.named_parameters()
                if name.startswith("weight_hh")
            }
            states, after = functional_call(self.lstm, dropped, (inputs, state))
        else:
            states, after = self.lstm(inputs, state)
        return self.output(self._locked(states)), after

    def _locked(self, x: Tensor) -> Tensor:
        if not self.training or not self.rates.dropout:
            return x
        return x * functional.dropout(x.new_ones(1, *x.shape[1:]), self.rates.dropout)


class LayerNormLSTM(nn.Module):
    """One layer as a loop over steps, the way torch's own examples of custom LSTMs write it."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.norm_ih_l0 = nn.LayerNorm(4 * hidden_size)
        self.norm_hh_l0 = nn.LayerNorm(4 * hidden_size)
        self.norm_c_l0 = nn.LayerNorm(hidden_size)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return (T, B, H) and the state, (1, B, H) each."""
        h, c = state[0][0], state[1][0]
        outputs = []
        for step in x.unbind(0):
            gates = self.norm_ih_l0(step @ self.weight_ih_l0.T)
            gates = gates + self.norm_hh_l0(h @ self.weight_hh_l0.T)
            i, f, g, o = gates.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * self.norm_c_l0(c).tanh()
            outputs.append(h)
        return torch.stack(outputs), (h[None], c[None])


class TorchLayerNormNetwork(nn.Module):
    """Embedding, the loop above, linear."""

    def __init__(self, shape: LanguageShape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, shape.embedding_size)
        self.lstm = LayerNormLSTM(shape.embedding_size, shape.hidden_size)
        self.output = nn.Linear(shape.hidden_size, shape.vocabulary)

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return logits and the state."""
        states, after = self.lstm(self.embedding(ids), state)
        return self.output(states), after


def rival_of(shape: LanguageShape, regularisation: LanguageRegularisation) -> nn.Module:
    """Return the same model on torch.nn."""
    if shape.layer_norm:
        return TorchLayerNormNetwork(shape)
    return TorchNetwork(shape, regularisation)


def our_name(name: str) -> str:
    """Return what we call a parameter of a rival: a norm's are lstm.norm_c_weight_l0."""
    for kind in ("weight", "bias"):
        name = name.replace(f"_l0.{kind}", f"_{kind}_l0")
    return name
