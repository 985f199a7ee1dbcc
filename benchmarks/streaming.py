"""One step at a time, as samples arrive: gatework.Stream, beside torch.nn at batch 1.

    python benchmarks/streaming.py
    python benchmarks/streaming.py --core build/core/native/libgatework_core.a

Microseconds a step of an LSTM with I = H, on one thread, a new output tensor each included:
medians over rounds of 100 steps that take turns. "numpy_us": ours, fed NumPy arrays. "cell_us",
"lstm_us": torch.nn.LSTMCell, and torch.nn.LSTM on a sequence of one step, both under no_grad.
"c_us" is the same step from C (streaming.c, whose head says how the library is built; the C
compiler is $CC or cc), timed after and not in turns.

Parity: every way against torch in float64 over 50 steps; from C against the core's own scan.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from harness import Row, is_wanted, make_parser, run
from torch import Tensor, nn

import gatework
from gatework.bench.parity import ParityError, check_parity
from gatework.bench.timing import take_turns

ROOT = Path(__file__).resolve().parents[1]
SIZES = (8, 16, 32, 64, 128)
STEPS, ROUND = 50, 100
Step = Callable[[int], Tensor]  # of sample t % STEPS


def make_ways(theirs: nn.LSTM, x: Tensor) -> dict[str, Step]:
    """Each way to take the steps of x, (STEPS, I), from the initial state on."""
    cell: Any = nn.LSTMCell(theirs.input_size, theirs.hidden_size)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in theirs.state_dict().items()})
    tensors, arrays = list(x), list(x.numpy())
    rows = [sample.unsqueeze(0) for sample in x]
    ours, of_arrays = gatework.Stream(theirs), gatework.Stream(theirs)
    states: dict[str, Any] = {"cell": None, "lstm": None}

    def step_cell(t: int) -> Tensor:
        states["cell"] = cell(tensors[t % STEPS], states["cell"])
        return states["cell"][0]

    def step_lstm(t: int) -> Tensor:
        y, states["lstm"] = theirs(rows[t % STEPS], states["lstm"])
        return y[0]

    return {
        "ours": lambda t: ours.step(tensors[t % STEPS]),
        "numpy": lambda t: of_arrays.step(arrays[t % STEPS]),
        "cell": step_cell,
        "lstm": step_lstm,
    }


def many(step: Step) -> Callable[[], None]:
    """ROUND steps, since the clock itself takes a good part of one."""

    def call() -> None:
        for t in range(ROUND):
            step(t)

    return call


@torch.no_grad()
def measure(arguments: argparse.Namespace) -> Iterator[Row]:
    """A line for each size."""
    from_c = measure_c(arguments.core) if arguments.core else {}
    for size in SIZES:
        what = f"H={size}"
        if not is_wanted(arguments, what):
            continue
        theirs = nn.LSTM(size, size).requires_grad_(False)
        x = torch.randn(STEPS, size)
        exact = nn.LSTM(size, size).double()
        exact.load_state_dict(theirs.state_dict())
        truth = {"y": exact(x.double())[0]}
        ways = make_ways(theirs, x)
        parity = max(
            check_parity({"y": torch.stack([step(t) for t in range(STEPS)])}, truth, name)
            for name, step in ways.items()
        )
        taken = take_turns({name: many(step) for name, step in ways.items()}, arguments.seconds)
        us = {name: 1e6 * seconds / ROUND for name, seconds in taken.items()}
        row: Row = {
            "what": what,
            "ours_us": us["ours"],
            "numpy_us": us["numpy"],
            "cell_us": us["cell"],
            "lstm_us": us["lstm"],
            "cell_over_ours": us["cell"] / us["ours"],
            "lstm_over_ours": us["lstm"] / us["ours"],
            "parity": parity,
            "backend": gatework.Stream(theirs).backend,
        }
        yield row | ({"c_us": from_c[size]} if from_c else {})


def measure_c(core: Path) -> dict[int, float]:
    """Compile streaming.c against the core's static library and run it: microseconds, by H."""
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "streaming")
        sources = ["-I", str(ROOT / "native" / "include"), str(ROOT / "benchmarks" / "streaming.c")]
        libraries = [str(core.resolve()), "-lstdc++", "-lm", "-lpthread"]
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, "-O2", *sources, *libraries, "-o", program], check=True)
        done = subprocess.run([program], capture_output=True, text=True)
    if done.returncode != 0:
        raise ParityError(done.stderr.strip())
    return {row["H"]: row["c_us"] for row in map(json.loads, done.stdout.splitlines())}


if __name__ == "__main__":
    parser = make_parser(__doc__)
    parser.add_argument("--core", type=Path, help="libgatework_core.a, for the step from C")
    parser.set_defaults(threads=1)
    run(measure, parser.parse_args())
