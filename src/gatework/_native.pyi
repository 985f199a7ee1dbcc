"""Gatework's native core. Private: gatework.ops.core is its one user. Addresses are integers."""

from collections.abc import Sequence

from torch import Tensor

class View:
    def __init__(self, data: int, step: int, row: int, /) -> None: ...

class Problem:
    def __init__(
        self,
        cell: int,
        options: int,
        steps: int,
        batch: int,
        input_size: int,
        hidden_size: int,
        proj_size: int,
        cell_clip: float,
        zoneout_h: float,
        zoneout_c: float,
        training: bool,
        seed: int,
        first_step: int,
        lengths: int,
        reverse: bool,
        num_threads: int,
        batch_invariant: bool,
        params: Sequence[int],
        /,
    ) -> None: ...
    def tape_floats(self) -> int: ...

class Forward:
    def __init__(
        self,
        x: View,
        h0: int,
        c0: int,
        scale: int,
        y: View,
        h_n: int,
        c_n: int,
        trace: View,
        trace_slot: int,
        tape: int,
        /,
    ) -> None: ...

class Backward:
    def __init__(
        self,
        x: View,
        y: View,
        h0: int,
        c0: int,
        scale: int,
        tape: int,
        dy: View,
        dh_n: int,
        dc_n: int,
        dx: View,
        dh0: int,
        dc0: int,
        wants_params: bool,
        gradients: Sequence[int],
        /,
    ) -> None: ...

class Stream:
    def __init__(self, problems: Sequence[Problem], /) -> None: ...
    def step(self, x: int, y: int, /) -> None: ...
    def get_state(self, h: int, c: int, /) -> None: ...
    def set_state(self, h: int, c: int, /) -> None: ...

def run_forward(
    problems: Sequence[Problem], passes: Sequence[Forward], keep_packed: bool, /
) -> None: ...
def run_backward(problems: Sequence[Problem], passes: Sequence[Backward], /) -> None: ...
def floats(count: int, /) -> Tensor: ...
def gates(cell: int, options: int, is_projected: bool, /) -> int: ...
def zoneout_bits(seed: int, stream: int, row: int, unit: int, /) -> int: ...
def fingerprint(data: int, bytes: int, /) -> tuple[int, int]: ...
def isa_names() -> list[str]: ...
def isa_current() -> str: ...
def lend_loaded_team() -> bool: ...
def isa_set(name: str, /) -> None: ...
