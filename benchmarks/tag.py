"""Slots and intents of ATIS, parts of speech of UD_English-EWT, movements of a wrist: scores, and
speed beside torch.nn.

    python benchmarks/tag.py score atis DATA/text/atis --test --seeds 0 1 2 --out results.json
    python benchmarks/tag.py score atis DATA/text/atis --test --members 1
    python benchmarks/tag.py score ewt DATA/text/ud_ewt --test
    python benchmarks/tag.py score motions DATA/classify/ucr --test --seeds 0 1 2
    python benchmarks/tag.py speed atis DATA/text/atis

`score` fits `gatework.Tagger` with its defaults on the training part, chooses the weights on the
validation part, and with --test reads the test part once a seed; without, validation is scored,
which is what tuning may look at. `motions` joins the series of BasicMotions (six channels, 100
steps, four movements) by fours in an order drawn once, the training series apart from the test
series: ten recordings each, with a label at each step.

`speed` times training steps of one network on the same sentences, in turn: forward, backward,
clipping, AdamW; all that `fit` does in a step but its average of the weights. Beside ours stand:

- `torch.nn.LSTM`: ours but for the two recurrences, which are torch's on packed sequences. Batches,
  embeddings, dropout, CRF, clipping and optimiser are ours on both sides.
- `plain torch`: the network as people write it, of which nothing is ours (`plain_tagger.py`): a
  CRF in the log domain, torch's clipping and its fused AdamW. Batches are ours: the words of a
  batch are looked up and spelt once each, however often they stand in it.
- `plain torch, each word spelt`: so, but every word is spelt where it stands, as is usual.

Before anything is timed, the losses and the gradients of the sides are held against each other.
Seconds are of the processor, of one thread, so that other work on the machine counts little.
"""

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from plain_tagger import Packed, PlainTagger, load_each
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, clip_grads_with_norm_, get_total_norm

from gatework.bench.machine import describe_machine, write_record
from gatework.bench.timing import use_threads
from gatework.data.batches import LengthBatches
from gatework.data.tagged import read_tagged
from gatework.data.text import UNKNOWN
from gatework.models.tagger import SequenceTagger, TaggerShape
from gatework.models.words import WordBatch, WordShape
from gatework.tasks.tag import Tagger
from gatework.tasks.tag.corpus import gather
from gatework.tasks.tag.encoding import SHAPES, Encoded, Encoder, Example
from gatework.tasks.tag.fitting import choose_effort
from gatework.tasks.tag.settings import TagSettings
from gatework.training import PlainProgress
from gatework.training.optimizer import AdamW

FILES = {
    "atis": ("train.jsonl.gz", "valid.jsonl", "test.jsonl"),
    "ewt": ("train.conllu.gz", "dev.conllu.gz", "test.conllu.gz"),
}
MOTIONS = "motions"
WEIGHT_DECAY = 0.01
CLIP_NORM = 5.0
RATE = 1e-3
WARMUP = 3  # steps that are not timed
Row = dict[str, Any]


class Parts(NamedTuple):
    """What `Tagger` is given to fit, to choose the weights by, and to judge on, and its name."""

    train: tuple[Any, ...]
    validation: Any
    judged: tuple[Any, ...]
    name: str


def parts_of(chosen: argparse.Namespace) -> Parts:
    """Find the parts of a data set."""
    if chosen.data == MOTIONS:
        archive = np.load(chosen.folder / "BasicMotions.npz", allow_pickle=False)
        if not chosen.test:
            raise SystemExit("motions have no validation part: say --test")
        return Parts(joined(archive, "train"), None, joined(archive, "test"), "test")
    train, validation, test = (chosen.folder / name for name in FILES[chosen.data])
    judged = test if chosen.test else validation
    return Parts((train,), validation, (judged,), judged.name)


def joined(archive: Any, part: str) -> tuple[list[np.ndarray], list[list[str]]]:
    """Join series by fours: recordings, and a label for each step."""
    boxes, names = archive[f"X_{part}"], archive[f"y_{part}"]
    fours = np.random.default_rng(0).permutation(len(names)).reshape(-1, 4)
    steps = boxes.shape[1]
    return (
        [np.concatenate(boxes[four]) for four in fours],
        [np.repeat(names[four], steps).tolist() for four in fours],
    )


