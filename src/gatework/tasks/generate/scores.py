"""How well the next token was foretold, by the character, beside what counting does."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, final

from gatework.tasks.columns import in_columns

MODEL: Final = "Gatework"


class MethodScore(NamedTuple):
    """One method on the judged part.

    Attributes:
        method: Its name.
        nats: Mean loss by the character (or byte), natural logarithms.
        perplexity: exp of the mean loss by the token.
    """

    method: str
    nats: float
    perplexity: float

    @property
    def bits(self) -> float:
        """Mean loss by the character in bits."""
        return self.nats / math.log(2)


@final
@dataclass(frozen=True)
class Scores:
    """The score table of a language model. Lower is better.

    Args:
        methods: The model first, then the n-grams, the best of them first.
        part: What was judged.
        characters: In it.
        tokens: That were predicted in it.
        unit: "character", "byte" or "event".
        chosen_on: Whether weights and order were chosen on this very part.
        notes: What else a reader must know.

    Example:
        >>> scores = Scores((MethodScore(MODEL, 1.6, 5.0), MethodScore("5-gram", 1.7, 5.5)),
        ...                 "last 10%", 1000, 1000, "character")
        >>> scores.verdict()
        'Gatework beats the 5-gram: 1.600 nats a character, against 1.700 (last 10%).'
    """

    methods: tuple[MethodScore, ...]
    part: str
    characters: int
    tokens: int
    unit: str
    chosen_on: bool = False
    notes: tuple[str, ...] = ()

    def won(self) -> bool:
        """Whether the model is better than the n-grams."""
        ours, best = self.methods[:2]
        return round(ours.nats, 3) < round(best.nats, 3)

    def verdict(self) -> str:
        """Say in one sentence who won."""
        ours, best = self.methods[:2]
        article = "an" if self.unit == "event" else "a"
        against = f"against {best.nats:.3f} ({self.part})."
        figures = f"{ours.nats:.3f} nats {article} {self.unit}, {against}"
        if round(ours.nats, 3) == round(best.nats, 3):
            return f"Gatework and the {best.method} do equally well: {figures}"
        return f"Gatework {'beats' if self.won() else 'loses to'} the {best.method}: {figures}"

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the header and the rows, as text."""
        header = ("method", f"nats/{self.unit}", f"bits/{self.unit}", "perplexity/token")
        rows = [
            (m.method, f"{m.nats:.4f}", f"{m.bits:.4f}", f"{m.perplexity:,.2f}")
            for m in self.methods
        ]
        return header, rows

    def remarks(self) -> tuple[str, ...]:
        """Say how the figures came about."""
        counted = f"{self.characters:,} {self.unit}s"
        if self.unit != "event":
            counted += f" in {self.tokens:,} tokens"
        remarks = [f"{counted}, every one scored, the state carried through all of them"]
        if self.chosen_on:
            remarks.append("weights and order were chosen on this very part: it flatters both")
        return (*remarks, *self.notes)

    def records(self) -> list[Mapping[str, Any]]:
        """Return one row a method, as plain values."""
        return [
            {
                "method": m.method,
                "part": self.part,
                "nats": m.nats,
                "bits": m.bits,
                "perplexity": m.perplexity,
                "characters": self.characters,
                "tokens": self.tokens,
            }
            for m in self.methods
        ]

    def __str__(self) -> str:
        header, rows = self.table()
        return "\n".join([*in_columns([header, *rows]), *self.remarks(), self.verdict()])
