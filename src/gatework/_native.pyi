"""Gatework's native core. Private: gatework.ops.core is its one user."""

from collections.abc import Sequence

from torch import Tensor

class Problem:
    def __init__(
        self,
        kernel: Sequence[int],
        limits: Sequence[float],
        params: Sequence[Tensor],
        x: Tensor,
        lengths: Tensor | None,
        state: Sequence[Tensor],
        scale: Tensor | None,
        seed: int,
        reverse: bool,
        first_step: int,
        num_threads: int,
        batch_invariant: bool,
        /,
    ) -> None: ...
    @property
    def hidden_size(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def state_sizes(self) -> tuple[int, ...]: ...
    @property
    def traced(self) -> int: ...

class Stream:
    def __init__(self, problems: Sequence[Problem], /) -> None: ...
    def step(self, x: int, y: int, /) -> None: ...
    def get_state(self, h: int, c: int, /) -> None: ...
    def set_state(self, h: int, c: int, /) -> None: ...

def tape_floats(problems: Sequence[Problem], /) -> int: ...
def run_forward(
    problems: Sequence[Problem],
    outputs: Sequence[Tensor],
    finals: Sequence[Tensor],
    traces: Sequence[Tensor],
    tape: Tensor | None,
    keep_packed: bool,
    /,
) -> None: ...
def run_backward(
    problems: Sequence[Problem],
    outputs: Sequence[Tensor],
    tape: Tensor,
    d_outputs: Sequence[Tensor | None],
    d_finals: Sequence[Tensor | None],
    d_inputs: Sequence[Tensor | None],
    d_states: Sequence[Tensor],
    d_params: Sequence[Tensor],
    /,
) -> None: ...
def floats(shape: Sequence[int], /) -> Tensor: ...
def gates(cell: int, options: int, is_projected: bool, /) -> int: ...
def zoneout_bits(seed: int, stream: int, row: int, unit: int, /) -> int: ...
def fingerprint(data: int, bytes: int, /) -> tuple[int, int]: ...
def isa_names() -> list[str]: ...
def isa_current() -> str: ...
def lend_loaded_team() -> bool: ...
def isa_set(name: str, /) -> None: ...
