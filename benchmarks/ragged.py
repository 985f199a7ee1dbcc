"""Training on sequences of different lengths, uniform from a tenth of T to T: B=64, I=H=128.

    python benchmarks/ragged.py
    python benchmarks/ragged.py --packed-passes 0      # leaves torch's packed sequences out

Figures: torch's time over ours, with packed sequences and with the padded box; and our time over
(real steps / padded steps) of our own dense time, where 1 is work in proportion. "packed_roof" is
the first of them if ours took no longer than the matrix products of the real steps. torch's packed
sequences take about a minute a pass at T=1000, so they are timed there in --packed-passes passes
(1 unless told) after the turns of the others, without a warm-up; at T=100 they take turns.

Parity: torch's dense LSTM in float64, whose outputs and gradients are those of the ragged batch
once what arrives past a length is zero.
"""

import argparse
import statistics
import time
from collections.abc import Iterator

import torch
from harness import Row, is_wanted, make_parser, run
from torch import nn

import gatework
from gatework.bench.engine import operations
from gatework.bench.grid import Point
from gatework.bench.parity import check_parity
from gatework.bench.passes import train
from gatework.bench.settings import Settings
from gatework.bench.timing import find_roof, take_turns

BATCH, WIDTH = 64, 128
ROOF_SECONDS = 0.5
LONG = 400  # steps from which packed sequences do not take turns


def measure(arguments: argparse.Namespace) -> Iterator[Row]:
    """A line for each T."""
    for steps in arguments.steps:
        what = f"T={steps} B={BATCH} I=H={WIDTH}"
        if is_wanted(arguments, what):
            yield point(steps, what, arguments)


def point(steps: int, what: str, arguments: argparse.Namespace) -> Row:
    """Measure one T."""
    ours, theirs = gatework.LSTM(WIDTH, WIDTH), nn.LSTM(WIDTH, WIDTH)
    theirs.load_state_dict(ours.state_dict())
    lengths = torch.randint(max(steps // 10, 1), steps + 1, (BATCH,))
    lengths[0] = steps
    is_real = (torch.arange(steps).unsqueeze(1) < lengths).unsqueeze(2)
    x = torch.randn(steps, BATCH, WIDTH, requires_grad=True)
    dy = torch.randn(steps, BATCH, WIDTH) * is_real

    exact = nn.LSTM(WIDTH, WIDTH, dtype=torch.float64)
    exact.load_state_dict(ours.state_dict())
    truth = train(exact, x.detach().double().requires_grad_(), dy.double())
    truth["y"] = truth["y"] * is_real
    parity = check_parity(train(ours, x, dy, lengths), truth, what)
    del exact, truth

    calls = {
        "ours": lambda: train(ours, x, dy, lengths),
        "our dense": lambda: train(ours, x, dy),
        "torch padded": lambda: train(theirs, x, dy),
        "torch packed": lambda: train(theirs, x, dy, lengths),
    }
    packed = calls["torch packed"]
    if steps >= LONG or not arguments.packed_passes:
        del calls["torch packed"]
    taken = take_turns(calls, arguments.seconds)
    if steps >= LONG and arguments.packed_passes:
        times = []
        for _ in range(arguments.packed_passes):
            began = time.perf_counter()
            packed()
            times.append(time.perf_counter() - began)
        taken["torch packed"] = statistics.median(times)

    share = float(lengths.sum()) / (steps * BATCH)
    row: Row = {"what": what, "ms": 1e3 * taken["ours"]}
    if "torch packed" in taken:
        row["torch_packed_over_ours"] = taken["torch packed"] / taken["ours"]
        dense = 3 * operations(Point(steps, BATCH, WIDTH, WIDTH), Settings())
        rate = find_roof(ROOF_SECONDS).rate
        row["packed_roof"] = taken["torch packed"] / (share * dense / rate)
    return row | {
        "torch_padded_over_ours": taken["torch padded"] / taken["ours"],
        "over_share_of_dense": taken["ours"] / taken["our dense"] / share,
        "real_share": share,
        "parity": parity,
    }


if __name__ == "__main__":
    parser = make_parser(__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 1000], help="every T")
    parser.add_argument("--packed-passes", type=int, default=1, help="at T of 400 and more")
    run(measure, parser.parse_args())
