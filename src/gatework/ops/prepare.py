"""From the arguments of a scan to one checked call and the backend that runs it."""

import torch
from torch import Tensor
from torch.nn import functional

from gatework.cells import AbstractCell, Params, State
from gatework.errors import InputError
from gatework.ops import checks, core
from gatework.ops.backend import Backend
from gatework.ops.call import Memory, ScanCall
from gatework.ops.noise import Regularisation
from gatework.ops.registry import BACKENDS

BACKEND_VARIABLE = "GATEWORK_BACKEND"


def checked_call(  # noqa: PLR0913 (those of scan)
    cell: AbstractCell,
    params: Params,
    x: Tensor,
    state: State | None,
    lengths: Tensor | None,
    *,
    reverse: bool,
    trace: bool,
    regularisation: Regularisation | None,
    memory: Memory,
    params_checked: bool = False,
) -> ScanCall:
    """Check the arguments; drop steps that no sequence reaches, and what changes nothing."""
    if not params_checked:
        checks.check_params(cell, params)
    checks.check_input(x, params)
    if state is not None:
        checks.check_state(cell, params, state, x.shape[1])
    checks.check_memory(memory)
    if regularisation is not None:
        checks.check_regularisation(cell, regularisation)
        regularisation = regularisation if regularisation.acts else None
    if lengths is not None:
        x, lengths = _trimmed(x, lengths)
    return ScanCall(cell, params, x, state, lengths, reverse, trace, regularisation, memory)


def _trimmed(x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | None]:
    """Drop the steps that no sequence reaches, and lengths that are all the same."""
    steps, batch = x.shape[:2]
    if batch == 0:
        return x, None
    lengths = checks.check_lengths(lengths, batch)
    if torch.compiler.is_compiling():  # their values are not there to look at
        return x, lengths
    shortest, longest = checks.span_of(lengths, steps)
    longest = max(longest, 1)  # so that T >= 1 holds for every backend
    if longest < steps:
        x = x[:longest]
    return x, lengths if shortest < longest else None


def asked_backend(backend: str | None) -> str | None:
    """The backend that the caller or the environment names, if any."""
    name = backend or core.variable(BACKEND_VARIABLE) or None
    if name is None:
        return None
    known = [each.name for each in BACKENDS]
    if name not in known:
        source = "backend" if backend else BACKEND_VARIABLE
        raise InputError(f"{source} is {name!r}; expected one of {', '.join(known)}.")
    return name


def choose(call: ScanCall, asked: str | None) -> Backend:
    """The first backend, or the one asked for, that does not refuse."""
    for backend in BACKENDS:
        if asked not in (None, backend.name):
            continue
        refusal = backend.refuses(call)
        if refusal is None:
            return backend
        if asked is not None:
            raise InputError(
                f"backend {asked!r}, which was asked for, refuses this call: {refusal}. "
                f"Ask for another one, or for none ({BACKEND_VARIABLE} unset, backend=None)."
            )
    raise AssertionError("the reference backend refuses nothing")


def padded(values: Tensor, missing: int) -> Tensor:
    """Append `missing` steps of zeros in time."""
    return functional.pad(values, (0, 0, 0, 0, 0, missing))


def padded_trace(trace: dict[str, Tensor], missing: int) -> dict[str, Tensor]:
    """Likewise."""
    return {name: padded(values, missing) for name, values in trace.items()}
