"""Peak memory of one training pass on a long sequence: torch.nn.LSTM, and ours by memory=.

    python benchmarks/memory.py

T=4000, B=16, I=H=256. Each runs in a process of its own (Linux): layer, input and what arrives at
the output are made first, then the same pass at T=8, then the memory in use is read, then one pass
at full length; the figure is the peak of resident memory (VmHWM) above that reading. The output
and the gradient of the input are in it for all. Parity is checked at T=64 in the parent.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from harness import Row, is_wanted, make_parser, run
from torch import nn

import gatework
from gatework.bench.parity import check_parity
from gatework.bench.passes import train

KINDS: dict[str, dict[str, Any]] = {
    "torch.nn.LSTM": {},
    "memory=tape": {"memory": "tape"},
    "memory=recompute": {"memory": "recompute"},
}
MIB = 2**20


def make(what: str, size: int) -> nn.Module:
    """Return the layer that a line is about."""
    kind: Any = gatework.LSTM if KINDS[what] else nn.LSTM
    return kind(size, size, **KINDS[what])


def measure(arguments: argparse.Namespace) -> Iterator[Row]:
    """A line for each kind, as a share of torch's."""
    _, batch, size = arguments.point
    of_torch = None
    for what in KINDS:
        if not is_wanted(arguments, what):
            continue
        parity = gate(what, size, batch)
        numbers = [str(number) for number in arguments.point]
        threads = str(torch.get_num_threads())
        command = [sys.executable, __file__, "--child", what, "--point", *numbers]
        done = subprocess.run(
            [*command, "--threads", threads], capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{what}, in its own process:\n{done.stderr}")
        mib = float(done.stdout) / MIB
        row: Row = {"what": what, "peak_MiB": mib, "parity": parity}
        if what == "torch.nn.LSTM":
            of_torch = mib
        yield row | ({"of_torch": mib / of_torch} if of_torch else {})


def gate(what: str, size: int, batch: int) -> float:
    """Compare the layer with torch in float64 on a shorter sequence."""
    layer = make(what, size)
    exact = nn.LSTM(size, size, dtype=torch.float64)
    exact.load_state_dict(layer.state_dict())
    x, dy = torch.randn(64, batch, size, requires_grad=True), torch.randn(64, batch, size)
    truth = train(exact, x.detach().double().requires_grad_(), dy.double())
    return check_parity(train(layer, x, dy), truth, what)


def child(arguments: argparse.Namespace) -> None:
    """Print the peak of one pass above what was in use before it, in bytes."""
    torch.set_num_threads(arguments.threads)
    steps, batch, size = arguments.point
    layer = make(arguments.child, size)
    x, dy = torch.randn(steps, batch, size, requires_grad=True), torch.randn(steps, batch, size)
    train(layer, x.detach()[:8].requires_grad_(), dy[:8])
    before = resident("VmRSS")
    train(layer, x, dy)
    print(resident("VmHWM") - before)


def resident(field: str) -> int:
    """VmRSS or VmHWM of this process, in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"this system does not tell {field}")


if __name__ == "__main__":
    parser = make_parser(__doc__)
    parser.add_argument(
        "--point", type=int, nargs=3, default=[4000, 16, 256], metavar=("T", "B", "H")
    )
    parser.add_argument("--child", choices=list(KINDS), help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    child(parsed) if parsed.child else run(measure, parsed)
