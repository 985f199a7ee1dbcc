"""Language models: training beside torch.nn, generation from the command, completions, real text.

    python benchmarks/generate.py [--text path/to/tinyshakespeare/input.txt] [--budget 180]

Lines without --text need no data: the speeds of training (the same model on torch.nn, the same
weights, in turns), of `gatework generate` with one stream of 1 x 256, of 64 streams of 1 x 512 at
once, and of completions on one core. With --text a model is fitted within --budget seconds on the
first 90 % and the last 10 % is scored, once, beside the n-grams.
"""

import argparse
import contextlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from harness import Row, is_wanted, make_parser, run
from torch import Tensor, nn
from torch.nn import functional

from gatework.bench.parity import check_parity
from gatework.bench.timing import take_turns, use_threads
from gatework.models.language import CarryingNetwork, LanguageNetwork, LanguageShape
from gatework.tasks.generate import LanguageModel
from gatework.tasks.generate.settings import Sampling
from gatework.training.optimizer import AdamW

VOCABULARY: Final = 67
BATCH, WINDOW = 32, 64
RATE: Final = 1e-3
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


class TorchNetwork(nn.Module):
    """The same model on torch.nn, as people write it."""

    def __init__(self, shape: LanguageShape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, shape.embedding_size)
        self.lstm = nn.LSTM(shape.embedding_size, shape.hidden_size, shape.num_layers)
        self.output = nn.Linear(shape.hidden_size, shape.vocabulary)

    def forward(
        self, ids: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return logits and the state."""
        states, state = self.lstm(self.embedding(ids), state)
        return self.output(states), state


def training(hidden_size: int, num_layers: int, seconds: float) -> Row:
    """Time a training step of both."""
    shape = LanguageShape(VOCABULARY, 64, hidden_size, num_layers)
    ids = torch.randint(VOCABULARY, (WINDOW + 1, BATCH))
    inputs, targets = ids[:-1], ids[1:]
    ours, theirs = CarryingNetwork(LanguageNetwork(shape), BATCH), TorchNetwork(shape)
    theirs.load_state_dict(ours.network.state_dict())
    parameters = dict(ours.named_parameters())
    optimizer = AdamW(parameters, 0.01)
    rival = torch.optim.AdamW(theirs.parameters(), RATE, weight_decay=0.01, fused=True)
    state = [torch.zeros(num_layers, BATCH, hidden_size) for _ in range(2)]

    def our_loss() -> Tensor:
        optimizer.clear()
        loss = ours.loss(inputs, targets, begins=False)
        loss.backward()
        return loss

    def our_step() -> None:
        our_loss()
        nn.utils.clip_grad_norm_(parameters.values(), 1.0, foreach=True)
        optimizer.step(RATE)

    def their_loss() -> Tensor:
        rival.zero_grad(set_to_none=True)
        logits, after = theirs(inputs, (state[0], state[1]))
        state[:] = [part.detach() for part in after]
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        return loss

    def their_step() -> None:
        their_loss()
        nn.utils.clip_grad_norm_(theirs.parameters(), 1.0, foreach=True)
        rival.step()

    what = f"training {num_layers}x{hidden_size}"
    truth = TorchNetwork(shape).double()
    truth.load_state_dict(theirs.state_dict())
    zeros = torch.zeros(num_layers, BATCH, hidden_size, dtype=torch.float64)
    logits, _ = truth(inputs, (zeros, zeros))
    expected = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    expected.backward()
    our_loss()
    check_parity(_gradients(ours.network), _gradients(truth), what)
    taken = take_turns({"gatework": our_step, "torch": their_step}, seconds)
    return {
        "what": what,
        "characters_per_second": BATCH * WINDOW / taken["gatework"],
        "torch_characters_per_second": BATCH * WINDOW / taken["torch"],
        "times_torch": taken["torch"] / taken["gatework"],
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


def on_text(path: Path, budget: float, settings: dict[str, int | float]) -> Row:
    """Fit within a budget and score the last 10 % once."""
    began = time.monotonic()
    model = LanguageModel(time_budget=budget, **settings)  # pyright: ignore[reportArgumentType]
    model.fit(path)
    assert model.scores_ is not None
    assert model.outcome_ is not None
    ours, counted = model.scores_.methods[:2]
    sample = model.write_many("", Sampling(0.8), count=1, length=120)[0]
    print(sample.text, file=sys.stderr)
    return {
        "what": f"{path.parent.name}, {budget:g} s",
        "nats_per_character": ours.nats,
        "ngram_nats_per_character": counted.nats,
        "ngram": counted.method,
        "seconds": time.monotonic() - began,
        "steps": model.outcome_.curve[-1][0],
        "split": model.scores_.part,
        "settings": str(settings),
    }


def measure(arguments: argparse.Namespace) -> Iterator[Row]:
    """Measure what is wanted."""
    for hidden_size, num_layers in arguments.sizes:
        if is_wanted(arguments, f"training {num_layers}x{hidden_size}"):
            yield training(hidden_size, num_layers, arguments.seconds)
    for hidden_size, samples, length in ((256, 1, 20_000), (512, 64, 500)):
        if is_wanted(arguments, f"gatework generate, 1x{hidden_size}, {samples} at once"):
            yield from_the_command(hidden_size, samples, length, arguments.seconds)
    if is_wanted(arguments, "gatework complete, 1x256"):
        yield completions(256)
    if arguments.text is not None:
        named = ("hidden_size", "num_layers", "dropout", "weight_drop", "weight_decay", "seed")
        given = {n: getattr(arguments, n) for n in named if getattr(arguments, n) is not None}
        yield on_text(arguments.text, arguments.budget, given)


def _size(text: str) -> tuple[int, int]:
    layers, _, width = text.partition("x")
    return int(width), int(layers)


def main() -> None:
    """Read the arguments and run."""
    parser = make_parser(__doc__)
    parser.add_argument("--sizes", type=_size, nargs="+", default=[(256, 1), (512, 1), (384, 2)])
    parser.add_argument("--text", type=Path, help="fit and score this text")
    parser.add_argument("--budget", type=float, default=180.0, help="seconds of training")
    for name in ("hidden-size", "num-layers", "seed"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("dropout", "weight-drop", "weight-decay"):
        parser.add_argument(f"--{name}", type=float)
    run(measure, parser.parse_args())


if __name__ == "__main__":
    main()
