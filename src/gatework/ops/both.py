"""`scan_both`: a layer's two directions, side by side where the native core runs them."""

import torch
from torch import Tensor

from gatework.cells import AbstractCell, Params, State
from gatework.ops.call import Memory, ScanResult
from gatework.ops.native import NATIVE, run_both
from gatework.ops.noise import Regularisation
from gatework.ops.prepare import asked_backend, checked_call, choose, padded


def scan_both(  # noqa: PLR0913 (the arguments are the contract)
    cell: AbstractCell,
    params: tuple[Params, Params],
    x: Tensor,
    state: tuple[State, State] | None = None,
    lengths: Tensor | None = None,
    *,
    regularisation: tuple[Regularisation | None, Regularisation | None] = (None, None),
    memory: Memory = "tape",
    backend: str | None = None,
    params_checked: bool = False,
) -> tuple[Tensor, tuple[State, State]]:
    """Run `cell` over a batch of sequences in both directions: `scan` twice, but often faster.

    Args:
        cell: what to run.
        params: those of the forward direction, then those of the reverse; so with every pair.
        x: (T, B, I), as for `scan`; so with the others.
        state: the initial states; zeros if None.
        lengths: (B,) whole numbers.
        regularisation: alike but for their seeds.
        memory: what to keep for a backward pass.
        backend: the backend to use.
        params_checked: as for `scan`.

    Returns:
        output (T, B, 2 * P), forward first, and the final state of each direction.

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
            trace=False,
            regularisation=regularisation[index],
            memory=memory,
            params_checked=params_checked,
        )
        for index in range(2)
    ]
    chosen = [choose(call, asked) for call in calls]
    if chosen[0] is chosen[1] is NATIVE:
        output, final = run_both(*calls)
    else:
        ahead, back = (each.run(call) for each, call in zip(chosen, calls, strict=True))
        output, final = torch.cat([ahead.output, back.output], dim=-1), (ahead.state, back.state)
    missing = x.shape[0] - calls[0].x.shape[0]
    if missing:
        output = padded(ScanResult(output, (), None), missing).output
    return output, final
