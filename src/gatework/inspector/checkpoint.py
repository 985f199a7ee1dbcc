"""The recurrent layers inside somebody's checkpoint, found by the names of their weights."""

import re
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gatework.errors import InputError

_KINDS: Final = {4: "LSTM", 3: "GRU", 1: "RNN"}
_FIRST: Final = re.compile(r"^(?:(?P<path>.*)\.)?weight_ih_l0$")
_PART: Final = re.compile(r"^(weight|bias)_(ih|hh|hr)_l(\d+)(_reverse)?$")


def layers_of(
    checkpoint: str | Path | Mapping[str, Any], *, nonlinearity: Literal["tanh", "relu"] = "tanh"
) -> dict[str, nn.RNNBase]:
    """Build every torch.nn.LSTM, GRU and RNN of a state dict, with its weights, from names alone.

    The code of the model is not needed, and nothing in the file is executed.

    Args:
        checkpoint: a state dict; or a .safetensors file, or one of torch.save that holds a state
            dict, alone or under "state_dict", "model_state_dict" or "model".
        nonlinearity: that of plain RNNs, which the weights do not tell.

    Returns:
        The layers by their paths, in evaluation mode, batch second.

    Raises:
        InputError: the file is missing or damaged, holds more than tensors, or has no such layer.

    Example:
        >>> import gatework
        >>> model = nn.ModuleDict({"rnn": nn.GRU(3, 8), "out": nn.Linear(8, 1)})
        >>> layer = layers_of(model.state_dict())["rnn"]
        >>> layer
        GRU(3, 8)
        >>> gatework.trace(layer, torch.randn(5, 1, 3))
        Trace(model: 1 sequences, 5 steps)
    """
    source = "the state dict" if isinstance(checkpoint, Mapping) else str(checkpoint)
    state = _state_of(checkpoint)
    found = {
        match["path"] or "": None for name in state if (match := _FIRST.match(name)) is not None
    }
    if not found:
        raise InputError(
            f"{source} holds no recurrent layer: expected names that end in weight_ih_l0, as those "
            "of torch.nn.LSTM, GRU and RNN do."
        )
    return {path: _layer(path, state, source, nonlinearity) for path in found}


def _state_of(checkpoint: str | Path | Mapping[str, Any]) -> dict[str, Tensor]:
    values: Any = checkpoint
    if not isinstance(values, Mapping):
        values = _read(Path(values))
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(values, Mapping) and isinstance(values.get(key), Mapping):
            values = values[key]
    if not isinstance(values, Mapping):
        raise InputError(f"{checkpoint} holds a {type(values).__name__}; expected a state dict.")
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def _read(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"{path} is not there; expected a checkpoint.")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise InputError(f"{path} is damaged or no safetensors file: {error}.") from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise InputError(
            f"{path} holds more than tensors, and code from a file is not run here. Where you "
            "trust it, load it yourself and pass model.state_dict()."
        ) from error
    except Exception as error:  # torch's reader lets anything out on bytes that are no checkpoint
        raise InputError(f"{path} is damaged or no checkpoint of torch: {error}.") from error


def _layer(path: str, state: Mapping[str, Tensor], source: str, nonlinearity: str) -> nn.RNNBase:
    prefix = f"{path}." if path else ""
    own = {
        name[len(prefix) :]: value
        for name, value in state.items()
        if name.startswith(prefix) and _PART.match(name[len(prefix) :])
    }
    where = f"{source}, {path or 'the model itself'}"
    if "weight_hh_l0" not in own:
        raise InputError(f"{where}: weight_hh_l0 is missing beside weight_ih_l0.")
    rows, recurrent = own["weight_hh_l0"].shape
    projected = "weight_hr_l0" in own
    hidden = own["weight_hr_l0"].shape[1] if projected else recurrent
    kind = _KINDS.get(rows // hidden) if rows % hidden == 0 else None
    if kind is None:
        raise InputError(
            f"{where}: weight_hh_l0 has {rows} rows for {hidden} units; expected 4 times as many "
            "(LSTM), 3 times (GRU) or as many (RNN)."
        )
    numbers = [int(match[3]) for name in own if (match := _PART.match(name)) is not None]
    more: dict[str, Any] = {"nonlinearity": nonlinearity} if kind == "RNN" else {}
    if projected:
        more["proj_size"] = recurrent
    layer: nn.RNNBase = getattr(nn, kind)(
        own["weight_ih_l0"].shape[1],
        hidden,
        max(numbers) + 1,
        bias="bias_ih_l0" in own,
        bidirectional="weight_ih_l0_reverse" in own,
        **more,
    )
    try:
        layer.load_state_dict(own)
    except RuntimeError as error:
        raise InputError(f"{where}: its weights do not fit together: {error}") from error
    return layer.eval()
