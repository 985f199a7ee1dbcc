"""What a fit leaves behind for people to read: the input of the report and of the summary."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from torch import Tensor

from gatework.data.music.piece import Piece
from gatework.data.stream_codec import BORDER, Codec
from gatework.models.language import Judged
from gatework.tasks.generate.scores import Scores
from gatework.tasks.settings import Choice
from gatework.training.history import Curve

_BEFORE: Final = 40  # tokens shown before a surprise
_AFTER: Final = 12
_APART: Final = 40  # tokens between two surprises
MOST_SURPRISES: Final = 15


class Surprise(NamedTuple):
    """A token that came unexpected, its neighbours, and what was expected in its place.

    Attributes:
        place: Which token of the judged part.
        before: The text before.
        token: The token.
        after: The text after.
        nats: Its loss.
        expected: The token that was held for the likeliest.
        chance: With this probability.
    """

    place: int
    before: str
    token: str
    after: str
    nats: float
    expected: str
    chance: float


class Sample(NamedTuple):
    """A text that the model wrote of its own, at a temperature; of music the piece too."""

    temperature: float
    text: str
    piece: Piece | None = None


@dataclass(frozen=True)
class Outcome:
    """A finished fit.

    Args:
        settings: Every setting by name.
        choices: Settings chosen from the data, with the reason.
        scores: Of the judged part.
        samples: What it writes.
        surprises: Where it was wrong most.
        excerpt: The beginning of the judged part.
        curves: The training: (step, training loss, validation loss or None).
        data: Facts about the data, as pairs of a name and a value to read.
        training: Facts about the training, likewise.
        notes: What a reader must know about the data, one line each.
    """

    settings: Mapping[str, Any]
    choices: tuple[Choice, ...]
    scores: Scores
    samples: tuple[Sample, ...]
    surprises: tuple[Surprise, ...]
    excerpt: str
    curves: tuple[Curve, ...]
    data: tuple[tuple[str, str], ...]
    training: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def surprises_of(ids: Tensor, judged: Judged, codec: Codec) -> tuple[Surprise, ...]:
    """Return the tokens of a stream, (N,), with the greatest loss, no two of them close together.

    Args:
        ids: The stream.
        judged: What the network said of it, (N - 1, 1).
        codec: Whose numbers.
    """
    nats = judged.nats[:, 0].numpy().copy()
    before, after = (8, 3) if codec.kind == "events" else (_BEFORE, _AFTER)
    found: list[Surprise] = []
    while len(found) < MOST_SURPRISES:
        worst = int(nats.argmax())
        if not np.isfinite(nats[worst]):
            break
        at = worst + 1  # the first token of a stream is not foretold
        found.append(
            Surprise(
                at,
                _in_line(codec.decode(ids[max(0, at - before) : at].tolist()), codec),
                token_name(codec, int(ids[at])),
                _in_line(codec.decode(ids[at + 1 : at + 1 + after].tolist()), codec),
                float(nats[worst]),
                token_name(codec, int(judged.best[worst, 0])),
                float(judged.chance[worst, 0]),
            )
        )
        nats[max(0, worst - _APART) : worst + _APART + 1] = -np.inf
    return tuple(found)


def token_name(codec: Codec, number: int) -> str:
    """Return a word for a token that can be seen: blanks and borders too.

    Example:
        >>> codec = Codec.learn("characters", [["a b"]], size=0)
        >>> [token_name(codec, number) for number in (0, 1, *codec.encode("a b"))]
        ['(end)', '(unknown)', 'a', '␣', 'b']
    """
    if number == BORDER:
        return "(end)"
    piece = codec.pieces[number] or "(unknown)"
    return piece.strip() if codec.kind == "events" else _in_line(piece, codec).replace(" ", "␣")


def _in_line(text: str, codec: Codec) -> str:
    """Text with ends of lines and tabs that can be seen; events in a row, blanks around them."""
    if codec.kind == "events":
        return f" {' '.join(text.split())} "
    return text.translate({ord("\n"): "⏎", ord("\r"): "␍", ord("\t"): "⇥"})
