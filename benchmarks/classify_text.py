"""Sentences to labels beside naive Bayes and logistic regression, with a seed and a split named.

    python benchmarks/classify_text.py sst2 TRAIN DEV TEST [--seeds 0 1 2] [--part dev]
    python benchmarks/classify_text.py mr FILE [--folds 10] [--seeds 0]

SST-2: weights are chosen and probabilities calibrated on the dev part; --part dev, for tuning,
leaves the test part unread, trains on nine tenths and judges on dev. MR: fold = row number modulo
10; what is chosen is chosen on tenths of the other nine folds. Prints one JSON object: accuracy and
log loss by method for each seed or fold, means and deviations, seconds, and the settings.
"""

import argparse
import json
import platform
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from gatework.data.labelled import Sequences
from gatework.data.labels import Classes
from gatework.data.rows import read_all
from gatework.data.text_rows import TextColumns, to_texts
from gatework.tasks.classify import metrics
from gatework.tasks.classify.fitting import fit_classifier
from gatework.tasks.classify.settings import ClassifySettings

COLUMNS = TextColumns("text", "label")


def judge(
    train: Sequences, test: Sequences, settings: ClassifySettings, validation: Sequences | None
) -> dict[str, Any]:
    """Fit on one part and score every method on another."""
    classes = Classes.of(train.known_labels, train.label_kind)
    began = perf_counter()
    fitted = fit_classifier(train, classes, settings, validation=validation)
    seconds = perf_counter() - began
    answers, truth = fitted.answers(test), classes.numbers(test.known_labels)
    accuracy = {k: metrics.accuracy(v, truth) for k, v in answers.predicted.items()}
    print(f"seed {settings.seed}", f"{seconds:.0f} s", accuracy, file=sys.stderr, flush=True)
    return {
        "seed": settings.seed,
        "accuracy": accuracy,
        "log_loss": {k: metrics.log_loss(v, truth) for k, v in answers.probabilities.items()},
        "calibration": list(fitted.calibration[:3]),
        "fit_seconds": seconds,
        "choices": {choice.name: choice.value for choice in fitted.choices},
    }


def summarise(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean and standard deviation of the accuracy of each method over the rounds."""
    found = {}
    for name in rounds[0]["accuracy"]:
        each = [r["accuracy"].get(name, r["accuracy"]["gatework"]) for r in rounds]
        spread = float(np.std(each, ddof=1)) if len(each) > 1 else None
        found[name] = {"mean": float(np.mean(each)), "deviation": spread}
    return found


def main() -> None:
    """Fit, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", choices=("sst2", "mr"))
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--folds", type=int, default=10, help="of MR, how many of the ten to run")
    parser.add_argument("--part", choices=("test", "dev"), default="test", help="of SST-2")
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON of ClassifySettings")
    chosen = parser.parse_args()
    parts = [to_texts(read_all(path), COLUMNS) for path in chosen.paths]
    rounds = []
    for seed in chosen.seeds:
        settings = ClassifySettings(**chosen.settings, seed=seed)
        if chosen.data == "sst2" and chosen.part == "test":
            train, dev, test = parts
            rounds.append(judge(train, test, settings, dev))
        elif chosen.data == "sst2":
            train, dev, *_ = parts
            rounds.append(judge(train, dev, settings, None))
        else:
            rows = np.arange(len(parts[0]))
            for fold in range(chosen.folds):
                held = rows % 10 == fold
                train, test = parts[0].take(rows[~held]), parts[0].take(rows[held])
                rounds.append(judge(train, test, settings, None) | {"fold": fold})
    print(
        json.dumps(
            {
                "data": chosen.data,
                "part": chosen.part if chosen.data == "sst2" else "folds: row modulo 10",
                "accuracy": summarise(rounds),
                "seconds": sum(r["fit_seconds"] for r in rounds),
                "settings": chosen.settings,
                "rounds": rounds,
                "torch": torch.__version__,
                "threads": torch.get_num_threads(),
                "machine": platform.machine(),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
