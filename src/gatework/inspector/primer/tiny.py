"""The primer's tiny models in Python: read from the data that the page carries, and asked."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, final

import torch
from torch import Tensor, nn

from gatework.inspector.primer.task import ANSWERS, FEATURES
from gatework.layers import GRU, LSTM, RNN, AbstractRecurrent

HIDDEN_SIZE = 4
KINDS = ("lstm", "gru", "rnn")


@final
class TinyModel(nn.Module):
    """A recurrent layer of four units and a linear layer from h to the four answers.

    Args:
        kind: "lstm", "gru" or "rnn".

    Example:
        >>> TinyModel("gru")(torch.zeros(7, 2, 5)).shape
        torch.Size([7, 2, 4])
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.recurrent: AbstractRecurrent = _layer(kind)
        self.head = nn.Linear(HIDDEN_SIZE, len(ANSWERS))

    def forward(self, inputs: Tensor) -> Tensor:
        """The logits of the answers at every step, (T, B, 4), for inputs (T, B, 5)."""
        hidden, _ = self.recurrent(inputs)
        return self.head(hidden)


def load_models(*, dtype: torch.dtype = torch.float64) -> dict[str, TinyModel]:
    """The three models that ship with the package.

    Example:
        >>> sorted(load_models())
        ['gru', 'lstm', 'rnn']
    """
    return {kind: _model(kind, each).to(dtype) for kind, each in page_data()["models"].items()}


def page_data() -> dict[str, Any]:
    """What `python -m gatework.inspector.primer.train` wrote, as it stands in the page."""
    return json.loads(
        (files("gatework.inspector.primer") / "models.json").read_text(encoding="utf-8")
    )


def to_json(kind: str, model: TinyModel) -> dict[str, Any]:
    """A model as the page carries it; `load_models` reads the same."""
    names = dict(model.recurrent.named_parameters())
    return {
        "cell": {"name": kind, "hidden_size": HIDDEN_SIZE},
        "params": {name.removesuffix("_l0"): _flat(value) for name, value in names.items()},
        "head": {name: _flat(value) for name, value in model.head.named_parameters()},
    }


def _model(kind: str, stored: Mapping[str, Any]) -> TinyModel:
    model = TinyModel(kind).double()
    weights = {f"recurrent.{name}_l0": value for name, value in stored["params"].items()}
    weights |= {f"head.{name}": value for name, value in stored["head"].items()}
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    model.load_state_dict(
        {
            name: torch.tensor(value, dtype=torch.float64).reshape(shapes[name])
            for name, value in weights.items()
        }
    )
    return model.eval()


def _layer(kind: str) -> AbstractRecurrent:
    if kind == "lstm":
        return LSTM(len(FEATURES), HIDDEN_SIZE, forget_bias=1.0)
    return (GRU if kind == "gru" else RNN)(len(FEATURES), HIDDEN_SIZE)


def _flat(value: Tensor) -> list[float]:
    """Row after row; `train` has rounded what it keeps."""
    return [round(number, 4) for number in value.detach().double().flatten().tolist()]
