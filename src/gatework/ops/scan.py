"""`scan`: check a call, make it plain, choose the backend, run it."""

import dataclasses
import os
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from gatework.cells import AbstractCell, Params, State
from gatework.errors import InputError
from gatework.ops import checks
from gatework.ops.backend import Backend
from gatework.ops.call import ScanCall, ScanResult
from gatework.ops.registry import BACKENDS

BACKEND_VARIABLE = "GATEWORK_BACKEND"


@dataclass(frozen=True)
class Verdict:
    """What one backend says of one call: `refusal` is its reason, or None if it can run it."""

    backend: str
    refusal: str | None


@dataclass(frozen=True)
class Explanation:
    """Which backend runs a call, and why the others do not.

    Attributes:
        chosen: the backend that runs it; None if the one asked for refuses.
        asked: the backend that the caller or GATEWORK_BACKEND named, or None.
        verdicts: one for each backend, in order of preference.
    """

    chosen: str | None
    asked: str | None
    verdicts: tuple[Verdict, ...]

    def __str__(self) -> str:
        width = max(len(verdict.backend) for verdict in self.verdicts)
        return "\n".join(
            f"{verdict.backend:<{width}}  {self._word(verdict)}" for verdict in self.verdicts
        )

    def _word(self, verdict: Verdict) -> str:
        if verdict.refusal is not None:
            return f"refuses: {verdict.refusal}"
        if verdict.backend != self.chosen:
            return "could run it"
        return "runs it" if self.asked is None else "runs it, as asked"


def scan(  # noqa: PLR0913 (the arguments are the contract)
    cell: AbstractCell,
    params: Params,
    x: Tensor,
    state: State | None = None,
    lengths: Tensor | None = None,
    *,
    reverse: bool = False,
    trace: bool = False,
    backend: str | None = None,
) -> ScanResult:
    """Run `cell` over a batch of sequences of any lengths.

    Args:
        cell: what to run.
        params: the tensors of `cell.parameter_shapes`, by name.
        x: (T, B, I). Steps past a length are never read.
        state: the initial state, one (B, size) tensor for each of `cell.states`; zeros if None.
        lengths: (B,) whole numbers from 0 to T, in any order; all T if None.
        reverse: read each sequence from its own last step to its first.
        trace: return every activation and state as well.
        backend: the backend to use; if None that of the environment variable GATEWORK_BACKEND,
            else the first that does not refuse.

    Returns:
        output (T, B, P), zero past a length; the state after each sequence's own last step, which
        is the initial one at length 0; and the trace, or None.

    Raises:
        InputError: an argument does not fit, or the backend asked for refuses the call.

    Example:
        >>> import torch
        >>> from gatework.cells import RNN
        >>> weights = {"weight_ih": torch.eye(2), "weight_hh": torch.zeros(2, 2)}
        >>> x = torch.ones(3, 2, 2)
        >>> result = scan(RNN(), weights, x, lengths=torch.tensor([3, 1]))
        >>> result.output[:, 1, 0].ne(0).tolist()
        [True, False, False]
    """
    call = _checked(cell, params, x, state, lengths, reverse=reverse, trace=trace)
    result = _choose(call, _asked(backend)).run(call)
    missing = x.shape[0] - call.x.shape[0]
    return result if missing == 0 else _padded(result, missing)


def explain(  # noqa: PLR0913 (those of scan)
    cell: AbstractCell,
    params: Params,
    x: Tensor,
    state: State | None = None,
    lengths: Tensor | None = None,
    *,
    reverse: bool = False,
    trace: bool = False,
    backend: str | None = None,
) -> Explanation:
    """Say which backend `scan` would use for these arguments, and why not the others.

    The arguments and errors are those of `scan`; but a backend that was asked for and refuses is
    not an error here.
    """
    call = _checked(cell, params, x, state, lengths, reverse=reverse, trace=trace)
    asked = _asked(backend)
    verdicts = tuple(Verdict(known.name, known.refuses(call)) for known in BACKENDS)
    able = [verdict.backend for verdict in verdicts if verdict.refusal is None]
    chosen = able[0] if asked is None else asked if asked in able else None
    return Explanation(chosen, asked, verdicts)


def _checked(
    cell: AbstractCell,
    params: Params,
    x: Tensor,
    state: State | None,
    lengths: Tensor | None,
    *,
    reverse: bool,
    trace: bool,
) -> ScanCall:
    """Check the arguments; drop steps that no sequence reaches, and lengths that say nothing."""
    checks.check_params(cell, params)
    checks.check_input(x, params)
    steps, batch = x.shape[:2]
    if state is None:
        state = tuple(x.new_zeros(batch, size) for size in cell.state_sizes(params))
    checks.check_state(cell, params, state, batch)
    call = ScanCall(cell, params, x, state, None, reverse, trace)
    if lengths is None or batch == 0:
        return call

    lengths = checks.check_lengths(lengths, steps, batch)
    shortest, longest = int(lengths.min()), int(lengths.max())
    longest = max(longest, 1)  # so that T >= 1 holds for every backend
    ragged = lengths if shortest < longest else None
    return dataclasses.replace(call, x=x[:longest], lengths=ragged)


def _asked(backend: str | None) -> str | None:
    name = backend or os.environ.get(BACKEND_VARIABLE) or None
    known = [each.name for each in BACKENDS]
    if name is not None and name not in known:
        source = "backend" if backend else BACKEND_VARIABLE
        raise InputError(f"{source} is {name!r}; expected one of {', '.join(known)}.")
    return name


def _choose(call: ScanCall, asked: str | None) -> Backend:
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


def _padded(result: ScanResult, missing: int) -> ScanResult:
    """Append `missing` steps of zeros in time."""

    def pad(values: Tensor) -> Tensor:
        return functional.pad(values, (0, 0, 0, 0, 0, missing))

    trace = None if result.trace is None else {k: pad(v) for k, v in result.trace.items()}
    return ScanResult(pad(result.output), result.state, trace)
