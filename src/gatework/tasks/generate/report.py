"""report.html: one file that needs nothing else, now or in ten years, online or off."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from markupsafe import Markup

from gatework.data.music.sound import wav_bytes
from gatework.tasks import pictures
from gatework.tasks.generate.outcome import Outcome, Sample, Surprise
from gatework.tasks.page import Common, Origin, Table, write_page

_RATE: Final = 8_000  # samples a second of the sound in a page: it is a part of the file
_HEARD: Final = 12.0  # seconds


class Shown(NamedTuple):
    """A sample: its text, or its piano roll and how it sounds."""

    temperature: float
    text: str
    picture: Markup
    sound: Markup


@dataclass(frozen=True)
class Page:
    """Everything the template shows, as text, tables and pictures ready to place."""

    kind: str
    scores: Table
    remarks: tuple[str, ...]
    legend: str
    samples: tuple[Shown, ...]
    surprises: tuple[Surprise, ...]
    data_facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def write_report(path: Path, outcome: Outcome, origin: Origin) -> None:
    """Write the page, whole or not at all."""
    common, page = _common(outcome, origin), _page(outcome)
    write_page(path, "gatework.tasks.generate", common, page, origin)


def _common(outcome: Outcome, origin: Origin) -> Common:
    scores = outcome.scores
    return Common(
        title=f"{origin.name}: more of the like",
        subtitle=f"{scores.characters:,} {scores.unit}s judged: {scores.part}",
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
    return Page(
        kind="music" if scores.unit == "event" else "text",
        scores=[header, *rows],
        remarks=scores.remarks(),
        legend=(
            f"The loss is the mean surprise of each next token, by the {scores.unit}: lower is "
            "better. bits = nats / ln 2; perplexity = exp(nats a token). The n-grams are counted "
            "(interpolated Witten-Bell) on all but the judged part; their order was chosen on "
            "validation."
        ),
        samples=tuple(map(_show, outcome.samples)),
        surprises=outcome.surprises,
        data_facts=outcome.data,
        notes=outcome.notes,
    )


def _show(sample: Sample) -> Shown:
    if sample.piece is None:
        return Shown(sample.temperature, sample.text, Markup(), Markup())
    label = f"Piano roll of what it writes at temperature {sample.temperature:g}"
    picture = pictures.svg(pictures.roll_figure(sample.piece), label)
    sound = wav_bytes(sample.piece, rate=_RATE, most=_HEARD)
    data = f"data:audio/wav;base64,{base64.b64encode(sound).decode()}"
    return Shown(sample.temperature, sample.text, Markup(picture), Markup(data))
