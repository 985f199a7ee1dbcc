"""LSTM-FCN taken apart: the LSTM alone, the convolutions alone, and both, on UCR's training parts.

    python benchmarks/classify_ablation.py FOLDER [--sets ArrowHead ...] [--folds 3] [--seed 0]

Cross-validation: one network for each fold and variant, with the shape and effort that Gatework
chooses; test parts are not read. Without the LSTM its output is zero, in training too. Prints one
JSON object, and a line on stderr for each set and variant.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gatework.data.archives import read_npz
from gatework.data.batches import LengthBatches
from gatework.data.labelled import Sequences
from gatework.data.labels import Classes
from gatework.models.classifier import Inputs, SequenceClassifier
from gatework.tasks.classify import splits
from gatework.tasks.classify.choices import choose_effort, choose_shape
from gatework.tasks.classify.fitted import inputs_of, network_scores
from gatework.tasks.classify.fitting import fit_encoder
from gatework.tasks.classify.settings import ClassifySettings
from gatework.tasks.threads import one_thread
from gatework.training import TrainSettings, train

VARIANTS = ("both", "lstm", "convolutions")


class Judged(NamedTuple):
    """What one network says of a fold: how much is right, and the mean log loss."""

    accuracy: float
    log_loss: float


def scores(network: SequenceClassifier, inputs: Inputs, variant: str) -> Tensor:
    """Return (B, K); without the LSTM as if it had put out zeros."""
    x = network.front(inputs)
    if variant == "convolutions":
        ways = 2 if network.shape.bidirectional else 1
        output = x.new_zeros(*x.shape[:2], ways * network.shape.hidden_size)
    else:
        output, _ = network.lstm(x, lengths=inputs.lengths)
    return network.answer(x, output, inputs)


def judge(train_part: Sequences, test_part: Sequences, variant: str, seed: int) -> Judged:
    """Train one network on one part and judge it on another."""
    settings, classes = ClassifySettings(seed=seed), Classes.of(train_part.known_labels)
    encoder, _ = fit_encoder(train_part, settings)
    encoded, held = encoder.encode(train_part), encoder.encode(test_part)
    targets, truth = (
        torch.from_numpy(classes.numbers(part.known_labels)) for part in (train_part, test_part)
    )
    shape, _ = choose_shape(encoder, encoded, len(classes), 1, settings)
    effort, _ = choose_effort(train_part, shape, settings)
    if variant == "lstm":
        shape = dataclasses.replace(shape, convolution=0)
    torch.manual_seed(seed)
    network = SequenceClassifier(shape)

    def load(index: Tensor) -> tuple[Inputs, Tensor]:
        return inputs_of(encoded, index), targets[index]

    def loss(model: SequenceClassifier, batch: tuple[Inputs, Tensor]) -> Tensor:
        found = scores(model, batch[0], variant)
        return functional.cross_entropy(found, batch[1], label_smoothing=effort.label_smoothing)

    train(
        network,
        LengthBatches(encoded.steps.lengths, load, batch_size=effort.batch_size),
        loss,
        settings=TrainSettings(
            epochs=effort.epochs,
            learning_rate=effort.learning_rate,
            weight_decay=settings.weight_decay,
            schedule="one_cycle",
            warmup=0.1,
            seed=seed,
        ),
    )
    found = network_scores(lambda inputs: scores(network, inputs, variant), held)
    right = float((found.argmax(1) == truth).float().mean())
    return Judged(right, float(functional.cross_entropy(found, truth)))


def main() -> None:
    """Cross-validate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", default=["ArrowHead", "ECG200", "OSULeaf"])
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    record = {}
    for name in chosen.sets:
        data = read_npz(chosen.folder / f"{name}.npz").train
        groups = splits.strata(data.known_labels)
        for variant in VARIANTS:
            began = process_time()
            generator = np.random.default_rng(chosen.seed)
            with one_thread():
                each = [
                    judge(data.take(kept), data.take(held), variant, chosen.seed)
                    for kept, held in splits.folds(groups, chosen.folds, generator)
                ]
            found = {
                field: {
                    "mean": float(np.mean([getattr(one, field) for one in each])),
                    "deviation": float(np.std([getattr(one, field) for one in each], ddof=1)),
                }
                for field in Judged._fields
            }
            seconds = process_time() - began
            record.setdefault(name, {})[variant] = {**found, "processor_seconds": seconds}
            print(name, variant, found, f"{seconds:.0f} s", file=sys.stderr, flush=True)
    print(json.dumps({"folds": chosen.folds, "seed": chosen.seed, "sets": record}, indent=1))


if __name__ == "__main__":
    main()
