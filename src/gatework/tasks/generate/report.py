"""report.html: one file that needs nothing else, now or in ten years, online or off."""

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from gatework.tasks import pictures
from gatework.tasks.generate.outcome import Outcome, Sample, Surprise
from gatework.tasks.page import Origin, Table, footer, settings_table, write_page


@dataclass(frozen=True)
class Page:
    """Everything the template shows, as text, tables and pictures ready to place."""

    title: str
    subtitle: str
    verdict: str
    won: bool
    scores: Table
    remarks: tuple[str, ...]
    legend: str
    samples: tuple[Sample, ...]
    surprises: tuple[Surprise, ...]
    data_facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    training_facts: tuple[tuple[str, str], ...]
    training_picture: Markup
    command: str | None
    snippet: str
    settings: Table
    footer: str


def write_report(path: Path, outcome: Outcome, origin: Origin) -> None:
    """Write the page, whole or not at all."""
    write_page(path, "gatework.tasks.generate", compose(outcome, origin))


def compose(outcome: Outcome, origin: Origin) -> Page:
    """Lay out a finished fit as the parts of the page."""
    scores = outcome.scores
    header, rows = scores.table()
    return Page(
        title=f"{origin.name}: more of the like",
        subtitle=f"{scores.characters:,} {scores.unit}s judged: {scores.part}",
        verdict=scores.verdict(),
        won=scores.won(),
        scores=[header, *rows],
        remarks=scores.remarks(),
        legend=(
            f"The loss is the mean surprise of each next token, by the {scores.unit}: lower is "
            "better. bits = nats / ln 2; perplexity = exp(nats a token). The n-grams are counted "
            "(interpolated Witten-Bell) on all but the judged part; their order was chosen on "
            "validation."
        ),
        samples=outcome.samples,
        surprises=outcome.surprises,
        data_facts=outcome.data,
        notes=outcome.notes,
        training_facts=outcome.training,
        training_picture=_training_picture(outcome),
        command=origin.command,
        snippet=origin.snippet,
        settings=settings_table(
            outcome.settings, {each.name: (each.value, each.reason) for each in outcome.choices}
        ),
        footer=footer(),
    )


def _training_picture(outcome: Outcome) -> Markup:
    if len(outcome.curve) < 2:
        return Markup("")
    figure = pictures.training_figure((outcome.curve,))
    return Markup(pictures.svg(figure, "Training and validation loss over the steps"))
