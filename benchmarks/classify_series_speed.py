"""Training of the series classifier beside the same networks on torch.nn, in one process.

    python benchmarks/classify_series_speed.py DATA [--threads 1] [--seconds 20] [--out x.json]

DATA is the folder that holds classify/ucr and clinical. Networks, steps and effort are those that
Gatework chooses for the training part. Each side trains the same epochs end to end: batches,
forward, backward, clipping, AdamW, by the same loop. The other side has the networks one after the
other, torch.nn.LSTM over packed sequences and torch.nn's convolutions and batch norms as one writes
them in place of ours, and the same weights; its gradients in float64 are the truth that ours
must meet first. "without" has no LSTM at all, nor a gradient of what comes before it: torch over it
is the roof of any LSTM. Both are also timed with `precision="bfloat16"`. Sides take turns; times
are medians, in seconds of the processor, which a busy machine disturbs less.
"""

import argparse
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, final

import numpy as np
import torch
from classify_speed import Networks, with_torch
from harness import Row, is_wanted, make_parser, run
from torch import Tensor, nn
from torch.nn import functional

from gatework.bench.parity import check_parity
from gatework.data.archives import read_npz
from gatework.data.batches import LengthBatches
from gatework.data.labelled import Sequences
from gatework.data.labels import Classes
from gatework.data.physionet import read_physionet
from gatework.models.classifier import ClassifierEnsemble, Inputs, SequenceClassifier
from gatework.tasks.classify.choices import choose_effort, choose_members, choose_shape
from gatework.tasks.classify.fitted import inputs_of
from gatework.tasks.classify.fitting import fit_encoder
from gatework.tasks.classify.settings import ClassifySettings
from gatework.training import TrainSettings, train
from gatework.training.settings import Precision

Batch = tuple[Inputs, Tensor]
SETS = ("JapaneseVowels", "GunPoint", "OSULeaf")
STEPS = 30  # of training, at least, in each turn
LEAST = 3  # turns


@final
class NoLSTM(nn.Module):
    """Zeros in the place of an LSTM's output."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor, *, lengths: Tensor) -> tuple[Tensor, None]:
        """Return (T, B, size)."""
        return x.new_zeros(len(x), len(lengths), self.size), None


def without(model: ClassifierEnsemble) -> ClassifierEnsemble:
    """Return networks of the same shape that have no LSTM."""
    copy = ClassifierEnsemble(model.shape)
    for member in copy.members:
        assert isinstance(member, SequenceClassifier)
        size = member.lstm.hidden_size * (2 if member.lstm.bidirectional else 1)
        member.add_module("lstm", NoLSTM(size))
    return copy


def loss(model: Networks, batch: Batch) -> Tensor:
    """Return the mean loss of all networks."""
    scores = model.by_member(batch[0])
    return functional.cross_entropy(scores.flatten(0, 1), batch[1].repeat(len(scores)))


def gradients(model: Networks, batch: Batch) -> dict[str, Tensor]:
    """Return all gradients of the loss, without dropout."""
    model.eval().zero_grad()
    loss(model, batch).backward()
    return {
        name.replace("lstm.lstm.", "lstm."): parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def in_float64(batch: Batch) -> Batch:
    """Return the batch with its numbers in float64."""
    inputs, targets = batch
    return inputs._replace(steps=inputs.steps.double(), statics=inputs.statics.double()), targets


def sets(data: Path) -> Iterator[tuple[str, Callable[[], Sequences]]]:
    """Yield what is trained on, to be read when it is wanted."""
    for name in SETS:
        yield name, lambda name=name: read_npz(data / "classify" / "ucr" / f"{name}.npz").train
    yield "PhysioNet", lambda: measured(data / "clinical" / "physionet2012_set_a.zip")


def measured(file: Path) -> Sequences:
    """Return the stays with any measurement: torch.nn packs no sequence without steps."""
    stays = read_physionet(file)
    return stays.take(np.flatnonzero(stays.lengths))


def measure(arguments: argparse.Namespace) -> Iterator[Row]:
    """A line for each set."""
    for name, read in sets(arguments.data):
        if is_wanted(arguments, name):
            yield beside_torch(name, read(), arguments.seconds)


def beside_torch(name: str, sequences: Sequences, seconds: float) -> Row:
    """Check and time one set."""
    settings = ClassifySettings()
    classes = Classes.of(sequences.known_labels, sequences.label_kind)
    targets = torch.from_numpy(classes.numbers(sequences.known_labels))
    encoder, _ = fit_encoder(sequences, settings)
    encoded = encoder.encode(sequences)
    members, _ = choose_members(len(sequences), settings)
    shape, _ = choose_shape(encoder, encoded, len(classes), members, settings)
    effort, _ = choose_effort(sequences, shape, settings)
    source = LengthBatches(
        encoded.steps.lengths,
        lambda index: (inputs_of(encoded, index), targets[index]),
        batch_size=effort.batch_size,
    )
    ours = ClassifierEnsemble(shape)
    theirs = with_torch(ours)
    batch = source.load(torch.arange(effort.batch_size))
    truth = gradients(with_torch(ours).double(), in_float64(batch))
    parity = check_parity(gradients(ours, batch), truth, name)
    check_parity(gradients(theirs, batch), truth, f"{name}, torch.nn")
    batches = len(source.plan(torch.Generator().manual_seed(0)))
    epochs = -(-STEPS // batches)

    def fit(model: Networks, precision: Precision) -> float:
        training = TrainSettings(epochs=epochs, learning_rate=1e-4, precision=precision)
        before = process_time()
        train(model, source, loss, settings=training)
        return process_time() - before

    sides: dict[str, tuple[Networks, Precision]] = {
        "ours": (ours, "float32"),
        "torch": (theirs, "float32"),
        "without": (without(ours), "float32"),
        "ours_in_bfloat16": (copy.deepcopy(ours), "bfloat16"),
        "torch_in_bfloat16": (copy.deepcopy(theirs), "bfloat16"),
    }
    for model, precision in sides.values():
        fit(model, precision)
    taken: dict[str, list[float]] = {side: [] for side in sides}
    end = perf_counter() + seconds
    while len(taken["ours"]) < LEAST or perf_counter() < end:
        for side, (model, precision) in sides.items():
            taken[side].append(fit(model, precision))
    steps = epochs * batches
    each = {side: median(times) / steps for side, times in taken.items()}
    row: dict[str, Any] = {
        "what": name,
        "torch_over_ours": each["torch"] / each["ours"],
        "torch_over_ours_in_bfloat16": each["torch"] / each["ours_in_bfloat16"],
        "both_in_bfloat16": each["torch_in_bfloat16"] / each["ours_in_bfloat16"],
        "roof": each["torch"] / each["without"],
        **{f"{side}_ms_a_step": 1e3 * value for side, value in each.items()},
        "lstm_torch_over_ours": (each["torch"] - each["without"])
        / (each["ours"] - each["without"]),
        "turns": len(taken["ours"]),
        "members": members,
        "hidden_size": shape.hidden_size,
        "convolution": shape.convolution,
        "batch_size": effort.batch_size,
        "parity": parity,
    }
    return row


if __name__ == "__main__":
    parser = make_parser(__doc__)
    parser.add_argument("data", type=Path)
    run(measure, parser.parse_args())
