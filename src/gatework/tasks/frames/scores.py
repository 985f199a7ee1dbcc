"""How well the next frame was foretold, beside rules without a network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, final

from gatework.data.checks import counted
from gatework.tasks.columns import in_columns

MODEL: Final = "Gatework"
HEADS: Final[Mapping[str, str]] = {
    "bernoulli": "each key on its own, given the frames before",
    "joint": "the keys of a frame together: each given the frames before and the keys below it",
    "mdn": "a density of the frame, given the frames before, of columns in deviations of their own",
}


class MethodScore(NamedTuple):
    """One method on the judged part.

    Attributes:
        method: Its name.
        nats: Mean loss of all frames but the first of each sequence.
        by_sequence: Mean over sequences of the mean loss of each.
    """

    method: str
    nats: float
    by_sequence: float


@final
@dataclass(frozen=True)
class Scores:
    """The score table of a model of frames. Lower is better.

    Args:
        methods: The model first, then the rules, the best of them first.
        part: What was judged.
        frames: That were foretold in it.
        sequences: In it.
        head: How the model tells a frame.
        chosen_on: Whether weights were chosen on this very part.
        notes: What else a reader must know.

    Example:
        >>> scores = Scores((MethodScore(MODEL, 6.4, 6.5), MethodScore("counting", 10.5, 10.6)),
        ...                 "its own test part", 4648, 77, "joint")
        >>> scores.verdict()
        'Gatework beats counting: 6.400 nats a frame, against 10.500 (its own test part).'
    """

    methods: tuple[MethodScore, ...]
    part: str
    frames: int
    sequences: int
    head: str
    chosen_on: bool = False
    notes: tuple[str, ...] = ()

    def won(self) -> bool:
        """Whether the model is better than the rules."""
        ours, best = self.methods[:2]
        return round(ours.nats, 3) < round(best.nats, 3)

    def verdict(self) -> str:
        """Say in one sentence who won."""
        ours, best = self.methods[:2]
        figures = f"{ours.nats:.3f} nats a frame, against {best.nats:.3f} ({self.part})."
        if round(ours.nats, 3) == round(best.nats, 3):
            return f"Gatework and {best.method} do equally well: {figures}"
        return f"Gatework {'beats' if self.won() else 'loses to'} {best.method}: {figures}"

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the header and the rows, as text."""
        header = ("method", "nats/frame", "mean of sequences")
        return header, [(m.method, f"{m.nats:.4f}", f"{m.by_sequence:.4f}") for m in self.methods]

    def remarks(self) -> tuple[str, ...]:
        """Say how the figures came about."""
        remarks = [
            f"nats/frame is the mean over all {self.frames:,} foretold frames of "
            f"{counted(self.sequences, 'sequence')}: every frame but the first of each",
            f"Gatework tells {HEADS[self.head]}",
        ]
        if self.chosen_on:
            remarks.append("the weights were chosen on this very part: it flatters them")
        return (*remarks, *self.notes)

    def records(self) -> list[Mapping[str, Any]]:
        """Return one row a method, as plain values."""
        return [
            m._asdict()
            | {
                "part": self.part,
                "frames": self.frames,
                "sequences": self.sequences,
                "head": self.head,
            }
            for m in self.methods
        ]

    def __str__(self) -> str:
        header, rows = self.table()
        return "\n".join([*in_columns([header, *rows]), *self.remarks(), self.verdict()])
