"""`scan`: check a call, make it plain, choose the backend, run it."""

from dataclasses import dataclass

from torch import Tensor

from gatework.cells import AbstractCell, Params, State
from gatework.ops.call import Memory, ScanResult
from gatework.ops.noise import Regularisation
from gatework.ops.prepare import asked_backend, checked_call, choose, padded, padded_trace
from gatework.ops.registry import BACKENDS


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
    regularisation: Regularisation | None = None,
    memory: Memory = "tape",
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
        regularisation: zoneout and recurrent dropout; none if None. Its masks depend on a
            sequence's place in the batch and on time, not on T nor on any length.
        memory: "tape" keeps what a backward pass needs; "recompute", where a backend can, saves
            memory and makes it again. No result depends on it.
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
    call = checked_call(
        cell,
        params,
        x,
        state,
        lengths,
        reverse=reverse,
        trace=trace,
        regularisation=regularisation,
        memory=memory,
    )
    result = choose(call, asked_backend(backend)).run(call)
    missing = x.shape[0] - call.x.shape[0]
    if missing == 0:
        return result
    traces = result.trace and padded_trace(result.trace, missing)
    return ScanResult(padded(result.output, missing), result.state, traces)


def explain(  # noqa: PLR0913 (those of scan)
    cell: AbstractCell,
    params: Params,
    x: Tensor,
    state: State | None = None,
    lengths: Tensor | None = None,
    *,
    reverse: bool = False,
    trace: bool = False,
    regularisation: Regularisation | None = None,
    memory: Memory = "tape",
    backend: str | None = None,
) -> Explanation:
    """Say which backend `scan` would use for these arguments, and why not the others.

    The arguments and errors are those of `scan`; but a backend that was asked for and refuses is
    not an error here.
    """
    call = checked_call(
        cell,
        params,
        x,
        state,
        lengths,
        reverse=reverse,
        trace=trace,
        regularisation=regularisation,
        memory=memory,
    )
    asked = asked_backend(backend)
    verdicts = tuple(Verdict(known.name, known.refuses(call)) for known in BACKENDS)
    able = [verdict.backend for verdict in verdicts if verdict.refusal is None]
    chosen = able[0] if asked is None else asked if asked in able else None
    return Explanation(chosen, asked, verdicts)
