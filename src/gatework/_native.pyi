"""Gatework's native core. Private: gatework.ops.core is its one user."""

from collections.abc import Sequence

from torch import Tensor

from gatework.ops import problem

class Problem:
    def __init__(
        self, problem: problem.Problem, num_threads: int, batch_invariant: bool, /
    ) -> None: ...

class Stream:
    def __init__(self, problems: Sequence[Problem], /) -> None: ...
    def step(self, x: int, y: int, /) -> None: ...
    def get_state(self, h: int, c: int, /) -> None: ...
    def set_state(self, h: int, c: int, /) -> None: ...

def run_again(problem: Problem, output: Tensor, finals: Sequence[Tensor], /) -> None: ...
def forward(
    problems: Sequence[problem.Problem],
    outputs: Sequence[Tensor] | None,
    keep_tape: bool,
    trace: bool,
    keep_packed: bool,
    num_threads: int,
    batch_invariant: bool,
    fill: bool,
    /,
) -> list[Tensor]: ...
def backward(
    problems: Sequence[problem.Problem],
    outputs: Sequence[Tensor],
    tape: Tensor,
    d_outputs: Sequence[Tensor | None],
    d_finals: Sequence[Tensor | None],
    want_x: bool,
    want_params: bool,
    num_threads: int,
    batch_invariant: bool,
    fill: bool,
    /,
) -> list[Tensor]: ...
def drop(
    x: Tensor,
    probability: float,
    seed: int,
    to_bfloat16: bool,
    num_threads: int,
    fill: bool,
    /,
) -> Tensor: ...
def choose(
    logits: Tensor, targets: Tensor, num_threads: int, fill: bool, /
) -> tuple[Tensor, Tensor]: ...
def gates(cell: int, options: int, is_projected: bool, /) -> int: ...
def zoneout_bits(seed: int, stream: int, row: int, unit: int, /) -> int: ...
def fingerprint(data: int, bytes: int, /) -> tuple[int, int]: ...
def isa_names() -> list[str]: ...
def isa_current() -> str: ...
def lend_loaded_team() -> bool: ...
def variable(name: str, /) -> str | None: ...
def isa_set(name: str, /) -> None: ...
