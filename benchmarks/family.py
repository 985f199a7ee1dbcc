"""The family in training: structures over torch.nn, variants over our plain LSTM and a plain loop.

    python benchmarks/family.py
    python benchmarks/family.py --threads 1 --only peephole coupled

"over" is a ratio of times. Structures: torch's over ours, so more is better. Variants: "over_plain"
is ours over our own plain LSTM's, so less is better; "naive_loop_over_ours" and
"hoisted_loop_over_ours" are the times of two eager PyTorch loops (loops.py) over ours. A roof is
the ratio that no time beyond that of the matrix products would give. Trace: the call with
trace=True over the one without.

Parity: structures against torch in float64; variants against the loop in float64, and those that
draw masks against it in evaluation mode (their gradients too), and in training against our
reference in float64 under the same seed.
"""

import argparse
import copy
from collections.abc import Iterator
from typing import Any

import torch
from harness import Row, is_wanted, make_parser, run
from loops import Loop, Variant
from torch import Tensor

import gatework
from gatework.bench.engine import ROOF_SHARE, measure, operations
from gatework.bench.grid import Point
from gatework.bench.parity import ParityError, check_parity
from gatework.bench.passes import train
from gatework.bench.settings import Settings
from gatework.bench.timing import Roof, find_roof, take_turns

STRUCTURES: dict[str, dict[str, Any]] = {
    "bidirectional lstm": {"bidirectional": True},
    "two layers lstm": {"layers": 2},
    "gru": {"cell": "gru"},
    "rnn": {"cell": "rnn"},
}


def structures(arguments: argparse.Namespace, point: Point) -> Iterator[Row]:
    """Ours beside torch.nn."""
    roof = find_roof(arguments.seconds)
    for what, options in STRUCTURES.items():
        if is_wanted(arguments, what):
            [row] = measure([point], Settings(**options, seconds=arguments.seconds), roof)
            if row.training is None:
                raise ParityError(row.refusal)
            ours = row.training
            yield {
                "what": what,
                "torch_over_ours": ours.ratio,
                "roof": ours.roof,
                "of_sgemm": ours.share,
                "backend": row.backend or "",
            }


def variants(arguments: argparse.Namespace, point: Point) -> Iterator[Row]:
    """Variants beside our plain LSTM and beside loops."""
    roof = find_roof(arguments.seconds)
    for variant in (
        Variant(),
        Variant(peephole=True),
        Variant(coupled=True),
        Variant(proj_size=point.H // 2),
        Variant(layer_norm=True),
        Variant(zoneout=0.1),
        Variant(recurrent_dropout=0.2),
        Variant(weight_drop=0.2),
        Variant(cell_clip=1.0),
    ):
        what = ", ".join(f"{k}={v}" for k, v in variant.options().items()) or "plain lstm"
        if is_wanted(arguments, what):
            yield measure_variant(variant, what, point, arguments.seconds, roof)


def measure_variant(variant: Variant, what: str, point: Point, seconds: float, roof: Roof) -> Row:
    """One variant."""
    kind: Any = gatework.LSTM
    plain, layer = kind(point.I, point.H), kind(point.I, point.H, **variant.options())
    if variant.layer_norm:
        # With factors of 1 the recurrence amplifies rounding a thousandfold in 100 steps, whoever
        # computes it; 0.1 is where recurrent norms start in practice (arXiv:1603.09025).
        with torch.no_grad():
            for name, values in layer.named_parameters():
                if name.startswith("norm_") and "weight" in name:
                    values.fill_(0.1)
    loops = {name: Loop(layer, variant, hoisted=name == "hoisted") for name in ("naive", "hoisted")}
    x = torch.randn(point.T, point.B, point.I, requires_grad=True)
    dy = torch.randn(point.T, point.B, variant.proj_size or point.H)
    dy_plain = torch.randn(point.T, point.B, point.H)
    parity = gate(layer, variant, x, dy, what)
    ours = {"ours": lambda: train(layer, x, dy)}
    beside_plain = take_turns(ours | {"plain": lambda: train(plain, x, dy_plain)}, seconds / 2)
    beside_loops = take_turns(
        ours | {name: lambda loop=loop: train(loop, x, dy) for name, loop in loops.items()},
        seconds / 2,
    )
    products = 3 * operations(point, Settings()) / roof.again(ROOF_SHARE * seconds).rate
    return {
        "what": what,
        "over_plain": beside_plain["ours"] / beside_plain["plain"],
        **{f"{name}_loop_over_ours": beside_loops[name] / beside_loops["ours"] for name in loops},
        **({} if variant.proj_size else {"naive_loop_roof": beside_loops["naive"] / products}),
        "parity": parity,
        "backend": gatework.explain(layer, x).chosen or "",
    }


def gate(layer: gatework.LSTM, variant: Variant, x: Tensor, dy: Tensor, what: str) -> float:
    """Compare a variant with the loops in float64, outputs and all gradients."""
    exact = copy.deepcopy(layer).double()
    x64 = x.detach().double().requires_grad_()
    for each in (layer, exact):
        each.train(not variant.is_random)
    worst = 0.0
    for hoisted in (False, True):
        expected = train(Loop(exact, variant, hoisted=hoisted), x64, dy.double())
        truth = {name.replace("d layer.", "d "): value for name, value in expected.items()}
        worst = max(worst, check_parity(train(layer, x, dy), truth, what))
    for each in (layer, exact):
        each.train()
    if variant.is_random:
        exact.backend = "reference"
        torch.manual_seed(1)
        truth = train(exact, x64, dy.double())
        torch.manual_seed(1)
        worst = max(worst, check_parity(train(layer, x, dy), truth, f"{what}, in training"))
    return worst


def traces(arguments: argparse.Namespace, point: Point) -> Iterator[Row]:
    """The cost of recording every gate and state."""
    if not is_wanted(arguments, "trace"):
        return
    layer = gatework.LSTM(point.I, point.H)
    params = layer.params(layer.passes[0])
    x = torch.randn(point.T, point.B, point.I, requires_grad=True)
    dy = torch.randn(point.T, point.B, point.H)

    def forward(*, trace: bool) -> Any:
        return gatework.scan(layer.cell, params, x, trace=trace)

    def backward(*, trace: bool) -> None:
        torch.autograd.grad(forward(trace=trace).output, [x, *params.values()], dy)

    exact = {name: value.double() for name, value in params.items()}
    with torch.no_grad():
        truth = gatework.scan(layer.cell, exact, x.double(), trace=True, backend="reference").trace
        assert truth is not None, "asked for"
        parity = check_parity(forward(trace=True).trace, truth, "trace")
        taken = take_turns(
            {str(trace): lambda trace=trace: forward(trace=trace) for trace in (True, False)},
            arguments.seconds,
        )
    trained = take_turns(
        {str(trace): lambda trace=trace: backward(trace=trace) for trace in (True, False)},
        arguments.seconds,
    )
    yield {
        "what": "trace=True",
        "inference_over_without": taken["True"] / taken["False"],
        "training_over_without": trained["True"] / trained["False"],
        "parity": parity,
    }


def measure_all(arguments: argparse.Namespace) -> Iterator[Row]:
    """All lines."""
    point = Point(*arguments.point)
    yield from structures(arguments, point)
    yield from variants(arguments, point)
    yield from traces(arguments, point)


if __name__ == "__main__":
    parser = make_parser(__doc__)
    parser.add_argument(
        "--point", type=int, nargs=4, default=[100, 64, 128, 128], metavar=("T", "B", "I", "H")
    )
    run(measure_all, parser.parse_args())
