"""Models made of torch.nn's recurrent layers run on ours, and back, with the very same parameters.

A layer changes its class where it stands, as torch's lazy and parametrised modules do. So whoever
holds the layer, its parameters or its hooks (an optimiser, a second place in the model, a list)
goes on holding the right thing.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from gatework.errors import InputError
from gatework.layers.gru import GRU
from gatework.layers.lstm import LSTM
from gatework.layers.recurrent import AbstractRecurrent
from gatework.layers.rnn import RNN

Model = TypeVar("Model", bound=nn.Module)
_CELLS = (nn.LSTMCell, nn.GRUCell, nn.RNNCell)
_TWINS: dict[type[nn.Module], type[nn.Module]] = {
    **{nn.LSTM: LSTM, nn.GRU: GRU, nn.RNN: RNN},
    **{LSTM: nn.LSTM, GRU: nn.GRU, RNN: nn.RNN},
}
_SHOWN_BY_PARTS = ("cell", "regularisers")
_NO_OPTION_OF_MEANING = ("initialisation", "backend", "memory")  # they change no result


class Found(NamedTuple):
    """One recurrent layer of a model.

    Attributes:
        path: where it is, as in the keys of the state dict; "" for the model itself.
        layer: what it is, as its repr says.
        is_ours: whether it is one of Gatework's.
        obstacle: why `accelerate`, or `restore` where it is ours, cannot change it; None if it can.
    """

    path: str
    layer: str
    is_ours: bool
    obstacle: str | None


@dataclass(frozen=True)
class Survey:
    """The recurrent layers of a model, in its own order; `print` shows them as a table."""

    layers: tuple[Found, ...]

    def __str__(self) -> str:
        if not self.layers:
            return "no recurrent layers"
        path = max(len(_shown(each.path)) for each in self.layers)
        layer = max(len(each.layer) for each in self.layers)
        return "\n".join(
            f"{_shown(each.path):<{path}}  {each.layer:<{layer}}  {_verdict(each)}"
            for each in self.layers
        )


def accelerate(model: Model) -> Model:
    """Let every torch.nn.LSTM, GRU and RNN in `model`, or `model` itself, run on Gatework.

    The layers keep their parameters (the same objects: an optimiser that holds them goes on
    working, tied weights stay tied), the keys of the state dict, hooks and mode. They then also
    take `lengths`. What cannot be changed stays as it is, with a warning that says why; `survey`
    tells it beforehand. `restore` goes back.

    Args:
        model: changed in place.

    Returns:
        The same object.

    Raises:
        InputError: it is no torch.nn.Module.

    Example:
        >>> import torch, gatework
        >>> model = torch.nn.ModuleDict({"encoder": torch.nn.LSTM(3, 8)})
        >>> _ = gatework.accelerate(model)
        >>> model["encoder"]
        LSTM(3, 8)
        >>> print(gatework.survey(model))
        encoder  gatework.LSTM(3, 8)  runs on Gatework
    """
    plans: list[tuple[nn.Module, nn.Module]] = []
    left: list[str] = []
    found = list(recurrent_layers(model))
    for path, module in found:
        if isinstance(module, AbstractRecurrent):
            continue
        obstacle = _obstacle(module)
        if obstacle is None:
            plans.append((module, _ours_like(module)))
        else:
            left.append(f"{_shown(path)} ({obstacle})")
    for module, twin in plans:
        _become(module, twin)
    if left:
        warnings.warn(f"gatework.accelerate left alone: {'; '.join(left)}.", stacklevel=2)
    if not found:
        kind = type(model).__name__
        warnings.warn(f"gatework.accelerate found no recurrent layer in {kind}.", stacklevel=2)
    return model


def replica(theirs: nn.Module) -> AbstractRecurrent:
    """Return a layer of ours that has the very parameters of a torch.nn.LSTM, GRU or RNN.

    Unlike `accelerate` it leaves the layer as it is.

    Raises:
        InputError: it is no such layer, or cannot be one of ours; the message says why.

    Example:
        >>> import torch
        >>> theirs = torch.nn.LSTM(3, 8)
        >>> ours, x = replica(theirs), torch.randn(5, 2, 3)
        >>> bool((ours(x)[0] - theirs(x)[0]).abs().max() < 1e-5)
        True
    """
    if not isinstance(theirs, (nn.RNNBase, *_CELLS)):
        raise InputError(f"{describe(theirs)} is no torch.nn.LSTM, GRU or RNN.")
    obstacle = _obstacle(theirs)
    if obstacle is not None:
        raise InputError(f"{describe(theirs)} cannot be one of Gatework's: {obstacle}.")
    ours = _ours_like(theirs)
    assert isinstance(ours, AbstractRecurrent)
    for name in ours._parameters:
        ours._parameters[name] = theirs._parameters[name]
    return ours.train(theirs.training)


def restore(model: Model) -> Model:
    """Give every gatework.LSTM, GRU and RNN in `model`, or `model` itself, back to torch.nn.

    The inverse of `accelerate`, for layers made by it or by hand, as long as they use no option
    that torch lacks. Parameters, state-dict keys, hooks and mode stay.

    Args:
        model: changed in place.

    Returns:
        The same object.

    Raises:
        InputError: a layer has an option that torch lacks; then nothing has been changed.

    Example:
        >>> import gatework
        >>> layer = gatework.restore(gatework.GRU(3, 8))
        >>> type(layer)
        <class 'torch.nn.modules.rnn.GRU'>
    """
    plans: list[tuple[nn.Module, nn.Module]] = []
    for path, module in recurrent_layers(model):
        if isinstance(module, AbstractRecurrent):
            obstacle = _obstacle(module)
            if obstacle is not None:
                raise InputError(
                    f"{_shown(path)}, {describe(module)}, cannot become torch's: {obstacle}. "
                    "Nothing was changed; take that layer out, or keep the model on Gatework."
                )
            plans.append((module, _torchs_like(module)))
    for module, twin in plans:
        _become(module, twin)
        assert isinstance(module, nn.RNNBase)
        module._init_flat_weights()  # torch's list of its weights, in cuDNN's layout on a GPU
    return model


def survey(model: nn.Module) -> Survey:
    """List the recurrent layers of `model`: whose they are, and what `accelerate` can do with them.

    Raises:
        InputError: it is no torch.nn.Module.

    Example:
        >>> import torch, gatework
        >>> model = torch.nn.ModuleList([torch.nn.GRU(3, 8), torch.nn.LSTMCell(8, 8)])
        >>> print(gatework.survey(model))
        0  torch.nn.GRU(3, 8)       can be accelerated
        1  torch.nn.LSTMCell(8, 8)  stays: the code around it takes its steps one by one
    """
    return Survey(
        tuple(
            Found(path, describe(module), isinstance(module, AbstractRecurrent), _obstacle(module))
            for path, module in recurrent_layers(model)
        )
    )


def recurrent_layers(model: object) -> Iterator[tuple[str, nn.Module]]:
    """Every recurrent layer of ours or torch's, once, by the first of its names.

    Raises:
        InputError: `model` is no torch.nn.Module.
    """
    if not isinstance(model, nn.Module):
        raise InputError(
            f"model is a {type(model).__name__}; expected a torch.nn.Module that holds the layers."
        )
    for path, module in model.named_modules():
        if isinstance(module, (AbstractRecurrent, nn.RNNBase, *_CELLS)):
            yield path, module


def _obstacle(module: nn.Module) -> str | None:
    """Why a layer cannot change sides, or None."""
    if isinstance(module, _CELLS):
        return "the code around it takes its steps one by one"
    if is_parametrized(module):
        names = ", ".join(module.parametrizations)  # type: ignore[arg-type]
        return f"its {names} is computed by a parametrization; remove that first"
    if type(module) not in _TWINS:
        bases = (_name_of(base) for base in type(module).__mro__[1:] if base in _TWINS)
        return f"it is a subclass of {next(bases, 'torch.nn.RNNBase')} with code of its own"
    if "forward" in vars(module):
        return "its forward has been replaced on the object"
    if isinstance(module, AbstractRecurrent):
        lacking = _options_torch_lacks(module)
        if lacking:
            return f"torch.nn.{type(module).__name__} has no {', '.join(lacking)}"
    twin = _twin(module)
    missing = [name for name in twin._parameters if module._parameters.get(name) is None]
    if missing:
        return f"its {', '.join(missing)} is no parameter: weight_norm or prune computes it"
    return None


def _options_torch_lacks(layer: AbstractRecurrent) -> list[str]:
    """The options of `layer`, as "name=value", that its twin made from torch's would not have."""
    plain = _ours_like(_torchs_like(layer))
    assert isinstance(plain, AbstractRecurrent)
    lacking = [option for option in layer.cell.options if option not in plain.cell.options]
    lacking += layer.regularisers.options
    for name in _own_names(plain):
        if not name.startswith("_") and name not in (*_SHOWN_BY_PARTS, *_NO_OPTION_OF_MEANING):
            mine = getattr(layer, name)
            if mine != getattr(plain, name):
                lacking.append(f"{name}={mine}")
    return lacking


