"""Letting a call of a model's recurrent layer be answered by a function, in plain tensors."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from torch import Tensor, nn

from gatework.cells import State
from gatework.layers import AbstractRecurrent, replica


class Entry(NamedTuple):
    """What a layer was given: x (T, B, I), states (L * D, B, size), lengths (B,) or None."""

    x: Tensor
    state: State
    lengths: Tensor | None


class Exit(NamedTuple):
    """What a layer gave: output (T, B, D * P) and final states (L * D, B, size)."""

    output: Tensor
    state: State


@contextlib.contextmanager
def rewired(
    model: nn.Module, path: str, call: int, rewire: Callable[[AbstractRecurrent, Entry], Exit]
) -> Iterator[None]:
    """Let the `call`-th answer of the layer at `path` be that of `rewire`; in evaluation mode."""
    module = model.get_submodule(path)
    ours = copy.copy(module) if isinstance(module, AbstractRecurrent) else replica(module)

    def stack(x: Tensor, state: State | None, lengths: Tensor | None) -> tuple[Tensor, State]:
        made = rewire(ours, Entry(x, _state_of(ours, x, state), lengths))
        return made.output, made.state

    # The copy reads every layout that the layer does, and hands on the plain tensors.
    vars(ours)["_stack"] = stack
    calls = 0

    def answer(_: nn.Module, arguments: tuple[Any, ...], given: dict[str, Any], own: Any) -> Any:
        nonlocal calls
        calls += 1
        return ours.forward(*arguments, **given) if calls == call + 1 else own

    modes = {each: each.training for each in model.modules()}
    model.eval()
    ours.eval()
    hook = module.register_forward_hook(answer, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()
        for each, mode in modes.items():
            each.training = mode


def _state_of(layer: AbstractRecurrent, x: Tensor, state: State | None) -> State:
    if state is not None:
        return state
    sizes = layer.cell.state_sizes(layer.params(layer.passes[0]))
    return tuple(x.new_zeros(len(layer.passes), x.shape[1], size) for size in sizes)
