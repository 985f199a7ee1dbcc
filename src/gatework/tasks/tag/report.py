"""report.html: one file that needs nothing else, now or in ten years, online or off."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gatework.data.checks import counted
from gatework.tasks import pictures
from gatework.tasks.page import Common, Origin, Table, write_page
from gatework.tasks.tag.nouns import STEPS, WORDS
from gatework.tasks.tag.outcome import Confusion, Mistake, Outcome
from gatework.tasks.tag.pictures import labels_figure
from gatework.tasks.tag.scores import MOST_TYPES, Scores


@dataclass(frozen=True)
class Page:
    """Everything the template shows, as text, tables and pictures ready to place."""

    scores: Table
    remarks: tuple[str, ...]
    step: str
    legend: str
    types_title: str
    types: Table
    types_left_out: str
    labels_picture: str
    confusions: Table
    label_confusions: Table
    mistakes: tuple[Mistake, ...]
    data_facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def write_report(path: Path, outcome: Outcome, origin: Origin) -> None:
    """Write the page, whole or not at all."""
    common, page = _common(outcome, origin), _page(outcome)
    write_page(path, "gatework.tasks.tag", common, page, origin)


def _common(outcome: Outcome, origin: Origin) -> Common:
    scores = outcome.scores
    whole, step = scores.nouns
    return Common(
        title=f"{origin.name}: a tag for each {step}",
        subtitle=f"{counted(scores.sentences, whole)} judged, of the {scores.part} part",
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
    step = scores.nouns[1]
    types, type_rows = scores.type_table()
    has_spans = outcome.scheme != "plain"
    total = len(type_rows)
    return Page(
        scores=[header, *rows],
        remarks=scores.remarks(),
        step=step,
        legend=_legend(scores, has_spans=has_spans),
        types_title="Spans by type" if has_spans else f"{step.capitalize()}s by tag",
        types=[types, *type_rows[:MOST_TYPES]],
        types_left_out=(
            f"The {MOST_TYPES} most frequent of {total}." if total > MOST_TYPES else ""
        ),
        labels_picture=_labels_picture(outcome),
        confusions=_confusions(
            outcome.confusions, "mostly of" if scores.nouns is WORDS else "for example at"
        ),
        label_confusions=_confusions(outcome.label_confusions, "for example"),
        mistakes=outcome.mistakes,
        data_facts=outcome.data,
        notes=outcome.notes,
    )


def _legend(scores: Scores, *, has_spans: bool) -> str:
    if scores.nouns is STEPS:
        return (
            "Macro F1 is the mean over tags of the F1 of each, so that rare tags count as much. A "
            "run of one tag counts as found if it shares half of the steps that are in it or in "
            "the true run (F1@50). Logistic regression sees the numbers of the step alone; the "
            "majority is always the most frequent tag."
        )
    rule = (
        "Most frequent: each word gets the tag it had most often in training, an unknown one that "
        "of rare words of its ending and way of writing; each sentence the most frequent label."
    )
    if not has_spans:
        return rule
    return (
        "A span counts as found if its type and both its ends are right; precision, recall and F1 "
        f"are over all spans together, as in the CoNLL shared tasks. {rule}"
    )


def _confusions(found: Sequence[Confusion], of: str) -> Table:
    if not found:
        return []
    rows = [(c.true, c.said, "; ".join(c.examples), f"{c.count:,}") for c in found]
    return [("true", "said", of, "times"), *rows]


def _labels_picture(outcome: Outcome) -> str:
    """Return an SVG element; nothing of words."""
    if outcome.scores.nouns is WORDS:
        return ""
    figure = labels_figure(outcome.judged, outcome.answers)
    return pictures.svg(figure, "True labels and ours over the steps of some recordings")
