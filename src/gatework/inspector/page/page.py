"""One HTML file that needs nothing else: no network, no fonts, no folder beside it."""

import base64
import datetime
import hashlib
import html
import importlib.metadata
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from gatework.files import atomic_write
from gatework.inspector.modules import asset, bundle
from gatework.inspector.page.extras import Extras
from gatework.inspector.page.payload import Payload, payload
from gatework.inspector.trace import Trace

STYLES: Final = ("inspector.css", "panels.css")
FRAME_HEIGHT: Final = 860  # pixels of a notebook's frame


def write_page(
    trace: Trace,
    path: Path,
    *,
    title: str = "What the memory did",
    subtitle: str = "",
    extras: Extras | None = None,
    sequences: tuple[int, ...] | None = None,
    what_if: bool | None = None,
) -> None:
    """Write the page of a trace, whole or not at all.

    Args:
        trace: what was recorded.
        path: the file.
        title: the page's heading.
        subtitle: the line under it: which model, which data.
        extras: results of analyses that run the model: gradient flow, attributions.
        sequences: which sequences; None takes as many as fit, from the first.
        what_if: carry the weights, up to 2 MB of them, so that the page can compute changes of the
            input itself; None does so unless they are what takes the page over 1 MB.

    Example:
        >>> import pathlib, tempfile, torch, gatework
        >>> recorded = gatework.trace(gatework.LSTM(3, 8), torch.randn(10, 2, 3))
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "memory.html"
        >>> write_page(recorded, target)
        >>> "connect-src" in target.read_text()
        False
    """
    text = page_html(
        trace, title=title, subtitle=subtitle, extras=extras, sequences=sequences, what_if=what_if
    )
    with atomic_write(path) as beside:
        beside.write_text(text, encoding="utf-8")


def page_html(
    trace: Trace,
    *,
    title: str = "What the memory did",
    subtitle: str = "",
    extras: Extras | None = None,
    sequences: tuple[int, ...] | None = None,
    what_if: bool | None = None,
) -> str:
    """The page as `write_page` writes it."""
    made = payload(trace, extras or Extras(), sequences=sequences, what_if=what_if)
    code = bundle("inspector") + "\nstart();\n"
    style = "\n".join(asset(name) for name in STYLES)
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(
        title=title,
        subtitle=subtitle,
        facts=_facts(trace, made),
        policy=_policy(code, style),
        code=Markup(code),
        style=Markup(style),
        manifest=Markup(made.manifest_json()),
        packed=made.packed,
        footer=(
            f"Written by Gatework {importlib.metadata.version('gatework')} on "
            f"{datetime.datetime.now().astimezone():%Y-%m-%d at %H:%M %Z}. "
            "One file: it loads nothing and sends nothing."
        ),
    )


def notebook_html(trace: Trace) -> str:
    """The page in a frame of its own, which a notebook can show and a converted one keeps."""
    page = html.escape(page_html(trace), quote=True)
    return (
        f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="Gatework inspector" '
        f'style="width:100%;height:{FRAME_HEIGHT}px;border:0"></iframe>'
    )


def _policy(code: str, style: str) -> str:
    """Nothing from anywhere, and of scripts and styles only our own."""
    sums = [
        base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
        for text in (code, style)
    ]
    return (
        f"default-src 'none'; script-src 'sha256-{sums[0]}'; style-src 'sha256-{sums[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _facts(trace: Trace, made: Payload) -> list[tuple[str, str]]:
    """What was recorded, for the head of the page."""
    first = trace.recordings[0]
    layers = {
        recording.path: f"{recording.path or 'the model'}: {recording.kind}"
        for recording in trace.recordings
    }
    steps = int(first.offsets[-1])
    facts = [
        ("Layer" if len(layers) == 1 else "Layers", "; ".join(layers.values())),
        ("Sequences", f"{len(first.lengths):,}"),
        ("Steps", f"{steps:,}"),
    ]
    errors = [each.replay_error for each in trace.recordings if each.replay_error is not None]
    if errors:
        facts.append(("Replay of torch's layer", f"max |Δh| = {max(errors):.1e}"))
    facts += [("On this page", remark) for remark in _left_out(made.manifest)]
    return facts


def _left_out(manifest: dict[str, Any]) -> list[str]:
    remarks = []
    for each in manifest["recordings"]:
        shown = len(each["sequences"])
        if shown < each["total"]:
            remarks.append(f"{shown} of {each['total']:,} sequences of {each['name']}")
        if each["pool"] > 1:
            remarks.append(
                f"{each['name']}: {each['pool']} steps a column (mean gates, last states)"
            )
    return remarks
