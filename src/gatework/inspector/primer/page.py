"""One offline HTML file from the primer's template, styles, scripts and data."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import jinja2

from gatework.files import atomic_write
from gatework.inspector.primer.tiny import page_data

_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|function) (\w+))", re.MULTILINE)


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
    script, style = bundle("primer"), _asset("primer.css")
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


def bundle(entry: str) -> str:
    """The ES module `entry` and all that it imports as one module with the same exports.

    Each becomes a function of its own, so that no names meet.
    """
    order: dict[str, str] = {}
    _collect(entry, order)
    scopes = []
    for name, source in order.items():
        exports = ", ".join(_EXPORT.findall(source))
        body = _EXPORT.sub("", _IMPORT.sub(r"const \1 = \2_js;\n", source))
        scopes.append(f"const {name}_js = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();\n")
    names = ", ".join(_EXPORT.findall(order[entry]))
    return "\n" + "".join(scopes) + f"export const {{ {names} }} = {entry}_js;\n"


def _collect(name: str, order: dict[str, str]) -> None:
    """Add a module after those that it imports."""
    if name in order:
        return
    source = _asset(f"{name}.js")
    for _, other in _IMPORT.findall(source):
        _collect(other, order)
    order[name] = source


def _asset(name: str) -> str:
    """The text of a file of the page; the cells are those of the inspector's page."""
    folder = "page" if name == "cell.js" else "primer"
    return (files("gatework.inspector") / folder / "assets" / name).read_text(encoding="utf-8")


def _percents(shares: Sequence[float]) -> str:
    """100.0, 93.1 and 88.0."""
    words = [f"{100 * share:.1f}" for share in shares]
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _hash(text: str) -> str:
    """What the page's security policy lets run: exactly this text."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
