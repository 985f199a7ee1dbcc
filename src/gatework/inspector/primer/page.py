"""One offline HTML file from the primer's template, styles, scripts and data."""

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import jinja2

from gatework.files import atomic_write
from gatework.inspector.modules import asset, bundle
from gatework.inspector.primer.tiny import page_data


def write_primer(path: Path) -> None:
    """Write the teaching page, which needs no network and no other file.

    Example:
        >>> import pathlib, tempfile
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "primer.html"
        >>> write_primer(target)
        >>> target.read_text().startswith("<!doctype html>")
        True
    """
    with atomic_write(path) as beside:
        beside.write_text(render(), encoding="utf-8")


def render() -> str:
    """The page's HTML."""
    loader = jinja2.PackageLoader("gatework.inspector.primer", "assets")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined
    )
    data = page_data()
    script, style = bundle("primer", read_asset), asset("primer.css", "primer")
    curves = data["forget_bias"]["curves"]
    return environment.get_template("primer.html.jinja").render(
        script=script,
        style=style,
        script_hash=_hash(script),
        style_hash=_hash(style),
        data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        models=data["models"],
        forget_bias=data["forget_bias"],
        solved={bias: sum(seed[-1] >= 0.9 for seed in seeds) for bias, seeds in curves.items()},
        percents=_percents,
        command=data["command"],
    )


def read_asset(name: str) -> str:
    """The text of a file of the page; the cells are those of the inspector's page."""
    return asset(name, "page" if name == "cell.js" else "primer")


def _percents(shares: Sequence[float]) -> str:
    """100.0, 93.1 and 88.0."""
    words = [f"{100 * share:.1f}" for share in shares]
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _hash(text: str) -> str:
    """What the page's security policy lets run: exactly this text."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
