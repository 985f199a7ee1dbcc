"""What these scripts share: arguments, lines as they come, a record, no figure without parity."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from gatework.bench.machine import describe_machine, write_record
from gatework.bench.parity import ParityError
from gatework.bench.timing import use_threads

Row = dict[str, str | float]
Measure = Callable[[argparse.Namespace], Iterator[Row]]


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all scripts have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, help="threads of all sides; else torch's number")
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each line")
    parser.add_argument("--out", type=Path, help="write the record here, as JSON")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="only lines that hold a word")
    return parser


def is_wanted(arguments: argparse.Namespace, what: str) -> bool:
    """Whether --only leaves the line `what`."""
    return not arguments.only or any(word in what for word in arguments.only)


def run(measure: Measure, arguments: argparse.Namespace) -> None:
    """Print each row as it comes and write the record; Ctrl-C keeps what was measured.

    A red parity ends the script with status 1, and nothing is recorded.
    """
    torch.manual_seed(0)
    rows: list[Row] = []
    with use_threads(arguments.threads):
        machine = describe_machine()
        for warning in machine["warnings"]:
            print(f"warning: {warning}", file=sys.stderr)
        is_whole = True
        try:
            for row in measure(arguments):
                rows.append(row)
                print(_line(row), flush=True)
        except ParityError as error:
            sys.exit(f"no figures, parity is red: {error}")
        except KeyboardInterrupt:
            is_whole = False
    if arguments.out:
        # Of a file its name: where it lies is nobody's business.
        settings = {
            name: value.name if isinstance(value, Path) else str(value)
            for name, value in vars(arguments).items()
        }
        record = {"machine": machine, "settings": settings, "is_whole": is_whole, "rows": rows}
        write_record(arguments.out, record)
    if not is_whole:
        sys.exit(130)


def _line(row: Row) -> str:
    parts = [f"{row['what']:<34}"]
    for name, value in row.items():
        if name != "what":
            shown = f"{value:.3g}" if isinstance(value, float) else str(value)
            parts.append(f"{name.replace('_', ' ')} {shown}")
    return "  ".join(parts)