def _twin(module: nn.Module) -> nn.Module:
    return _torchs_like(module) if isinstance(module, AbstractRecurrent) else _ours_like(module)


def _ours_like(theirs: Any) -> nn.Module:
    """Our layer with the arguments of torch's; its parameters hold no memory."""
    more: dict[str, Any] = {}
    if isinstance(theirs, nn.LSTM):
        more["proj_size"] = theirs.proj_size
    elif isinstance(theirs, nn.RNN):
        more["nonlinearity"] = theirs.nonlinearity
    return _built(_TWINS[type(theirs)], theirs, more)


def _torchs_like(ours: Any) -> nn.Module:
    """Torch's layer with those arguments of ours that it knows."""
    more: dict[str, Any] = {}
    if isinstance(ours, LSTM):
        more["proj_size"] = ours.proj_size
    elif isinstance(ours, RNN):
        more["nonlinearity"] = getattr(ours.cell, "nonlinearity")  # noqa: B009 (typed as any cell)
    return _built(_TWINS[type(ours)], ours, more)


def _built(kind: type[nn.Module], like: Any, more: dict[str, Any]) -> nn.Module:
    layer = kind(
        like.input_size,
        like.hidden_size,
        num_layers=like.num_layers,
        bias=like.bias,
        batch_first=like.batch_first,
        bidirectional=like.bidirectional,
        device="meta",
        **more,
    )
    layer.dropout = like.dropout  # set here: who gave one to a single layer was warned at the time
    return layer