def score(chosen: argparse.Namespace) -> Iterator[Row]:
    """Fit and judge, once a seed."""
    parts = parts_of(chosen)
    for seed in chosen.seeds:
        model = Tagger(seed=seed, members=chosen.members)
        began, busy = time.perf_counter(), time.process_time()
        model.fit(*parts.train, validation=parts.validation, progress=PlainProgress(seconds=30))
        fit_seconds, fit_cpu = time.perf_counter() - began, time.process_time() - busy
        on_validation = model.scores_
        scores = model.evaluate(*parts.judged)
        began, busy = time.perf_counter(), time.process_time()
        answers = model.predict(parts.judged[0])
        cpu = time.process_time() - busy
        assert model.outcome_ is not None
        assert on_validation is not None
        yield {
            "data": chosen.data,
            "part": parts.name,
            "seed": seed,
            "scores": scores.records(),
            "verdict": scores.verdict(),
            "notes": scores.notes,
            "on_validation": on_validation.records()[0],
            "fit_seconds": fit_seconds,
            "fit_cpu_seconds": fit_cpu,
            "predicted_words_per_cpu_second": sum(len(a.tokens) for a in answers) / cpu,
            "choices": {choice.name: choice.value for choice in model.outcome_.choices},
            "training": dict(model.outcome_.training),
        }


class Side(NamedTuple):
    """A network, how its batches are made, its loss, and what changes its weights then."""

    model: nn.Module
    load: Callable[[Tensor], Example[WordBatch]]
    loss: Callable[[Example[WordBatch]], Tensor]
    update: Callable[[], None]
    rounds: bool = False

    def step(self, index: Tensor) -> None:
        """Train by one batch."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.rounds):
            loss = self.loss(self.load(index))
        loss.backward()
        self.update()


def make_sides(model: SequenceTagger, encoded: Encoded) -> dict[str, Side]:
    """The sides to time, all with the weights of a network of ours."""
    networks = {"gatework": model, "torch.nn.LSTM": with_torch_lstm(model)}
    twins = {name: copy.deepcopy(network) for name, network in networks.items()}
    sides = {name: our_side(network, encoded) for name, network in networks.items()}
    for name, each in (("plain torch", False), ("plain torch, each word spelt", True)):
        plain = PlainTagger(model, each=each).train()
        load = partial(load_each, encoded) if each else encoded.load
        sides[name] = Side(plain, load, plain.loss, torch_update(plain))
    for name, twin in twins.items():  # as ours trains by itself from 100,000 words on
        sides[f"{name} in bfloat16"] = our_side(twin, encoded)._replace(rounds=True)
    return sides


def our_side(model: SequenceTagger, encoded: Encoded) -> Side:
    """A network of ours, trained as `gatework.training` does."""
    parameters = dict(model.named_parameters())
    optimizer = AdamW(parameters, WEIGHT_DECAY)

    def loss(example: Example[WordBatch]) -> Tensor:
        scores = model(example.batch)
        return model.loss(scores, example.batch.lengths, example.tags, example.labels)

    def update() -> None:
        gradients = [p.grad for p in parameters.values() if p.grad is not None]
        total = get_total_norm(gradients, foreach=True)
        if total.item() > CLIP_NORM:
            clip_grads_with_norm_(parameters.values(), CLIP_NORM, total, foreach=True)
        optimizer.step(RATE)
        optimizer.clear()

    return Side(model, encoded.load, loss, update)


def with_torch_lstm(model: SequenceTagger) -> SequenceTagger:
    """A copy with torch's recurrences."""
    twin = SequenceTagger(model.shape, UNKNOWN)
    assert twin.words is not None
    for module, name in ((twin, "lstm"), (twin.words, "spelling")):
        ours = getattr(module, name)
        setattr(module, name, Packed(ours.input_size, ours.hidden_size, bidirectional=True))
    twin.load_state_dict(model.state_dict())
    return twin.train()


