"""`scan_directions`: a layer's one or two directions, side by side where the native core runs."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gatework.cells import AbstractCell, Params, State
from gatework.ops import checks
from gatework.ops.call import DirectionsResult, Memory, ScanCall, ScanResult
from gatework.ops.native import NATIVE, run_directions
from gatework.ops.noise import Regularisation
from gatework.ops.prepare import asked_backend, checked_call, choose, padded, padded_trace


def scan_directions(  # noqa: PLR0913 (the arguments are the contract)
    cell: AbstractCell,
    params: Sequence[Params],
    x: Tensor,
    states: Sequence[State] | None = None,
    lengths: Tensor | None = None,
    *,
    trace: bool = False,
    regularisations: Sequence[Regularisation | None] = (None, None),
    memory: Memory = "tape",
    backend: str | None = None,
) -> DirectionsResult:
    """Run `cell` over a batch of sequences, forward and, if there are two `params`, in reverse.

    That is `scan` for each direction, but two are often faster at once. D is their number.

    Args:
        cell: what to run.
        params: those of the forward direction, then those of the reverse; so with the next. They
            are known to be this cell's, as a layer's own are: their shapes are not looked at.
        x: (T, B, I), as for `scan`; so with the others.
        states: the initial states; zeros if None.
        lengths: (B,) whole numbers.
        trace: return every activation and state of each direction as well.
        regularisations: alike but for their seeds.
        memory: what to keep for a backward pass.
        backend: the backend to use.

    Returns:
        output (T, B, D * P), the final states (D, B, size), and the traces if asked for.

    Raises:
        InputError: as `scan` does.
    """
    asked = asked_backend(backend)
    call = checked_call(
        cell,
        params[0],
        x,
        None if states is None else states[0],
        lengths,
        reverse=False,
        trace=trace,
        regularisation=regularisations[0],
        memory=memory,
        params_checked=True,
    )
    calls = [call] if len(params) == 1 else [call, _reversed(call, params, states, regularisations)]
    chosen = [choose(one, asked) for one in calls]
    if chosen[0] is chosen[-1] is NATIVE:
        result = run_directions(*calls)
    else:
        result = _joined([each.run(one) for each, one in zip(chosen, calls, strict=True)])
    missing = x.shape[0] - call.x.shape[0]
    if missing == 0:
        return result
    traces = [padded_trace(trace, missing) for trace in result.traces]
    return result._replace(output=padded(result.output, missing), traces=traces)


def _reversed(
    call: ScanCall,
    params: Sequence[Params],
    states: Sequence[State] | None,
    regularisations: Sequence[Regularisation | None],
) -> ScanCall:
    """The second direction of a checked call."""
    state, noise = None, None
    if states is not None:
        state = states[1]
        checks.check_state(call.cell, params[1], state, call.x.shape[1])
    if call.regularisation is not None:  # so it acts, and the other is alike
        noise = regularisations[1]
    return call._replace(params=params[1], state=state, reverse=True, regularisation=noise)


def _joined(results: Sequence[ScanResult]) -> DirectionsResult:
    outputs = [each.output for each in results]
    return DirectionsResult(
        outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1),
        tuple(map(torch.stack, zip(*[each.state for each in results], strict=True))),
        [each.trace for each in results if each.trace],
    )
