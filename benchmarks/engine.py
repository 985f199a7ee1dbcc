"""gatework.LSTM beside torch.nn.LSTM: training and inference, dense and ragged, as ratios.

Both layers have the same weights and inputs and take turns in one process; the figure is the ratio
of the medians. No point is timed before outputs and all gradients have been compared with torch's
in float64. Shares of the machine's own matrix-product rate count 2 operations a multiply-add.

    python benchmarks/engine.py                 # all points, at torch's number of threads
    python benchmarks/engine.py --threads 1 --out engine.json
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import gatework
from gatework.ops import core

GRID = [
    (100, batch, size, size) for size in (32, 64, 128, 256, 512) for batch in (1, 4, 8, 16, 32, 64)
]
RAGGED = [(100, 64, 128, 128), (400, 64, 128, 128)]
TOLERANCE = 1e-4  # rms, relative: float32 sums of thousands of terms, against float64


class Pair(NamedTuple):
    """The two layers, with the same weights."""

    ours: gatework.LSTM
    torchs: nn.LSTM


def make_pair(inputs: int, hidden: int) -> Pair:
    """Two layers with the same weights."""
    pair = Pair(gatework.LSTM(inputs, hidden), nn.LSTM(inputs, hidden))
    pair.torchs.load_state_dict(pair.ours.state_dict())
    return pair


def train(layer: nn.Module, x: Tensor, dy: Tensor, lengths: Tensor | None) -> list[Tensor]:
    """Forward and backward, to the weights and the input."""
    if lengths is None:
        y, _ = layer(x)
    elif isinstance(layer, nn.LSTM):
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        y, _ = pad_packed_sequence(layer(packed)[0], total_length=len(x))
    else:
        y, _ = layer(x, lengths=lengths)
    return [y, *torch.autograd.grad(y, [x, *layer.parameters()], dy)]


def check_parity(pair: Pair, x: Tensor, dy: Tensor, lengths: Tensor | None) -> float:
    """The largest relative rms difference from torch in float64; an error if it is too large."""
    truth = nn.LSTM(x.shape[2], dy.shape[2]).double()
    truth.load_state_dict(pair.ours.state_dict())
    expected = train(truth, x.detach().double().requires_grad_(), dy.double(), lengths)
    found = train(pair.ours, x, dy, lengths)
    with torch.no_grad():
        worst = max(
            float((a.double() - b).norm() / b.norm().clamp_min(1e-30))
            for a, b in zip(found, expected, strict=True)
        )
    if not worst < TOLERANCE:
        raise SystemExit(f"no timing: parity is off by {worst:.1e} at {tuple(x.shape)}")
    return worst


def medians(calls: list[Callable[[], object]], seconds: float) -> list[float]:
    """The median time of each of `calls`, which take turns for about `seconds`."""
    taken: list[list[float]] = [[] for _ in calls]
    began = time.perf_counter()
    while len(taken[0]) < 5 or time.perf_counter() - began < seconds:
        for call, times in zip(calls, taken, strict=True):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
    return [statistics.median(times[1:]) for times in taken]


def infer(layer: nn.Module, x: Tensor) -> Tensor:
    """Forward only."""
    with torch.no_grad():
        return layer(x)[0]


def dense_point(shape: tuple[int, int, int, int], seconds: float) -> dict[str, object]:
    """One row of the dense table."""
    steps, batch, inputs, hidden = shape
    pair = make_pair(inputs, hidden)
    x, dy = torch.randn(steps, batch, inputs, requires_grad=True), torch.randn(steps, batch, hidden)
    parity = check_parity(pair, x, dy, None)
    left, right = (
        torch.randn(steps * batch, inputs + hidden),
        torch.randn(inputs + hidden, 4 * hidden),
    )
    ours, torchs, ours_inference, torchs_inference, product = medians(
        [
            lambda: train(pair.ours, x, dy, None),
            lambda: train(pair.torchs, x, dy, None),
            lambda: infer(pair.ours, x),
            lambda: infer(pair.torchs, x),
            lambda: left @ right,
        ],
        seconds,
    )
    return {
        "T,B,I,H": shape,
        "training_ms": 1e3 * ours,
        "training_over_torch": torchs / ours,
        "inference_ms": 1e3 * ours_inference,
        "inference_over_torch": torchs_inference / ours_inference,
        "training_share_of_sgemm": 3 * product / ours,
        "parity": parity,
    }


def ragged_point(shape: tuple[int, int, int, int], seconds: float) -> dict[str, object]:
    """One row of the ragged table: lengths uniform from a tenth of T to T."""
    steps, batch, inputs, hidden = shape
    pair = make_pair(inputs, hidden)
    x, dy = torch.randn(steps, batch, inputs, requires_grad=True), torch.randn(steps, batch, hidden)
    lengths = torch.randint(steps // 10, steps + 1, (batch,))
    lengths[0] = steps
    dy = dy * (torch.arange(steps).unsqueeze(1) < lengths).unsqueeze(2)
    parity = check_parity(pair, x, dy, lengths)
    ours, dense, packed, padded = medians(
        [
            lambda: train(pair.ours, x, dy, lengths),
            lambda: train(pair.ours, x, dy, None),
            lambda: train(pair.torchs, x, dy, lengths),
            lambda: train(pair.torchs, x, dy, None),
        ],
        seconds,
    )
    real = float(lengths.sum()) / (steps * batch)
    return {
        "T,B,I,H": shape,
        "training_ms": 1e3 * ours,
        "training_over_torch_packed": packed / ours,
        "training_over_torch_padded": padded / ours,
        "real_share_of_steps": real,
        "time_over_share_of_dense": ours / dense / real,
        "parity": parity,
    }


def main() -> None:
    """Print the table, and JSON at the end or to a file."""
    parser = argparse.ArgumentParser(description="gatework.LSTM beside torch.nn.LSTM")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each point")
    parser.add_argument(
        "--point", type=int, nargs=4, metavar=("T", "B", "I", "H"), help="only this"
    )
    parser.add_argument("--out", type=Path, help="write the JSON here")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)

    rows = []
    for shape in [tuple(arguments.point)] if arguments.point else GRID:
        row = dense_point(shape, arguments.seconds)
        rows.append(row)
        print(
            f"{shape!s:22} training {row['training_ms']:8.2f} ms,"
            f" {row['training_over_torch']:5.2f}x torch,"
            f" {row['training_share_of_sgemm']:4.0%} of sgemm;"
            f"  inference {row['inference_over_torch']:5.2f}x",
            flush=True,
        )
    ragged = [] if arguments.point else [ragged_point(shape, arguments.seconds) for shape in RAGGED]
    for row in ragged:
        print(
            f"{row['T,B,I,H']!s:22} ragged   {row['training_ms']:8.2f} ms,"
            f" {row['training_over_torch_packed']:5.2f}x torch packed,"
            f" {row['training_over_torch_padded']:5.2f}x torch padded,"
            f" {row['time_over_share_of_dense']:4.2f} of (real steps / steps) of dense",
            flush=True,
        )
    ratios = [row["training_over_torch"] for row in rows]
    inference = [row["inference_over_torch"] for row in rows]
    result = {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "threads": arguments.threads,
            "torch": torch.__version__,
            **core.describe(),
        },
        "training_geometric_mean": statistics.geometric_mean(ratios),
        "training_least": min(ratios),
        "inference_geometric_mean": statistics.geometric_mean(inference),
        "inference_least": min(inference),
        "dense": rows,
        "ragged": ragged,
    }
    print(
        f"training: geometric mean {result['training_geometric_mean']:.2f}x, least"
        f" {result['training_least']:.2f}x; inference: {result['inference_geometric_mean']:.2f}x,"
        f" least {result['inference_least']:.2f}x"
    )
    text = json.dumps(result, indent=1)
    if arguments.out:
        arguments.out.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
