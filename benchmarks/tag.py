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
series: ten recordings each, with a label at each step. `speed` times training steps of the same
network on the same batches with three recurrences: ours; torch.nn.LSTM on packed sequences and our
CRF; and torch.nn.LSTM with a CRF whose steps are sums of exponentials in the log domain. Seconds
are of the processor, of one thread, so that other work on the machine counts little; wall time
stands beside.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatework.bench.machine import describe_machine, write_record
from gatework.bench.timing import use_threads
from gatework.data.batches import LengthBatches
from gatework.data.tagged import read_tagged
from gatework.data.text import UNKNOWN
from gatework.layers import chain
from gatework.models.tagger import SequenceTagger, TaggerShape
from gatework.models.words import WordShape
from gatework.tasks.tag import Tagger
from gatework.tasks.tag.corpus import Corpus, gather
from gatework.tasks.tag.encoding import SHAPES, Encoder, Example
from gatework.tasks.tag.fitting import choose_effort
from gatework.tasks.tag.settings import TagSettings
from gatework.training import PlainProgress
from gatework.training.optimizer import AdamW

FILES = {
    "atis": ("train.jsonl.gz", "valid.jsonl", "test.jsonl"),
    "ewt": ("train.conllu.gz", "dev.conllu.gz", "test.conllu.gz"),
}
MOTIONS = "motions"
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


class Packed(nn.Module):
    """torch.nn.LSTM on packed sequences, called as ours is."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.lstm = nn.LSTM(input_size, hidden_size, bidirectional=True)

    def forward(self, x: Tensor, *, lengths: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Pack, run, unpack."""
        packed = pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)
        output, state = self.lstm(packed)
        return pad_packed_sequence(output)[0], state


def build(corpus: Corpus, encoder: Encoder, settings: TagSettings, *, ours: bool) -> SequenceTagger:
    """The network of the defaults, with our recurrences or torch's."""
    hidden = choose_effort(corpus, settings)[0].hidden_size
    words = WordShape(encoder.learnt, len(encoder.characters), SHAPES)
    shape = TaggerShape(
        words, len(encoder.tags), len(encoder.labels), hidden, dropout=settings.dropout
    )
    torch.manual_seed(0)
    model = SequenceTagger(shape, UNKNOWN)
    if not ours:
        model.lstm = Packed(model.words.size, hidden)  # type: ignore[assignment]
        model.words.spelling = Packed(words.character_size, words.spelling_size)  # type: ignore[assignment]
    return model.train()


def stepper(model: SequenceTagger, source: LengthBatches[Example]) -> Callable[[Tensor], None]:
    """Return what trains the model by one batch."""
    optimizer = AdamW(dict(model.named_parameters()), 0.01)

    def step(index: Tensor) -> None:
        example = source.load(index)
        optimizer.clear()
        scores = model(example.batch)
        loss = model.loss(scores, example.batch.lengths, example.tags, example.labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step(1e-3)

    return step


def speed(chosen: argparse.Namespace) -> Iterator[Row]:
    """Time the three sides on the same batches, in turn."""
    train, validation, _ = (chosen.folder / name for name in FILES[chosen.data])
    settings = TagSettings()
    corpus = gather(read_tagged(train), read_tagged(validation), None, share=0.1, seed=0)
    encoder = Encoder.learn(corpus.train)
    encoded = encoder.encode(corpus.train)
    size = choose_effort(corpus, settings)[0].batch_size
    source = LengthBatches(encoded.lengths, encoded.load, batch_size=size, most_steps=30 * size)
    sides = {
        name: stepper(build(corpus, encoder, settings, ours=name == "gatework"), source)
        for name in ("gatework", "torch.nn.LSTM", "torch.nn.LSTM, log-domain CRF")
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    plan = source.plan(torch.Generator().manual_seed(0))[: chosen.steps + 3]
    widest = chain.WIDEST
    for place, index in enumerate(plan):
        for name, step in sides.items():
            # A width below any there is sends the CRF to its log-domain form.
            chain.WIDEST = -1.0 if name.endswith("CRF") else widest
            busy = time.process_time()
            step(index)
            if place >= 3:
                times[name].append(time.process_time() - busy)
    chain.WIDEST = widest
    words = int(sum(encoded.lengths[index].sum() for index in plan[3:]))
    ours = sum(times["gatework"])
    for name, spent in times.items():
        yield {
            "data": chosen.data,
            "side": name,
            "steps": len(spent),
            "median_ms": 1e3 * statistics.median(spent),
            "words_per_cpu_second": words / sum(spent),
            "gatework_is_faster_by": sum(spent) / ours,
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
