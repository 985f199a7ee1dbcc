"""`gatework complete`: what a keyboard offers, in a terminal key by key, in a pipe line by line."""

import codecs
import dataclasses
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from gatework.cli.console import align, complain, say
from gatework.cli.options import Flag
from gatework.errors import InputError

if TYPE_CHECKING:
    from gatework.tasks.generate.completing import Completion
    from gatework.tasks.generate.estimator import LanguageModel

TAB, ENTER, ENDS, ERASES, ERASES_ALL = "\t", "\n", "\x04", ("\x7f", "\b"), "\x15"
SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*.|O.|.)?")
CLEAR = "\r\x1b[J"
PERSON = Group.create_ordered("How one person writes")


@Parameter(name="*", group=PERSON)
@dataclasses.dataclass(frozen=True)
class Adapting:
    """A run for one person.

    Args:
        adapt: Text of that person; in seconds it makes a new run, which knows how they write and
            has not forgotten what it knew. What it gains is measured on the end of the text.
        out: Folder of the new run; left out, beside RUN, with the name of the file added.
        overwrite: Replace another fit in that folder.
    """

    adapt: Path | None = None
    out: Path | None = None
    overwrite: Flag = False


NO_ADAPTING = Adapting()


def complete(
    run: Annotated[Path, Parameter(name="RUN")],
    text: Annotated[str | None, Parameter(name="TEXT")] = None,
    /,
    *,
    count: Annotated[int, Parameter(alias="-n")] = 5,
    json: Flag = False,
    timing: Flag = False,
    adapting: Adapting = NO_ADAPTING,
    debug: Flag = False,
) -> None:
    """Offer endings of the word being typed, or next words after a blank, with probabilities.

    In a terminal without TEXT: type, take the first offer with Tab, end with Ctrl-D. In a pipe each
    line is a text, and each offer a line: what was typed, the word, its probability, by tabs.

    Args:
        run: Folder of a run of the task generate.
        text: What has been typed.
        count: Offers at most.
        json: Print a line of JSON for each text.
        timing: Say on stderr how long the offers took.
        adapting: How a person writes.
        debug: Show where in the code an error came from.
    """
    if count < 1:
        raise InputError(f"--count is {count}; expected 1 or more")
    if adapting.adapt is None and adapting != NO_ADAPTING:
        raise InputError("--out and --overwrite are for the run that --adapt FILE makes")
    from gatework.tasks.generate.estimator import LanguageModel

    model = LanguageModel.load(run)
    if adapting.adapt is not None:
        _adapt(model, run, adapting.adapt, adapting)
        return
    if text is None and sys.stdin.isatty() and sys.stdout.isatty() and not json:
        _type(model, count)
        return
    texts = (line.rstrip("\n") for line in sys.stdin) if text is None else iter([text])
    seconds = []
    for each in texts:
        began = time.perf_counter()
        lines = list(_answer(model, each, count, json=json))
        seconds.append(time.perf_counter() - began)
        for line in lines:
            say(line)
        sys.stdout.flush()
    if timing and seconds:
        half, most = (sorted(seconds)[int(part * (len(seconds) - 1))] for part in (0.5, 0.95))
        complain(f"{len(seconds):,} texts: half in {half * 1e3:.1f} ms, 95 % in {most * 1e3:.1f}.")


def _adapt(model: "LanguageModel", run: Path, file: Path, adapting: Adapting) -> None:
    """Make a run for one person, and say what it gained and cost."""
    from gatework.training import choose_progress

    out = adapting.out or run.with_name(f"{run.name}-{file.name.split('.')[0]}")
    words = ["gatework", "complete", str(run), "--adapt", str(file)]
    command = shlex.join([*words, *(["--out", str(adapting.out)] if adapting.out else [])])
    adapted = model.adapt(
        file,
        run=out,
        overwrite=adapting.overwrite,
        progress=choose_progress(quiet=False),
        command=command,
    )
    assert adapted.gains_ is not None
    say(str(adapted.gains_))
    say()
    quoted = shlex.quote(str(out))
    say(
        align(
            [
                ("learnt in", f"{adapted.gains_.seconds:.0f} s; {run} stays as it was"),
                ("report", str(out / "report.html")),
                ("next", f"gatework complete {quoted}"),
            ]
        )
    )


def _answer(model: "LanguageModel", text: str, count: int, *, json: bool) -> Iterator[str]:
    found = model.complete(text, count=count)
    if json:
        import msgspec

        offers = [each._asdict() for each in found]
        yield msgspec.json.encode({"text": text, "completions": offers}).decode()
        return
    for each in found:
        yield f"{text}\t{each.word}\t{each.probability:.4f}"


def _type(model: "LanguageModel", count: int) -> None:
    """Offer completions below the line that is being typed."""
    # Of POSIX alone, and needed by nobody else.
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    text = ""
    try:
        tty.setcbreak(descriptor, termios.TCSADRAIN)  # keeps what was typed while the run loaded
        complain("Type; Tab takes the first offer, Enter begins anew, Ctrl-D ends.")
        offers = _offer(model, text, count)
        for key in _keys(descriptor):
            if key == ENDS:
                return
            if key == ENTER:
                sys.stdout.write(f"{CLEAR}{text}\n")
                text = ""
            elif key == TAB and offers:
                text += f"{offers[0].ending} "
            elif key in ERASES:
                text = text[:-1]
            elif key == ERASES_ALL:
                text = ""
            elif key.isprintable():
                text += key
            offers = _offer(model, text, count)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        sys.stdout.write(f"{CLEAR}{text}\n")


def _offer(model: "LanguageModel", text: str, count: int) -> "list[Completion]":
    """Show what was typed and, below it, what is offered."""
    offers = model.complete(text, count=count)
    shown = "  ".join(f"{each.word} {each.probability:.0%}" for each in offers)
    width = shutil.get_terminal_size().columns - 1  # a line that wraps would lose its place
    line, shown = text[-width:], shown[:width]
    # Below, then back up to where the typing goes on.
    sys.stdout.write(f"{CLEAR}{line}\n\x1b[2m{shown}\x1b[0m\x1b[A\r{line}")
    sys.stdout.flush()
    return offers


def _keys(descriptor: int) -> Iterator[str]:
    """The keys as they are typed, without what arrows and function keys send."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    while sent := os.read(descriptor, 1024):
        yield from SEQUENCE.sub("", decode(sent))
