"""One epoch of a small forecaster: ours, the same loop with torch.nn.LSTM, and Keras on torch.

    python benchmarks/keras_epoch.py

4096 windows, T=50, F=8, LSTM(50), Dense(1), batch 32, mean squared error, Adam. The torch loops
differ in one class. Keras takes part if it is installed, in an environment of its own:
`pip install keras`; its first epoch is not timed, and it runs --keras-epochs after the others,
since one takes it tens of seconds.

"roof" is the ratio if the layer took no longer than its matrix products: over the same loop with a
layer that computes nothing, plus those at the rate of this machine's own product.

Parity: the gradients of a batch against float64, and the loss of the first epoch against torch's.
"""

import argparse
import importlib
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import torch
from harness import Row, is_wanted, make_parser, run
from torch import Tensor, nn

import gatework
from gatework.bench.engine import operations
from gatework.bench.grid import Point
from gatework.bench.parity import ParityError, check_parity
from gatework.bench.passes import train
from gatework.bench.settings import Settings
from gatework.bench.timing import find_roof, take_turns

WINDOWS, STEPS, FEATURES, UNITS, BATCH = 4096, 50, 8, 50, 32
ROOF_SECONDS = 0.5
LOSS_TOLERANCE = 1e-3  # 128 steps of Adam, each of which passes float32's rounding on


class _Nothing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, *weights: Tensor) -> Tensor:
        ctx.save_for_backward(*weights)
        return y.clone()

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor | None, ...]:
        return None, *(torch.zeros_like(weight) for weight in ctx.saved_tensors)


class Nothing(nn.LSTM):
    """A layer with the weights of an LSTM that computes nothing: what is left is the loop's."""

    def forward(self, x: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Give (B, T, H), of a fixed batch."""
        y = x.new_zeros(len(x), STEPS, UNITS)
        return _Nothing.apply(y, *self.parameters()), None


class Model(nn.Module):
    """A recurrent layer and a readout of its last step, after a fixed seed."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.lstm = kind(FEATURES, UNITS, batch_first=True)
        self.readout = nn.Linear(UNITS, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Predict (B, 1) from (B, T, F)."""
        return self.readout(self.lstm(x)[0][:, -1])


def run_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
    """Train once over all windows; return the mean loss."""
    total = 0.0
    for index in torch.randperm(WINDOWS).split(BATCH):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x[index]), y[index])
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / (WINDOWS // BATCH)


def make_loop(kind: Any, x: Tensor, y: Tensor) -> tuple[Any, float]:
    """Return a call that runs one more epoch, and the loss of the first one, already run."""
    model = Model(kind)
    optimizer = torch.optim.Adam(model.parameters())
    torch.manual_seed(1)
    first = run_epoch(model, optimizer, x, y)
    return lambda: run_epoch(model, optimizer, x, y), first


def measure(arguments: argparse.Namespace) -> Iterator[Row]:
    """A line beside torch, and one beside Keras if it is there."""
    x = torch.randn(WINDOWS, STEPS, FEATURES)
    y = x[:, :, :1].mean(1)
    parity = gate()
    ours, our_loss = make_loop(gatework.LSTM, x, y)
    theirs, their_loss = make_loop(nn.LSTM, x, y)
    if not abs(our_loss - their_loss) <= LOSS_TOLERANCE * their_loss:
        raise ParityError(f"the first epoch ends at a loss of {our_loss}; torch's at {their_loss}")
    without, _ = make_loop(Nothing, x, y)
    calls = {"ours": ours, "torch": theirs, "without a layer": without}
    taken = take_turns(calls, arguments.seconds)
    forward = operations(Point(STEPS, WINDOWS, FEATURES, UNITS), Settings())
    to_h = operations(Point(STEPS, WINDOWS, 0, UNITS), Settings())  # x wants no gradient
    products = (2 * forward + to_h) / find_roof(ROOF_SECONDS).rate
    least = taken["without a layer"] + products
    yield {
        "what": "an epoch, beside torch.nn.LSTM",
        "seconds": taken["ours"],
        "torch_over_ours": taken["torch"] / taken["ours"],
        "roof": taken["torch"] / least,
        "parity": parity,
    }
    if not is_wanted(arguments, "keras"):
        return
    if importlib.util.find_spec("keras") is None:
        print("keras is not installed here (pip install keras): left out", file=sys.stderr)
        return
    keras = keras_seconds(x, y, arguments.keras_epochs)
    yield {"what": "an epoch, beside Keras on torch", "keras_over_ours": keras / taken["ours"]}


def gate() -> float:
    """Compare the gradients of one batch with torch's in float64."""
    ours = gatework.LSTM(FEATURES, UNITS)
    exact = nn.LSTM(FEATURES, UNITS, dtype=torch.float64)
    exact.load_state_dict(ours.state_dict())
    x = torch.randn(STEPS, BATCH, FEATURES, requires_grad=True)
    dy = torch.randn(STEPS, BATCH, UNITS)
    truth = train(exact, x.detach().double().requires_grad_(), dy.double())
    return check_parity(train(ours, x, dy), truth, "one batch")


def keras_seconds(x: Tensor, y: Tensor, epochs: int) -> float:
    """Return the median time of an epoch of Keras's own fit, on its torch backend."""
    os.environ["KERAS_BACKEND"] = "torch"
    keras: Any = importlib.import_module("keras")
    model = keras.Sequential(
        [
            keras.layers.Input((STEPS, FEATURES)),
            keras.layers.LSTM(UNITS),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer="adam", loss="mse")
    times = []
    for _ in range(1 + epochs):
        began = time.perf_counter()
        model.fit(x.numpy(), y.numpy(), batch_size=BATCH, epochs=1, verbose=0)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


if __name__ == "__main__":
    parser = make_parser(__doc__)
    parser.add_argument("--keras-epochs", type=int, default=1, help="timed epochs of Keras")
    run(measure, parser.parse_args())
