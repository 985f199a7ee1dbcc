"""When a loss or a gradient is not finite: where it began. Runs only after something broke."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn


def find_breakdown(model: nn.Module, loss: Callable[[nn.Module, Any], Tensor], batch: Any) -> str:
    """Run one forward and backward pass again, watching, and say what was not finite first.

    Args:
        model: The model as it was before the broken step.
        loss: The loss of the model on a batch.
        batch: The batch of the broken step.

    Returns:
        One or more sentences. The gradients of the model are left as the pass leaves them.
    """
    weights = [name for name, value in model.named_parameters() if not _is_finite(value)]
    if weights:
        return f"The weights were not finite before this step: {_listed(weights)}."
    outputs: list[str] = []
    gradients: list[str] = []
    model.zero_grad()
    with _watching(model, outputs, gradients):
        value = loss(model, batch)
        value.backward()
    found = []
    if not _is_finite(batch):
        found.append("The batch itself holds values that are not finite.")
    if outputs:
        found.append(f"First output that is not finite: that of module {outputs[0]!r}.")
    if gradients:
        found.append(
            f"Gradients that are not finite, in the order they arose: {_listed(gradients)}."
        )
    return " ".join(found) or "Running the same batch again gave finite values."


@contextlib.contextmanager
def _watching(model: nn.Module, outputs: list[str], gradients: list[str]) -> Iterator[None]:
    def watch_output(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if not _is_finite(output):
                outputs.append(name or type(module).__name__)

        return hook

    def watch_gradient(name: str) -> Callable[[Tensor], None]:
        def hook(parameter: Tensor) -> None:
            if not _is_finite(parameter.grad):
                gradients.append(name)

        return hook

    handles = [m.register_forward_hook(watch_output(name)) for name, m in model.named_modules()]
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            handles.append(parameter.register_post_accumulate_grad_hook(watch_gradient(name)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _is_finite(value: Any) -> bool:
    if isinstance(value, Tensor):
        return bool(torch.isfinite(value).all())
    if isinstance(value, tuple | list):
        return all(_is_finite(part) for part in value)
    return True


def _listed(names: list[str], shown: int = 4) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(repr(name) for name in names[:shown]) + more
