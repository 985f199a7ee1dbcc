"""What a call costs beside its arithmetic: a layer so small that only the way there is left.

    python benchmarks/overhead.py

T=1, B=1, I=2, H=2. "warm": one call after another; "swept": a pass over 4 MiB between two calls has
taken the caches. Beside torch's layer stands an autograd.Function of as many tensors that computes
nothing: less is not to be had from Python.

Parity: the results and gradients of the layer against torch's in float64.
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from harness import Row, make_parser, run
from torch import Tensor, nn

import gatework
from gatework.bench.parity import check_parity
from gatework.bench.passes import infer, train

STEPS, BATCH, FEATURES, UNITS = 1, 1, 2, 2
SWEPT = 1 << 20  # floats


class _Nothing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, *weights)
        return torch.empty(STEPS, BATCH, UNITS), torch.empty(UNITS), torch.empty(UNITS)

    @staticmethod
    def backward(ctx: Any, *_: Tensor | None) -> tuple[Tensor, ...]:
        return ctx.saved_tensors


class Nothing(nn.LSTM):
    """A layer with the weights of an LSTM that computes nothing."""

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Give (T, B, H) and two states."""
        y, *state = _Nothing.apply(x, *self.all_weights[0])
        return y, (state[0], state[1])


def measure(arguments: argparse.Namespace) -> Iterator[Row]:
    """A line for each layer and kind of pass."""
    x = torch.randn(STEPS, BATCH, FEATURES, requires_grad=True)
    dy = torch.randn(STEPS, BATCH, UNITS)
    ours = gatework.LSTM(FEATURES, UNITS)
    exact = nn.LSTM(FEATURES, UNITS, dtype=torch.float64)
    exact.load_state_dict(ours.state_dict())
    truth = train(exact, x.detach().double().requires_grad_(), dy.double())
    parity = check_parity(train(ours, x, dy), truth, "the layer")
    theirs, nothing = nn.LSTM(FEATURES, UNITS), Nothing(FEATURES, UNITS)
    calls: dict[str, Callable[[], object]] = {
        "training": functools.partial(train, ours, x, dy),
        "training, torch.nn.LSTM": functools.partial(train, theirs, x, dy),
        "training, an empty Function": functools.partial(train, nothing, x, dy),
        "inference": functools.partial(infer, ours, x.detach()),
        "inference, torch.nn.LSTM": functools.partial(infer, theirs, x.detach()),
    }
    for what, call in calls.items():
        warm, swept = (_microseconds(call, arguments.seconds, sweep) for sweep in (False, True))
        yield {"what": what, "warm_us": warm, "swept_us": swept, "parity": parity}


def _microseconds(call: Callable[[], object], seconds: float, sweep: bool) -> float:  # noqa: FBT001
    """The median time of a call."""
    memory = torch.zeros(SWEPT)
    taken: list[int] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        if sweep:
            memory.sum()
        began = time.perf_counter_ns()
        call()
        taken.append(time.perf_counter_ns() - began)
    return statistics.median(taken) / 1e3


if __name__ == "__main__":
    run(measure, make_parser(__doc__).parse_args())
