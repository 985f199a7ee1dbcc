"""The state of torch's global generators, as tensors that a checkpoint can hold."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor


def get_randomness(device: torch.device) -> dict[str, Tensor]:
    """Return the state of the CPU's generator and of the device's own."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_randomness(device: torch.device, states: dict[str, Tensor]) -> None:
    """Put back what `get_randomness` returned for the same kind of device."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(states["mps"])


@contextlib.contextmanager
def own_randomness(device: torch.device) -> Iterator[None]:
    """Let the body draw random numbers without changing those drawn after it."""
    states = get_randomness(device)
    try:
        yield
    finally:
        set_randomness(device, states)
