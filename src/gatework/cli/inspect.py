"""`gatework inspect`: what the memory of a run did, as one page, a picture or a few lines."""

import dataclasses
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from gatework.cli.console import align, say
from gatework.cli.options import Flag, check_output
from gatework.cli.tasks import task_of_run
from gatework.errors import InputError
from gatework.files import atomic_write
from gatework.tasks.run import PAGE

if TYPE_CHECKING:
    from gatework.inspector import Inspection, Trace


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class InspectOptions:
    """What is made of a run.

    Args:
        out: Where the page goes; left out, inspect.html in the run, or beside the trace.
        sequences: How many sequences to look at, at most.
        save: Keep the trace, every gate and state, as this file.
        png: Draw the gates and the memory of the first sequence as this picture.
        text: Print a summary and write no page.
        json: Print the summary as JSON and write no page.
        quick: Leave out what runs the model again: attributions, and gradients through time.
        browser: Whether to open the page in a browser; never where the output is no terminal.
        debug: Show where in the code an error came from.
    """

    out: Path | None = None
    sequences: int = 6
    save: Path | None = None
    png: Path | None = None
    text: Flag = False
    json: Flag = False
    quick: Flag = False
    browser: Annotated[bool, Parameter(show_default=False)] = True
    debug: Flag = False

    def __post_init__(self) -> None:
        if self.sequences < 1:
            raise InputError(f"--sequences is {self.sequences}; expected 1 or more")
        for name, suffix in (("out", ".html"), ("png", ".png")):
            path = getattr(self, name)
            if path is not None:
                check_output(path, (suffix,), option=name)


DEFAULTS = InspectOptions()


def inspect(
    what: Annotated[Path, Parameter(name="RUN")],
    file: Annotated[Path | None, Parameter(name="FILE")] = None,
    /,
    *,
    options: InspectOptions = DEFAULTS,
) -> None:
    """Look inside a run: its gates and memory, step by step, on its own data or another file.

    Writes one offline page and, in a terminal, opens it.

    Args:
        what: Folder of a run, or a trace that --save or trace.save wrote.
        file: Data of the kind the run was fitted on; left out, the run's own.
        options: What is made of it.
    """
    if what.is_file():
        inspection, trace, page = None, _load(what, file), what.with_suffix(".html")
    else:
        inspection = task_of_run(what).inspect(what, file, options.sequences)
        trace, page = inspection.trace(), what / PAGE
    made = []
    if options.save is not None:
        trace.save(options.save)
        made.append(("trace", str(options.save)))
    if options.png is not None:
        with atomic_write(options.png) as beside:
            trace.plot().savefig(beside, format="png", dpi=160)
        made.append(("picture", str(options.png)))
    if options.text or options.json:
        _print(trace, as_json=options.json)
        return
    page = options.out or page
    _write(page, what, trace, None if options.quick else inspection)
    say(align([("page", str(page)), *made], indent=0))
    if options.browser and sys.stdout.isatty():
        webbrowser.open(page.resolve().as_uri())


def _load(path: Path, file: Path | None) -> "Trace":
    from gatework.inspector import Trace

    if file is not None:
        raise InputError(f"{path} is a trace, which has its data: leave out {file}")
    if path.suffix in (".pt", ".pth", ".ckpt", ".bin"):
        raise InputError(
            f"{path} is a checkpoint: which data to look at it with is said in Python, by "
            "gatework.inspector.layers_of(path) and gatework.trace(layer, x)"
        )
    return Trace.load(path)


def _write(page: Path, what: Path, trace: "Trace", inspection: "Inspection | None") -> None:
    """Write the page; with an inspection also what is found by running the model again."""
    from gatework.inspector.page.page import write_page

    if inspection is None:
        write_page(trace, page, title="What the memory did", subtitle=str(what))
        return
    from gatework.inspector.evidence import evidence

    write_page(trace, page, title=inspection.title, subtitle=str(what), extras=evidence(inspection))


def _print(trace: "Trace", *, as_json: bool) -> None:
    from gatework.inspector.text import facts, summary

    if as_json:
        say(msgspec.json.format(msgspec.json.encode(facts(trace))).decode())
    else:
        say(summary(trace))
