"""Language models: training beside torch.nn, generation from the command, completions, real text.

    python benchmarks/generate.py [--text path/to/tinyshakespeare/input.txt] [--epochs 12]

Lines without --text need no data: the speeds of training (the same model on torch.nn as people
write it, in float32, the same weights, in turns; where ours is trained in bfloat16, torch's under
autocast too), of `gatework generate` with one stream of 1 x 256, of 64
streams of 1 x 512 at once, and of completions on one core. With --text a model is fitted on the
first 90 %, with the settings that are given, and the last 10 % is scored, once, beside the n-grams.
"""

import argparse
import contextlib
import copy
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from harness import Row, is_wanted, make_parser, run
from language_rivals import our_name, rival_of
from torch import Tensor, nn
from torch.nn import functional

from gatework.bench.parity import check_parity
from gatework.bench.timing import take_turns, use_threads
from gatework.models.language import (
    CarryingNetwork,
    LanguageNetwork,
    LanguageRegularisation,
    LanguageShape,
)
from gatework.tasks.generate import LanguageModel
from gatework.tasks.generate.settings import Sampling
from gatework.training.optimizer import AdamW

VOCABULARY: Final = 67
RATE: Final = 1e-3
WHOLE: Final = ("hidden_size", "num_layers", "batch_size", "epochs", "ngram", "seed")
REAL: Final = ("dropout", "weight_drop", "weight_decay", "learning_rate", "time_budget")
WORDS: Final = (
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "and",
    "sleeps",
)


def sentences(count: int) -> str:
    """Return a text whose model can be as untrained as it is: only its speed is asked for."""
    draw = np.random.default_rng(0)
    return "".join(f"{' '.join(draw.choice(WORDS, 9))}.\n" for _ in range(count))


class Regime(NamedTuple):
    """How the same model is trained by both."""

    name: str
    batch_size: int = 32
    window: int = 64
    dropped: float = 0.0
    layer_norm: bool = False
    rounds: bool = False  # products in bfloat16, by torch.autocast


REGIMES: Final = (
    Regime("plain"),
    Regime("AWD", dropped=0.25),  # locked dropout and weight drop
    Regime("batch 4", batch_size=4),
    Regime("layer norm", layer_norm=True),
    Regime("plain in bfloat16", rounds=True),
    Regime("AWD in bfloat16", dropped=0.25, rounds=True),
)


def training(hidden_size: int, num_layers: int, regime: Regime, seconds: float) -> Row:
    """Time a training step of both."""
    shape = LanguageShape(VOCABULARY, 64, hidden_size, num_layers, layer_norm=regime.layer_norm)
    rates = LanguageRegularisation(dropout=regime.dropped, weight_drop=regime.dropped)
    ids = torch.randint(VOCABULARY, (regime.window + 1, regime.batch_size))
    inputs, targets = ids[:-1], ids[1:]
    network = LanguageNetwork(shape, rates)
    ours, theirs = CarryingNetwork(network, regime.batch_size), rival_of(shape, rates)
    own = network.state_dict()
    theirs.load_state_dict({name: own[our_name(name)] for name in theirs.state_dict()})
    parameters = dict(ours.named_parameters())
    optimizer = AdamW(parameters, 0.01)
    rival = torch.optim.AdamW(theirs.parameters(), RATE, weight_decay=0.01, fused=True)
    zeros = torch.zeros(num_layers, regime.batch_size, hidden_size)
    state = [zeros, zeros]

    def our_step() -> None:
        optimizer.clear()
        with torch.autocast("cpu", torch.bfloat16, enabled=regime.rounds):
            loss = ours.loss(inputs, targets, begins=False)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters.values(), 1.0, foreach=True)
        optimizer.step(RATE)

    def their_step(*, rounds: bool = False) -> None:
        rival.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=rounds):
            logits, after = theirs(inputs, (state[0], state[1]))
            loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        state[:] = [part.detach().float() for part in after]
        loss.backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 1.0, foreach=True)
        rival.step()

    layers = f"{num_layers}x{hidden_size}"
    what = f"training {layers}, {regime.name}"
    truth = copy.deepcopy(theirs).double().eval()
    logits, _ = truth(inputs, (zeros.double(), zeros.double()))
    functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
    ours.eval().loss(inputs, targets, begins=True).backward()
    found = _gradients(network)
    expected = {our_name(name): gradient for name, gradient in _gradients(truth).items()}
    check_parity(found, expected, what)
    ours.train()
    calls = {"gatework": our_step, "torch": their_step}
    if regime.rounds:
        calls["torch in bfloat16"] = lambda: their_step(rounds=True)
    taken = take_turns(calls, seconds)
    characters = regime.batch_size * regime.window
    return {
        "what": what,
        "characters_per_second": characters / taken["gatework"],
        "torch_characters_per_second": characters / taken["torch"],
        "times_torch": taken["torch"] / taken["gatework"],
        **(
            {"times_torch_in_bfloat16": taken["torch in bfloat16"] / taken["gatework"]}
            if regime.rounds
            else {}
        ),
    }


