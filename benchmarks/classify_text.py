"""Sentences to labels beside naive Bayes and logistic regression, with a seed and a split named.

    python benchmarks/classify_text.py sst2 TRAIN DEV TEST [--seeds 0 1 2] [--part dev]
    python benchmarks/classify_text.py mr FILE [--folds 0 1 2] [--out RECORD]

SST-2: weights are chosen and probabilities calibrated on the dev part; --part dev, for tuning,
leaves the test part unread, trains on nine tenths and judges on dev. MR: fold = row number modulo
10; what is chosen is chosen on tenths of the other nine folds. Prints one JSON object: accuracy and
log loss by method for each seed or fold, means and deviations, processor seconds, the settings.
--out keeps it in a file after each round; rounds that stand there are not run again.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from gatework.bench.machine import describe_machine, write_record
from gatework.bench.timing import use_threads
from gatework.data.labelled import Sequences
from gatework.data.labels import Classes
from gatework.data.rows import read_all
from gatework.data.text_rows import TextColumns, to_texts
from gatework.tasks.classify import metrics
from gatework.tasks.classify.fitting import fit_classifier
from gatework.tasks.classify.settings import ClassifySettings

COLUMNS = TextColumns("text", "label")
Row = dict[str, Any]


def judge(
    train: Sequences, test: Sequences, settings: ClassifySettings, validation: Sequences | None
) -> Row:
    """Fit on one part and score every method on another."""
    classes = Classes.of(train.known_labels, train.label_kind)
    began, busy = perf_counter(), process_time()
    fitted = fit_classifier(train, classes, settings, validation=validation)
    seconds, processor = perf_counter() - began, process_time() - busy
    answers, truth = fitted.answers(test), classes.numbers(test.known_labels)
    accuracy = {k: metrics.accuracy(v, truth) for k, v in answers.predicted.items()}
    print(f"seed {settings.seed}", f"{processor:.0f} s", accuracy, file=sys.stderr, flush=True)
    return {
        "seed": settings.seed,
        "accuracy": accuracy,
        "log_loss": {k: metrics.log_loss(v, truth) for k, v in answers.probabilities.items()},
        "calibration": list(fitted.calibration[:3]),
        "fit_seconds": seconds,
        "fit_cpu_seconds": processor,
        "choices": {choice.name: choice.value for choice in fitted.choices},
    }


def rounds_of(chosen: argparse.Namespace) -> Iterator[tuple[Row, Callable[[], Row]]]:
    """Name each round, and say how it is run."""
    parts = [to_texts(read_all(path), COLUMNS) for path in chosen.paths]
    for seed in chosen.seeds:
        settings = ClassifySettings(**chosen.settings, seed=seed)
        if chosen.data == "mr":
            rows = np.arange(len(parts[0]))
            for fold in chosen.folds:
                held = rows % 10 == fold
                train, test = parts[0].take(rows[~held]), parts[0].take(rows[held])
                yield {"seed": seed, "fold": fold}, partial(judge, train, test, settings, None)
            continue
        train, dev, *rest = parts
        if chosen.part == "dev":
            yield {"seed": seed}, partial(judge, train, dev, settings, None)
        else:
            yield {"seed": seed}, partial(judge, train, rest[0], settings, dev)


def summarise(rounds: list[Row]) -> Row:
    """Return mean and standard deviation of the accuracy of each method over the rounds."""
    found = {}
    for name in rounds[0]["accuracy"]:
        each = [r["accuracy"].get(name, r["accuracy"]["gatework"]) for r in rounds]
        spread = float(np.std(each, ddof=1)) if len(each) > 1 else None
        found[name] = {"mean": float(np.mean(each)), "deviation": spread}
    return found


def kept_rounds(path: Path | None, asked: Row) -> list[Row]:
    """Return the rounds in a record, which has to be of the same data and settings."""
    if path is None or not path.exists():
        return []
    record = json.loads(path.read_text(encoding="utf-8"))
    other = {name: record[name] for name in asked}
    if other != asked:
        raise SystemExit(f"{path} is a record of {other}; expected {asked}")
    return record["rounds"]


def main() -> None:
    """Fit, judge, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", choices=("sst2", "mr"))
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--folds", type=int, nargs="+", default=range(10), help="of MR")
    parser.add_argument("--part", choices=("test", "dev"), default="test", help="of SST-2")
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON of ClassifySettings")
    parser.add_argument("--out", type=Path, help="keep the record here, and go on from it")
    chosen = parser.parse_args()
    part = chosen.part if chosen.data == "sst2" else "folds: row modulo 10"
    asked = {"data": chosen.data, "part": part, "settings": chosen.settings}
    rounds = kept_rounds(chosen.out, asked)
    with use_threads(1):
        machine = describe_machine()
        for name, run in rounds_of(chosen):
            if not any(name.items() <= each.items() for each in rounds):
                rounds.append(run() | name)
            record = {
                **asked,
                "accuracy": summarise(rounds),
                "cpu_seconds": sum(r["fit_cpu_seconds"] for r in rounds),
                "rounds": rounds,
                "machine": machine,
            }
            if chosen.out:
                write_record(chosen.out, record)
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