def _become(module: nn.Module, twin: nn.Module) -> None:
    """Turn `module` into what `twin` is, but with its own parameters, hooks, mode and extras."""
    gone = _own_names(module)
    kept = {name: value for name, value in vars(module).items() if name not in gone}
    module.__class__ = type(twin)
    vars(module).clear()
    vars(module).update({name: vars(twin)[name] for name in _own_names(twin)} | kept)


def _own_names(module: nn.Module) -> list[str]:
    """The attributes that the class of `module` sets, beyond those of every module."""
    blank, bare = type(module)(1, 1, device="meta"), vars(nn.Module())
    return [name for name in vars(blank) if name not in bare]


def describe(module: nn.Module) -> str:
    """A layer as its repr says, with whose it is.

    Example:
        >>> describe(nn.GRU(3, 8))
        'torch.nn.GRU(3, 8)'
    """
    inner = module.extra_repr()
    kind = type(module)
    return f"{_name_of(kind) if kind in (*_TWINS, *_CELLS) else kind.__name__}({inner})"


def _name_of(kind: type[nn.Module]) -> str:
    return f"{'gatework' if issubclass(kind, AbstractRecurrent) else 'torch.nn'}.{kind.__name__}"


def _shown(path: str) -> str:
    return path or "the model itself"


def _verdict(found: Found) -> str:
    if found.is_ours:
        return "runs on Gatework"
    return "can be accelerated" if found.obstacle is None else f"stays: {found.obstacle}"
