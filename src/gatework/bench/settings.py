"""What `gatework bench` can be asked for."""

from dataclasses import dataclass
from typing import Literal, get_args

from gatework.errors import InputError

CellName = Literal["lstm", "gru", "rnn"]


@dataclass(frozen=True)
class Settings:
    """What is measured at every point.

    Args:
        cell: Which layer.
        layers: How many are stacked.
        bidirectional: Whether each runs in both directions.
        threads: Threads of both sides. None: torch's number.
        seconds: Time for each point.
    """

    cell: CellName = "lstm"
    layers: int = 1
    bidirectional: bool = False
    threads: int | None = None
    seconds: float = 2.0

    def __post_init__(self) -> None:
        if self.cell not in get_args(CellName):
            names = ", ".join(get_args(CellName))
            raise InputError(f"cell is {self.cell!r}; expected one of {names}")
        if self.layers < 1:
            raise InputError(f"layers is {self.layers}; expected at least 1")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"threads is {self.threads}; expected at least 1")
        if not 0 < self.seconds < float("inf"):
            raise InputError(f"seconds is {self.seconds}; expected more than 0")
