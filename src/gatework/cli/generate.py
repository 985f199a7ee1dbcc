"""`gatework generate`: a run writes more of the like, shown as it is written."""

import dataclasses
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from gatework.cli.console import bold, complain, say
from gatework.cli.options import Flag
from gatework.errors import InputError
from gatework.tasks.generate.settings import Sampling

if TYPE_CHECKING:
    from gatework.tasks.generate.estimator import LanguageModel

DRAWING = Group.create_ordered("How it is drawn")
SHOWN_EVERY = 1 / 60  # seconds
AS_USUAL = Sampling()


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class TextWanted:
    r"""What is to be written.

    Args:
        prompt: What comes before; it is printed too.
        prompt_file: The same from a file.
        length: Tokens to write at most (characters, for a model of characters).
        samples: How many texts, written all at once as one batch.
        stop: Text that ends it, which is left out; \n is the end of a line. It may be repeated.
        json: Print a line of JSON for each text.
        timing: Say on stderr how fast it was.
    """

    prompt: str = ""
    prompt_file: Path | None = None
    length: int = 500
    samples: Annotated[int, Parameter(alias="-n")] = 1
    stop: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = ()
    json: Flag = False
    timing: Flag = False


def generate(
    run: Annotated[Path, Parameter(name="RUN")],
    /,
    *,
    wanted: TextWanted = TextWanted(),
    sampling: Annotated[Sampling, Parameter(name="*", group=DRAWING)] = AS_USUAL,
    debug: Flag = False,
) -> None:
    """Write text with a run: more of what it was fitted on.

    Args:
        run: Folder of a run of the task generate.
        wanted: What is to be written.
        sampling: How it is drawn.
        debug: Show where in the code an error came from.
    """
    if wanted.prompt and wanted.prompt_file is not None:
        raise InputError("both --prompt and --prompt-file were given; expected one of them")
    from gatework.tasks.generate.estimator import LanguageModel

    model = LanguageModel.load(run)
    prompt = wanted.prompt
    if wanted.prompt_file is not None:
        prompt = model.read(wanted.prompt_file)
    if strange := model.unknown(prompt):
        listed = ", ".join(map(repr, strange))
        complain(f"The model never saw {listed}: read as an unknown character.")
    stops = tuple(stop.replace("\\n", "\n") for stop in wanted.stop)
    began = time.perf_counter()
    if wanted.samples == 1 and not wanted.json:
        count = _write_live(model, prompt, wanted.length, stops, sampling)
    else:
        count = _write_all(model, prompt, wanted, stops, sampling)
    if wanted.timing:
        seconds = time.perf_counter() - began
        complain(f"{count:,} characters in {seconds:.2f} s: {count / seconds:,.0f} a second.")


def _write_live(
    model: "LanguageModel",
    prompt: str,
    length: int,
    stops: tuple[str, ...],
    sampling: Sampling,
) -> int:
    """Show a text while it is written; return its characters."""
    show, flush, is_live = sys.stdout.write, sys.stdout.flush, sys.stdout.isatty()
    show(bold(prompt) if prompt else "")
    count, due = 0, time.monotonic()
    for piece in model.write(prompt, sampling, length=length, stop=stops):
        show(piece)
        count += len(piece)
        # Each flush is a call of the system, which would take longer than a step.
        if is_live and time.monotonic() >= due:
            flush()
            due = time.monotonic() + SHOWN_EVERY
    show("\n")
    return count


def _write_all(
    model: "LanguageModel",
    prompt: str,
    wanted: TextWanted,
    stops: tuple[str, ...],
    sampling: Sampling,
) -> int:
    """Print texts that were written together; return their characters."""
    import msgspec

    found = model.write_many(
        prompt, sampling, count=wanted.samples, length=wanted.length, stop=stops
    )
    for number, each in enumerate(found, start=1):
        if wanted.json:
            say(msgspec.json.encode({"prompt": prompt} | each._asdict()).decode())
        else:
            say(bold(f"[{number}]"))
            say(prompt + each.text)
    return sum(len(each.text) for each in found)
