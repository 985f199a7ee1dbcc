"""Gatework's native core. Private: gatework.ops.core is its one user. Addresses are integers."""

from torch import Tensor

class View:
    def __init__(self, data: int, step: int, row: int, /) -> None: ...

class Params:
    def __init__(self, weight_ih: int, weight_hh: int, bias_ih: int, bias_hh: int, /) -> None: ...

class Problem:
    def __init__(
        self,
        steps: int,
        batch: int,
        input_size: int,
        hidden_size: int,
        lengths: int,
        reverse: bool,
        num_threads: int,
        /,
    ) -> None: ...
    def tape_floats(self) -> int: ...
    def forward(
        self,
        params: Params,
        x: View,
        h0: int,
        c0: int,
        y: View,
        h_n: int,
        c_n: int,
        tape: int,
        /,
    ) -> None: ...
    def backward(
        self,
        params: Params,
        x: View,
        y: View,
        h0: int,
        c0: int,
        tape: int,
        dy: View,
        dh_n: int,
        dc_n: int,
        dx: View,
        dh0: int,
        dc0: int,
        gradients: Params,
        /,
    ) -> None: ...

def tape(floats: int, /) -> Tensor: ...
def isa_names() -> list[str]: ...
def isa_current() -> str: ...
def lend_loaded_team() -> bool: ...
def isa_set(name: str, /) -> None: ...
