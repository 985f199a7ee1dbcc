"""Our layer beside torch.nn's with the same weights, at one point after another."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gatework.bench.grid import Point
from gatework.bench.parity import ParityError, check_parity
from gatework.bench.passes import infer, train
from gatework.bench.settings import Settings
from gatework.bench.timing import Roof, take_turns
from gatework.layers import GRU, LSTM, RNN, explain

KINDS: dict[str, tuple[type[nn.Module], type[nn.Module], int]] = {
    "lstm": (LSTM, nn.LSTM, 4),
    "gru": (GRU, nn.GRU, 3),
    "rnn": (RNN, nn.RNN, 1),
}
ROOF_SHARE = 0.1  # of a point's seconds, before and again after it


class Figures(NamedTuple):
    """One kind of pass at one point.

    Attributes:
        ms: the median of our time.
        torch_ms: the median of torch's.
        ratio: how many times faster ours is.
        share: of the rate of this machine's matrix product, 0 to 1.
        roof: the ratio of a layer that took no longer than that product does for its operations:
            no kernel in plain float32 exceeds it.
    """

    ms: float
    torch_ms: float
    ratio: float
    share: float
    roof: float


class Row(NamedTuple):
    """One point.

    Attributes:
        point: T, B, I, H.
        training: forward and backward to the weights and the input; None where parity is red.
        inference: forward alone; None where parity is red.
        parity: the largest rms(error) / rms(truth), from torch in float64; None where it is red.
        refusal: why there are no figures, or None.
        backend: which of ours ran it; None where parity is red.
    """

    point: Point
    training: Figures | None
    inference: Figures | None
    parity: float | None
    refusal: str | None
    backend: str | None


class Summary(NamedTuple):
    """The ratios of one kind of pass over several points."""

    geometric_mean: float
    least: float
    least_at: Point


def measure(points: Sequence[Point], settings: Settings, roof: Roof) -> Iterator[Row]:
    """Measure one point after another, each on fresh layers and tensors.

    Results and all gradients are compared with torch's in float64 first: a point where they are
    off gets a reason instead of figures.
    """
    for point in points:
        try:
            yield _measure(point, settings, roof)
        except ParityError as error:
            yield Row(point, None, None, None, str(error), None)


def summarise(rows: Sequence[Row], which: str) -> Summary | None:
    """Sum up the "training" or "inference" of the rows that have figures; None if none has."""
    ratios = {row.point: getattr(row, which).ratio for row in rows if row.refusal is None}
    if not ratios:
        return None
    slowest = min(ratios, key=lambda point: ratios[point])
    return Summary(statistics.geometric_mean(ratios.values()), ratios[slowest], slowest)


def operations(point: Point, settings: Settings) -> int:
    """The operations of the matrix products of one forward pass, 2 for each multiply-add.

    Example:
        >>> operations(Point(T=10, B=2, I=3, H=5), Settings(cell="rnn"))
        1600
    """
    gates, directions = KINDS[settings.cell][2], 2 if settings.bidirectional else 1
    inputs = [point.I] + [directions * point.H] * (settings.layers - 1)
    multiply_adds = sum(gates * point.H * (width + point.H) for width in inputs)
    return 2 * point.T * point.B * directions * multiply_adds


def _measure(point: Point, settings: Settings, roof: Roof) -> Row:
    generator = torch.Generator().manual_seed(0)
    width = point.H * (2 if settings.bidirectional else 1)
    x = torch.randn(point.T, point.B, point.I, generator=generator)
    dy = torch.randn(point.T, point.B, width, generator=generator)
    ours, theirs = _layers(point, settings)
    parity = _gate(ours, theirs, x, dy, str(point))

    # Twins, so that neither pass meets what the other keeps with its layer, and turns of their own,
    # so that neither meets the other's caches.
    still, torchs_still = (layer.eval() for layer in _layers(point, settings))
    x_train = x.clone().requires_grad_()
    before = roof.again(ROOF_SHARE * settings.seconds)
    trained = take_turns(
        {"ours": lambda: train(ours, x_train, dy), "torch": lambda: train(theirs, x_train, dy)},
        settings.seconds / 2,
    )
    inferred = take_turns(
        {"ours": lambda: infer(still, x), "torch": lambda: infer(torchs_still, x)},
        settings.seconds / 2,
    )
    rate = max(before.rate, roof.again(ROOF_SHARE * settings.seconds).rate)
    once = operations(point, settings) / rate
    training = _figures(trained, 3 * once)
    inference = _figures(inferred, once)
    return Row(point, training, inference, parity, None, explain(ours, x).chosen)


def _layers(point: Point, settings: Settings) -> tuple[Any, Any]:
    """Our layer and torch's with the same weights."""
    kind, torchs_kind, _ = KINDS[settings.cell]
    ours, theirs = (
        each(point.I, point.H, num_layers=settings.layers, bidirectional=settings.bidirectional)
        for each in (kind, torchs_kind)
    )
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def _gate(ours: nn.Module, theirs: Any, x: Tensor, dy: Tensor, where: str) -> float:
    """Compare both kinds of pass with torch in float64."""
    truth = type(theirs)(
        theirs.input_size,
        theirs.hidden_size,
        num_layers=theirs.num_layers,
        bidirectional=theirs.bidirectional,
        dtype=torch.float64,
    )
    truth.load_state_dict(ours.state_dict())
    x, exact = x.clone().requires_grad_(), x.double().requires_grad_()
    found, expected = train(ours, x, dy), train(truth, exact, dy.double())
    training = check_parity(found, expected, f"{where}, training")
    found, expected = infer(ours.eval(), x), infer(truth.eval(), exact)
    ours.train()
    return max(training, check_parity(found, expected, f"{where}, inference"))


def _figures(taken: dict[str, float], at_the_roof: float) -> Figures:
    ours, theirs = taken["ours"], taken["torch"]
    return Figures(
        1e3 * ours, 1e3 * theirs, theirs / ours, at_the_roof / ours, theirs / at_the_roof
    )
