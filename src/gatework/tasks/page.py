"""What the report pages of all tasks share: one file each, that loads nothing and runs nothing."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from gatework.files import atomic_write
from gatework.tasks.run import package_version

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


def write_page(path: Path, package: str, page: Any) -> None:
    """Render `report.html.jinja` in the folder templates of a package, whole or not at all.

    Args:
        path: The file to write.
        package: The task's package; its template extends `base.html.jinja` of this one.
        page: What the template shows.
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
    text = environment.get_template("report.html.jinja").render(page=page)
    with atomic_write(path) as beside:
        beside.write_text(text, encoding="utf-8")


def footer() -> str:
    """Return the last line of a page."""
    return (
        f"Written by Gatework {package_version()} on "
        f"{datetime.datetime.now().astimezone():%Y-%m-%d at %H:%M %Z}. "
        "This page is one file: it loads nothing and runs nothing."
    )


def settings_table(settings: Mapping[str, Any], choices: Mapping[str, tuple[Any, str]]) -> Table:
    """Return every setting, its value, and the reason where it was chosen from the data.

    Args:
        settings: Values by name, as the user gave them.
        choices: By name, the value that was chosen and why.
    """
    rows: Table = [("Setting", "Value", "")]
    for name in dict.fromkeys([*settings, *choices]):
        value, reason = choices.get(name, (settings.get(name), ""))
        rows.append((name, _written(value), reason))
    return rows


def _written(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_written(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
