"""A file does one thing: fail on files past the limit, mention a median that drifts upwards.

Usage: python tools/size_budget.py [ROOT]
"""

import statistics
import sys
from pathlib import Path
from typing import NamedTuple

FOLDERS = ("src", "native", "tests", "tools", "examples", "benchmarks")
LIMITS = {".py": 400, ".h": 300, ".cpp": 300}
MEDIAN = 150

# Files that may be longer, each with the reason. An entry that is no longer needed is an error.
ALLOWED: dict[str, str] = {}


class Report(NamedTuple):
    """Failures end the check; warnings are only printed."""

    failures: list[str]
    warnings: list[str]


def count_lines(root: Path) -> dict[str, int]:
    """Return the number of lines of every source file, by its path relative to `root`."""
    files = (path for folder in FOLDERS for path in (root / folder).rglob("*"))
    return {
        path.relative_to(root).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in sorted(files)
        if path.suffix in LIMITS
    }


def judge(sizes: dict[str, int], allowed: dict[str, str]) -> Report:
    """Compare sizes with the limits.

    Args:
        sizes: lines by path.
        allowed: reasons by path, for files that may be longer.
    """
    over = {path for path, lines in sizes.items() if lines > LIMITS[Path(path).suffix]}
    failures = [
        f"{path}: {sizes[path]} lines, limit {LIMITS[Path(path).suffix]}. "
        "Split it, or give the reason in ALLOWED."
        for path in sorted(over - set(allowed))
    ]
    failures += [
        f"{path}: allowed to be long but is not. Remove it from ALLOWED."
        for path in sorted(set(allowed) - over)
    ]
    median = statistics.median(sizes.values()) if sizes else 0
    warnings = [f"median file has {median:.0f} lines; aim below {MEDIAN}."] * (median > MEDIAN)
    return Report(failures, warnings)


def main(root: Path) -> int:
    """Print what is wrong under `root`; return the exit status."""
    sizes = count_lines(root)
    report = judge(sizes, ALLOWED)
    for line in report.warnings:
        print(f"size budget: warning: {line}")
    for line in report.failures:
        print(f"size budget: {line}", file=sys.stderr)
    if not report.failures:
        print(f"size budget: {len(sizes)} files kept.")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]))