def torch_update(model: nn.Module) -> Callable[[], None]:
    """torch's own clipping and AdamW, which decays matrices alone, as ours does."""
    parameters = list(model.parameters())
    matrices = [p for p in parameters if p.ndim >= 2]
    others = [p for p in parameters if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": others}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, weight_decay=0.0, fused=True)

    def update() -> None:
        clip_grad_norm_(parameters, CLIP_NORM)
        optimizer.step()
        optimizer.zero_grad()

    return update


def check(sides: Mapping[str, Side], index: Tensor) -> float:
    """Return the largest relative difference of a loss or gradient from ours, without dropout."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, side in sides.items():
        side.model.eval()
        loss = side.loss(side.load(index))
        loss.backward()
        gradients = {key: p.grad for key, p in side.model.named_parameters() if p.grad is not None}
        found[name] = {"loss": loss.detach(), **gradients}
        side.model.zero_grad()
        side.model.train()
    ours = found["gatework"]
    assert all(each.keys() == ours.keys() for each in found.values())
    differences = [
        (each[key] - ours[key]).norm() / ours[key].norm() for each in found.values() for key in ours
    ]
    return float(torch.stack(differences).max())


def speed(chosen: argparse.Namespace) -> Iterator[Row]:
    """Time the sides on the same sentences, in turn."""
    train, validation, _ = (chosen.folder / name for name in FILES[chosen.data])
    settings = TagSettings()
    corpus = gather(read_tagged(train), read_tagged(validation), None, share=0.1, seed=0)
    encoder = Encoder.learn(corpus.train)
    encoded = encoder.encode(corpus.train)
    effort = choose_effort(corpus, settings)[0]
    source = LengthBatches(
        encoded.lengths,
        encoded.load,
        batch_size=effort.batch_size,
        most_steps=30 * effort.batch_size,
    )
    words = WordShape(encoder.learnt, len(encoder.characters), SHAPES)
    shape = TaggerShape(
        words, len(encoder.tags), len(encoder.labels), effort.hidden_size, dropout=settings.dropout
    )
    torch.manual_seed(0)
    sides = make_sides(SequenceTagger(shape, UNKNOWN).train(), encoded)
    plan = source.plan(torch.Generator().manual_seed(0))[: chosen.steps + WARMUP]
    difference = check(sides, plan[0])
    if not difference <= 1e-4:
        raise SystemExit(f"the sides differ by {difference:.1e}: nothing to compare")
    times: dict[str, list[float]] = {name: [] for name in sides}
    for place, index in enumerate(plan):
        for name, side in sides.items():
            busy = time.process_time()
            side.step(index)
            if place >= WARMUP:
                times[name].append(time.process_time() - busy)
    read = int(sum(encoded.lengths[index].sum() for index in plan[WARMUP:]))
    ours = sum(times["gatework"])
    for name, spent in times.items():
        yield {
            "data": chosen.data,
            "side": name,
            "steps": len(spent),
            "median_ms": 1e3 * statistics.median(spent),
            "words_per_cpu_second": read / sum(spent),
            "gatework_is_faster_by": sum(spent) / ours,
            "largest_difference": difference,
        }


def main() -> None:
    """Measure, print, and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("score", "speed"))
    parser.add_argument("data", choices=(*FILES, MOTIONS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--members", type=int, help="networks averaged; else the default")
    parser.add_argument("--test", action="store_true", help="score the test part, not validation")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the record here, as JSON")
    chosen = parser.parse_args()
    if (chosen.what, chosen.data) == ("speed", MOTIONS):
        parser.error("speed is of words: atis or ewt")
    rows: list[Row] = []
    with use_threads(chosen.threads):
        machine = describe_machine()
        for row in score(chosen) if chosen.what == "score" else speed(chosen):
            rows.append(row)
            print(json.dumps(row, indent=1), flush=True)
            if chosen.out:
                write_record(chosen.out, {"machine": machine, "rows": rows})


if __name__ == "__main__":
    main()
