"""Tensors to safetensors files and back, with tied parameters written once. Never a pickle."""

from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor, nn

from gatework.errors import InputError
from gatework.files import atomic_write


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return the parameters and buffers of a model's state dict, tied ones under their first name.

    The tensors are the model's own (detached): clone what must not change with it.

    Raises:
        InputError: The state dict holds something that is not a tensor.
    """
    state = model.state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise InputError(
                f"The model's state dict holds a {type(value).__name__} under {name!r}; only "
                "tensors can be saved. Make it a constructor argument or a buffer."
            )
    return {name: state[name] for name, first in _first_names(state).items() if name == first}


def load_tensors(model: nn.Module, tensors: dict[str, Tensor], origin: str) -> None:
    """Copy what `model_tensors` returned into a model of the same shape; `origin` is for messages.

    Raises:
        InputError: Names, shapes or dtypes are not those of the model.
    """
    own = model_tensors(model)
    if missing := own.keys() - tensors.keys():
        raise InputError(f"{origin} lacks {sorted(missing)[0]!r}: it is of another model.")
    if extra := tensors.keys() - own.keys():
        raise InputError(f"{origin} has {sorted(extra)[0]!r}, which this model has not.")
    for name, value in own.items():
        came = tensors[name]
        if came.shape != value.shape or came.dtype != value.dtype:
            raise InputError(
                f"{origin}: {name!r} is {came.dtype} {tuple(came.shape)}; "
                f"this model has {value.dtype} {tuple(value.shape)}."
            )
    first_names = _first_names(model.state_dict())
    model.load_state_dict({name: tensors[first] for name, first in first_names.items()})


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a model's weights to one safetensors file, atomically.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
        >>> save_weights(nn.Linear(2, 3), path)
        >>> load_weights(nn.Linear(2, 3), path)
    """
    with atomic_write(path) as beside:
        beside.write_bytes(encode_tensors(model_tensors(model)))


def load_weights(model: nn.Module, path: Path) -> None:
    """Read weights that `save_weights` wrote into a model of the same shape.

    Raises:
        InputError: The file is missing or damaged, or is of another model.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} is not there; expected the weights of a model.") from None
    load_tensors(model, decode_tensors(data, path), str(path))


def encode_tensors(tensors: dict[str, Tensor]) -> bytes:
    """Return the safetensors file of these tensors; the same tensors give the same bytes."""
    plain: dict[str, Tensor] = {}
    storages: set[int] = set()
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous()
        # safetensors refuses tensors that share memory, such as cuDNN's flattened weights.
        if value.untyped_storage().data_ptr() in storages:
            value = value.clone()
        storages.add(value.untyped_storage().data_ptr())
        plain[name] = value
    return safetensors.torch.save(plain)


def decode_tensors(data: bytes, path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, in memory of their own.

    Raises:
        InputError: It is not a whole safetensors file; `path` is for the message.
    """
    try:
        loaded = safetensors.torch.load(data)
    except SafetensorError as error:
        raise InputError(f"{path} is damaged or no safetensors file: {error}.") from error
    # Copies are aligned as torch's own tensors are, so arithmetic on them rounds as it did before.
    return {name: tensor.clone() for name, tensor in loaded.items()}


def _first_names(state: dict[str, Tensor]) -> dict[str, str]:
    """Map each name to the first name of the same tensor."""
    first: dict[tuple[object, ...], str] = {}
    names = {}
    for name, tensor in state.items():
        # Empty tensors have no address: each stands for itself.
        address = tensor.untyped_storage().data_ptr() if tensor.numel() else name
        key = (address, tensor.storage_offset(), tensor.shape, tensor.stride(), tensor.dtype)
        names[name] = first.setdefault(key, name)
    return names
