"""What the report pages of all tasks share: one file each, that loads nothing and runs nothing."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from gatework.files import atomic_write
from gatework.tasks import pictures
from gatework.tasks.run import package_version
from gatework.tasks.settings import Choice
from gatework.training.history import Curve

Table = list[tuple[str, ...]]


@dataclass(frozen=True)
class Origin:
    """How the fit was asked for, to say how to do it again.

    Args:
        name: What the data is called: a file's name, or `data frame`.
        command: The command line; None if it was asked for in Python.
        snippet: The Python lines.
    """

    name: str
    command: str | None
    snippet: str


@dataclass(frozen=True)
class Common:
    """What every page begins and ends with.

    Args:
        title: What was fitted, and for what.
        subtitle: How much of it.
        verdict: Who won, in a sentence.
        won: Whether the model did.
        training: Facts about it by name.
        curves: Of each network (step, training loss, validation loss or None).
        settings: Values by name, as the user gave them.
        choices: Settings that were chosen from the data.
    """

    title: str
    subtitle: str
    verdict: str
    won: bool
    training: Sequence[tuple[str, str]]
    curves: Sequence[Curve]
    settings: Mapping[str, Any]
    choices: Sequence[Choice]


def write_page(path: Path, package: str, common: Common, page: Any, origin: Origin) -> None:
    """Render `report.html.jinja` in the folder templates of a package, whole or not at all.

    Args:
        path: The file to write.
        package: The task's package; its template extends `base.html.jinja` of this one.
        common: What the base shows.
        page: What the task's template shows.
        origin: How the fit was asked for.
    """
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.PackageLoader(package, "templates"),
                jinja2.PackageLoader("gatework.tasks", "templates"),
            ]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("report.html.jinja").render(
        common=common,
        page=page,
        origin=origin,
        training_picture=_training_picture(common.curves),
        settings=_settings_table(common.settings, common.choices),
        footer=_footer(),
    )
    with atomic_write(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _footer() -> str:
    return (
        f"Written by Gatework {package_version()} on "
        f"{datetime.datetime.now().astimezone():%Y-%m-%d at %H:%M %Z}. "
        "This page is one file: it loads nothing and runs nothing."
    )


def _training_picture(curves: Sequence[Curve]) -> Markup:
    """Nothing for courses of one point."""
    if not any(len(curve) > 1 for curve in curves):
        return Markup("")
    figure = pictures.training_figure(curves)
    return Markup(pictures.svg(figure, "Training and validation loss over the steps"))


def _settings_table(settings: Mapping[str, Any], choices: Sequence[Choice]) -> Table:
    """Every setting, its value, and the reason where it was chosen."""
    chosen = {each.name: each for each in choices}
    rows: Table = [("Setting", "Value", "")]
    for name in dict.fromkeys([*settings, *chosen]):
        choice = chosen.get(name, Choice(name, settings.get(name), ""))
        rows.append((name, _written(choice.value), choice.reason))
    return rows


def _written(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_written(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
