"""report.html: one file that needs nothing else, now or in ten years, online or off."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markupsafe import Markup

from gatework.data.music.sound import wav_bytes
from gatework.tasks import pictures
from gatework.tasks.frames.outcome import Outcome, Surprise
from gatework.tasks.frames.plots import samples_figure
from gatework.tasks.frames.writing import to_piece
from gatework.tasks.page import Common, Origin, Table, write_page

_RATE: Final = 8_000  # samples a second of the sound in the page
_HEARD: Final = 20.0  # seconds of it


@dataclass(frozen=True)
class Page:
    """Everything the template shows, as text, tables and pictures ready to place."""

    scores: Table
    remarks: tuple[str, ...]
    legend: str
    samples_picture: Markup
    sound: str | None
    surprises: tuple[Surprise, ...]
    data_facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def write_report(path: Path, outcome: Outcome, origin: Origin) -> None:
    """Write the page, whole or not at all."""
    common, page = _common(outcome, origin), _page(outcome)
    write_page(path, "gatework.tasks.frames", common, page, origin)


def _common(outcome: Outcome, origin: Origin) -> Common:
    scores = outcome.scores
    return Common(
        title=f"{origin.name}: more of the like",
        subtitle=f"{scores.frames:,} frames judged: {scores.part}",
        verdict=scores.verdict(),
        won=scores.won(),
        training=outcome.training,
        curves=outcome.curves,
        settings=outcome.settings,
        choices=outcome.choices,
    )


def _page(outcome: Outcome) -> Page:
    scores = outcome.scores
    header, rows = scores.table()
    figure = samples_figure(outcome)
    return Page(
        scores=[header, *rows],
        remarks=scores.remarks(),
        legend=(
            "The loss is the mean surprise of each next frame, in nats: lower is better. The "
            "other rows need no network: each number of a frame is told alone, from how it is "
            "distributed over the training part, or from its own last value."
        ),
        samples_picture=Markup(pictures.svg(figure, "Sequences that were drawn, and a real one")),
        sound=_sound(outcome),
        surprises=outcome.surprises,
        data_facts=outcome.data,
        notes=outcome.notes,
    )


def _sound(outcome: Outcome) -> str | None:
    """The first sample as a WAV file, in an address of its own; None where it is no music."""
    if not outcome.schema.piano:
        return None
    piece = to_piece(outcome.samples[0].frames, outcome.schema)
    data = wav_bytes(piece, rate=_RATE, most=_HEARD)
    return f"data:audio/wav;base64,{base64.b64encode(data).decode()}"
