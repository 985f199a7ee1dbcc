"""`gatework bench`: the engine beside torch.nn on this machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from gatework.bench.settings import Settings
from gatework.cli.console import bold, complain, say
from gatework.cli.exits import Stopped
from gatework.cli.options import Flag
from gatework.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from gatework.bench.engine import Row
    from gatework.bench.timing import Roof

DEFAULTS = Settings()


def bench(
    *,
    settings: Annotated[Settings, Parameter(name="*")] = DEFAULTS,
    quick: Flag = False,
    json: Path | None = None,
    debug: Flag = False,
) -> None:
    """Time training and inference beside torch.nn, as ratios, over a grid of sizes.

    Both have the same weights and take turns in one process; a figure is a ratio of medians, and
    over 1 is faster than torch. A point is timed only after its results and gradients were
    compared with torch's in float64. Ctrl-C keeps what was measured.

    Args:
        settings: What to measure.
        quick: Measure four small points only; less than a minute.
        json: Write the figures and the machine's facts to this file.
        debug: Show where in the code an error came from.
    """
    if json is not None and not json.parent.is_dir():
        raise InputError(f"--json is {json}; there is no folder {json.parent}")

    from gatework.bench.grid import GRID, QUICK
    from gatework.bench.timing import use_threads

    with use_threads(settings.threads):
        _run(QUICK if quick else GRID, settings, json)


def _run(points: Sequence[Any], settings: Settings, json: Path | None) -> None:
    from gatework.bench.engine import measure, summarise
    from gatework.bench.machine import describe_machine, write_record
    from gatework.bench.parity import ParityError
    from gatework.bench.timing import find_roof
    from gatework.training import PlainProgress

    machine = describe_machine()
    for warning in machine["warnings"]:
        complain(f"Warning: {warning}.")

    # Not a bar: it redraws itself from a thread of its own, on the cores that are measured.
    progress = PlainProgress(seconds=0)
    progress.start("gatework bench")
    roof, rows, interrupt = None, [], None
    try:
        progress.update(0, "the matrix product of this machine")
        roof = find_roof(settings.seconds)
        progress.update(0, str(points[0]))
        for row in measure(points, settings, roof):
            rows.append(row)
            if len(rows) < len(points):
                progress.update(len(rows) / len(points), str(points[len(rows)]))
    except KeyboardInterrupt as error:
        interrupt = error

    if roof is not None and rows:
        if json is not None:
            record = {"machine": machine, "settings": settings, "is_whole": interrupt is None}
            summary = {which: summarise(rows, which) for which in ("training", "inference")}
            write_record(json, record | {"sgemm": roof, "summary": summary, "points": rows})
        _print(rows, settings, roof, machine)
    if interrupt is not None:
        kept = f"; the first {len(rows)} of {len(points)} points are kept" if rows else ""
        raise Stopped(f"Stopped{kept}.") from interrupt
    red = [row.refusal for row in rows if row.refusal is not None]
    if red:
        raise ParityError("; ".join(red))


def _print(
    rows: "Sequence[Row]", settings: Settings, roof: "Roof", machine: dict[str, Any]
) -> None:
    """Print the table and what it comes to."""
    from rich.console import Console

    from gatework.bench.engine import summarise

    console = Console()
    with console.capture() as capture:  # printed by us: rich takes a closed pipe for an exit
        console.print(_table(rows))
    say("\n".join(line.rstrip() for line in capture.get().splitlines()))
    opponent = f"torch.nn.{settings.cell.upper()}"
    for which in ("training", "inference"):
        summary = summarise(rows, which)
        if summary is not None:
            say(bold(f"{which.capitalize()}: {summary.geometric_mean:.2f}x {opponent}"))
            say(f"  geometric mean; least {summary.least:.2f}x, at {summary.least_at}")
    lost = _losses(rows)
    say(bold(f"Slower than {opponent}" + (":" if lost else " nowhere on this grid.")))
    for line in lost:
        say(f"  {line}")
    for backend in sorted({row.backend for row in rows if row.backend} - {"native"}):
        say(f"Not the native core but the backend {backend!r} ran this; `gatework info` says why.")
    m, k, n = roof.shape
    say(f"{machine['processor']}, torch {machine['torch']}, threads: {machine['torch_threads']}")
    say(f"  sgemm: {roof.rate / 1e9:.0f} GFLOP/s, at its best ({m}, {k}) @ ({k}, {n})")


def _table(rows: "Sequence[Row]") -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for letter in "TBIH":
        table.add_column(f"\n{letter}", justify="right", no_wrap=True)
    for which in ("training", "inference"):
        roof = ["\nroof"] if which == "training" else []  # of both, the table outgrows a terminal
        for heading in ("\nms", f"{which}\nx torch", *roof, "\nsgemm"):
            table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        cells = [str(size) for size in row.point]
        for figures, has_roof in ((row.training, True), (row.inference, False)):
            if figures is None:
                cells += ["red", "", "", ""] if has_roof else ["red", "", ""]
                continue
            style = "[red]" if round(figures.ratio, 2) < 1 else "[bold]"
            cells += [_ms(figures.ms), f"{style}{figures.ratio:.2f}"]
            cells += [f"{figures.roof:.1f}"] if has_roof else []
            cells += [f"{figures.share:.0%}"]
        table.add_row(*cells)
    return table


def _ms(ms: float) -> str:
    return f"{ms:.3f}" if ms < 1 else f"{ms:.2f}"


def _losses(rows: "Sequence[Row]") -> list[str]:
    """Say where torch is faster."""
    return [
        f"{which} at {row.point}: {figures.ratio:.2f}x"
        for row in rows
        for which, figures in (("training", row.training), ("inference", row.inference))
        if figures is not None and round(figures.ratio, 2) < 1
    ]
