"""`gatework complete`: what a keyboard offers, in a terminal key by key, in a pipe line by line."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from gatework.cli.console import complain, say
from gatework.cli.options import Flag
from gatework.errors import InputError

if TYPE_CHECKING:
    from gatework.tasks.generate.estimator import LanguageModel

TAB, ENTER, ESCAPE, ENDS, ERASES = "\t", "\n", "\x1b", ("\x04", ""), ("\x7f", "\b")
WIDEST = 100  # columns of what has been typed that stay in view
CLEAR = "\r\x1b[J"


def complete(
    run: Annotated[Path, Parameter(name="RUN")],
    text: Annotated[str | None, Parameter(name="TEXT")] = None,
    /,
    *,
    count: Annotated[int, Parameter(alias="-n")] = 5,
    json: Flag = False,
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
        debug: Show where in the code an error came from.
    """
    if count < 1:
        raise InputError(f"--count is {count}; expected 1 or more")
    from gatework.tasks.generate.estimator import LanguageModel

    model = LanguageModel.load(run)
    if text is None and sys.stdin.isatty() and sys.stdout.isatty() and not json:
        _type(model, count)
        return
    texts = (line.rstrip("\n") for line in sys.stdin) if text is None else iter([text])
    for each in texts:
        for line in _answer(model, each, count, json=json):
            say(line)
        sys.stdout.flush()


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
        while True:
            offers = model.complete(text, count=count)
            shown = "  ".join(f"{each.word} {each.probability:.0%}" for each in offers)
            line = text[-WIDEST:]
            # Below, then back up to where the typing goes on.
            sys.stdout.write(f"{CLEAR}{line}\n\x1b[2m{shown}\x1b[0m\x1b[A\r{line}")
            sys.stdout.flush()
            key = sys.stdin.read(1)
            if key in ENDS:
                return
            if key == ENTER:
                sys.stdout.write(f"{CLEAR}{text}\n")
                text = ""
            elif key == TAB and offers:
                text += f"{offers[0].ending} "
            elif key in ERASES:
                text = text[:-1]
            elif key == ESCAPE:
                continue
            elif key.isprintable():
                text += key
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        sys.stdout.write(f"{CLEAR}{text}\n")
