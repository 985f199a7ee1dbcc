"""`scan_both`: a layer's two directions, side by side where the native core runs them."""

import torch
from torch import Tensor

from gatework.cells import AbstractCell, Params, State
from gatework.ops.call import BothResult, Memory
from gatework.ops.native import NATIVE, run_both
from gatework.ops.noise import Regularisation
from gatework.ops.prepare import asked_backend, checked_call, choose, padded, padded_trace


def scan_both(  # noqa: PLR0913 (the arguments are the contract)
    cell: AbstractCell,
    params: tuple[Params, Params],
    x: Tensor,
    state: tuple[State, State] | None = None,
    lengths: Tensor | None = None,
    *,
    trace: bool = False,
    regularisation: tuple[Regularisation | None, Regularisation | None] = (None, None),
    memory: Memory = "tape",
    backend: str | None = None,
    params_checked: bool = False,
) -> BothResult:
    """Run `cell` over a batch of sequences in both directions: `scan` twice, but often faster.

    Args:
        cell: what to run.
        params: those of the forward direction, then those of the reverse; so with every pair.
        x: (T, B, I), as for `scan`; so with the others.
        state: the initial states; zeros if None.
        lengths: (B,) whole numbers.
        trace: return every activation and state of each direction as well.
        regularisation: alike but for their seeds.
        memory: what to keep for a backward pass.
        backend: the backend to use.
        params_checked: as for `scan`.

    Returns:
        output (T, B, 2 * P), and of each direction the final state, and the trace if asked for.

    Raises:
        InputError: as `scan` does.
    """
    asked = asked_backend(backend)
    calls = [
        checked_call(
            cell,
            params[index],
            x,
            None if state is None else state[index],
            lengths,
            reverse=index == 1,
            trace=trace,
            regularisation=regularisation[index],
            memory=memory,
            params_checked=params_checked,
        )
        for index in range(2)
    ]
    chosen = [choose(call, asked) for call in calls]
    if chosen[0] is chosen[1] is NATIVE:
        result = run_both(*calls)
    else:
        ahead, back = (each.run(call) for each, call in zip(chosen, calls, strict=True))
        result = BothResult(
            torch.cat([ahead.output, back.output], dim=-1),
            (ahead.state, back.state),
            (ahead.trace, back.trace) if ahead.trace and back.trace else None,
        )
    missing = x.shape[0] - calls[0].x.shape[0]
    if missing == 0:
        return result
    traces = result.trace and (
        padded_trace(result.trace[0], missing),
        padded_trace(result.trace[1], missing),
    )
    return result._replace(output=padded(result.output, missing), trace=traces)
