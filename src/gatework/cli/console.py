"""Printing: results to stdout, everything else to stderr, style only on a terminal."""

import os
import sys
from collections.abc import Iterable


def say(text: str = "") -> None:
    """Print a line of the result."""
    print(text)


def complain(text: str) -> None:
    """Print one line to stderr, whatever the message holds."""
    line = " ".join(text.split())
    print(f"gatework: {line}", file=sys.stderr)


def bold(text: str) -> str:
    """Return the text in bold where stdout is a terminal that may be styled."""
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return text if plain else f"\x1b[1m{text}\x1b[0m"


def say_scores(scores: object, *, indent: int = 0) -> None:
    """Print a table of scores, and its last line, the verdict, in bold."""
    *table, verdict = str(scores).splitlines()
    say("\n".join(f"{'':{indent}}{line}" for line in table))
    say()
    say(bold(verdict))


def align(rows: Iterable[tuple[str, str]], *, indent: int = 2) -> str:
    """Lay out pairs of a name and a value in two columns.

    Example:
        >>> print(align([("a", "1"), ("long", "2")]))
          a     1
          long  2
    """
    pairs = list(rows)
    width = max((len(name) for name, _ in pairs), default=0)
    return "\n".join(f"{'':{indent}}{name:<{width}}  {value}".rstrip() for name, value in pairs)