def _gradients(network: nn.Module) -> dict[str, Tensor]:
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


@contextlib.contextmanager
def model_run(hidden_size: int) -> Iterator[Path]:
    """Give a run of a model of one layer."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "run"
        model = LanguageModel(hidden_size=hidden_size, epochs=1, batch_size=8)
        model.fit([sentences(400)], run=place)
        yield place


def from_the_command(hidden_size: int, samples: int, length: int, seconds: float) -> Row:
    """Time `gatework generate`, without its start; the best of some calls."""
    best, end = 0.0, time.monotonic() + seconds
    with model_run(hidden_size) as place:
        while best == 0 or time.monotonic() < end:
            words = ["generate", str(place), "--length", str(length), "-n", str(samples)]
            done = subprocess.run(
                [sys.executable, "-m", "gatework", *words, "--timing"],
                capture_output=True,
                text=True,
                check=True,
            )
            found = re.search(r"([\d,]+) a second", done.stderr)
            assert found is not None, done.stderr
            best = max(best, float(found[1].replace(",", "")))
    what = f"gatework generate, 1x{hidden_size}, {samples} at once"
    return {"what": what, "characters_per_second": best}


def completions(hidden_size: int) -> Row:
    """Time completions on one core while a text is typed, and of texts that are new."""
    text = sentences(20)
    with model_run(hidden_size) as place, use_threads(1):
        model = LanguageModel.load(place)
        typed, fresh = [], []
        for end in range(1, len(text)):
            typed.append(_seconds(model, text[:end]))
        for end in range(100, len(text), 7):
            fresh.append(_seconds(model, text[end - 100 : end]))
    row: Row = {"what": f"gatework complete, 1x{hidden_size}"}
    for name, taken in (("typed", typed), ("fresh", fresh)):
        for share in (50, 95):
            row[f"{name}_p{share}_ms"] = float(np.percentile(taken, share)) * 1e3
    return row


def _seconds(model: LanguageModel, text: str) -> float:
    began = time.perf_counter()
    model.complete(text)
    return time.perf_counter() - began


def on_text(path: Path, settings: dict[str, Any]) -> Row:
    """Fit, and score the last 10 % once."""
    began, worked = time.monotonic(), time.process_time()
    model = LanguageModel(**settings)
    model.fit(path)
    assert model.scores_ is not None
    assert model.outcome_ is not None
    ours, counted = model.scores_.methods[:2]
    row: Row = {
        "what": f"{path.parent.name}, ngram {settings.get('ngram', 'as chosen')}",
        "nats_per_character": ours.nats,
        "bits_per_character": ours.bits,
        "ngram_nats_per_character": counted.nats,
        "ngram": counted.method,
        "seconds": time.monotonic() - began,
        "processor_seconds": time.process_time() - worked,
        "steps": model.outcome_.curves[0][-1][0],
        "split": model.scores_.part,
        "settings": str(settings),
    }
    sample = model.write_many("", Sampling(0.8), count=1, length=120)[0]
    print(sample.text, file=sys.stderr)
    return row


def measure(arguments: argparse.Namespace) -> Iterator[Row]:
    """Measure what is wanted."""
    for hidden_size, num_layers in arguments.sizes:
        for regime in REGIMES:
            what = f"training {num_layers}x{hidden_size}, {regime.name}"
            if is_wanted(arguments, what) and not (regime.layer_norm and num_layers > 1):
                yield training(hidden_size, num_layers, regime, arguments.seconds)
    for hidden_size, samples, length in ((256, 1, 20_000), (512, 64, 500)):
        if is_wanted(arguments, f"gatework generate, 1x{hidden_size}, {samples} at once"):
            yield from_the_command(hidden_size, samples, length, arguments.seconds)
    if is_wanted(arguments, "gatework complete, 1x256"):
        yield completions(256)
    if arguments.text is not None:
        given = {n: getattr(arguments, n) for n in (*WHOLE, *REAL)}
        yield on_text(arguments.text, {n: v for n, v in given.items() if v is not None})


def _size(text: str) -> tuple[int, int]:
    layers, _, width = text.partition("x")
    return int(width), int(layers)


def main() -> None:
    """Read the arguments and run."""
    parser = make_parser(__doc__)
    parser.add_argument("--sizes", type=_size, nargs="+", default=[(256, 1), (512, 1), (384, 2)])
    parser.add_argument("--text", type=Path, help="fit and score this text")
    for names, kind in ((WHOLE, int), (REAL, float)):
        for name in names:
            parser.add_argument(f"--{name.replace('_', '-')}", type=kind)
    run(measure, parser.parse_args())


if __name__ == "__main__":
    main()
