"""Training under torch.autocast in bfloat16: ours beside torch.nn.LSTM, on the grid of the bench.

    python benchmarks/bfloat16.py

"over_float32" is torch's time in float32 over ours under autocast, "over_bfloat16" torch's under
the same autocast over ours, "our_float32" our own time in float32 over that under autocast. More is
better in all three.

Parity: outputs and gradients against torch in float64. What rounds to eight bits is off by more
than other benchmarks allow: "error" is ours, rms(error) / rms(truth) at worst, and "torch_error" is
torch's under the same autocast. Ours may not be above torch's, nor above 2 %.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping

import torch
from harness import Row, is_wanted, make_parser, run
from torch import Tensor, nn

import gatework
from gatework.bench.grid import GRID, Point
from gatework.bench.parity import ParityError
from gatework.bench.passes import train
from gatework.bench.timing import take_turns
from gatework.ops.core import has_bfloat16

MOST = 0.02
EQUAL = 1.05  # of torch's error: two roundings are not the same


def rounded(layer: nn.Module, x: Tensor, dy: Tensor) -> dict[str, Tensor]:
    """Forward under autocast, and backward as ever."""
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = layer(x)
    gradients = torch.autograd.grad(y, [x, *layer.parameters()], dy)
    return {"y": y.detach()} | {str(k): each for k, each in enumerate(gradients)}


@torch.no_grad()
def error_of(found: Mapping[str, Tensor], truth: Mapping[str, Tensor]) -> float:
    """The largest rms(error) / rms(truth)."""
    pairs = zip(found.values(), truth.values(), strict=True)
    return max(float((a.double() - b).norm() / b.norm()) for a, b in pairs)


def measure(arguments: argparse.Namespace) -> Iterator[Row]:
    """A line for each point."""
    if not has_bfloat16():
        print("this processor has no fast products of bfloat16: ours are float32", file=sys.stderr)
    for point in GRID:
        if is_wanted(arguments, str(point)):
            yield measure_point(point, arguments.seconds)


def measure_point(point: Point, seconds: float) -> Row:
    """One point."""
    ours, theirs = gatework.LSTM(point.I, point.H), nn.LSTM(point.I, point.H)
    exact = nn.LSTM(point.I, point.H, dtype=torch.float64)
    for each in (theirs, exact):
        each.load_state_dict(ours.state_dict())
    x = torch.randn(point.T, point.B, point.I, requires_grad=True)
    dy = torch.randn(point.T, point.B, point.H)
    truth = train(exact, x.detach().double().requires_grad_(), dy.double())
    narrow = dy.bfloat16()
    error, torch_error = (error_of(rounded(each, x, narrow), truth) for each in (ours, theirs))
    if not error <= min(MOST, EQUAL * torch_error):
        raise ParityError(f"{point}: ours is off by {error:.1e}, torch's by {torch_error:.1e}")
    calls = {
        "ours": lambda: rounded(ours, x, narrow),
        "torch": lambda: rounded(theirs, x, narrow),
        "our float32": lambda: train(ours, x, dy),
        "torch float32": lambda: train(theirs, x, dy),
    }
    taken = take_turns(calls, seconds)
    return {
        "what": str(point),
        "ms": 1e3 * taken["ours"],
        "over_float32": taken["torch float32"] / taken["ours"],
        "over_bfloat16": taken["torch"] / taken["ours"],
        "our_float32": taken["our float32"] / taken["ours"],
        "error": error,
        "torch_error": torch_error,
    }


if __name__ == "__main__":
    run(measure, make_parser(__doc__).parse_args())
