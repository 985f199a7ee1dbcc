"""Series to labels on their official splits, beside logistic regression on summaries and 1-NN.

    python benchmarks/classify_series.py ucr FOLDER [--parts GunPoint ...] [--seeds 0 1 2]
    python benchmarks/classify_series.py poses FILE [--parts "split 1" ...] [--seeds 0]
    python benchmarks/classify_series.py physionet FILE [--parts "fold 1" ...] [--seeds 0]

UCR: .npz files with X_train, y_train, X_test, y_test. Poses: JHMDB's, with three official splits;
to the positions their changes are added. PhysioNet: stratified folds of a seed, areas under the ROC
and the precision-recall curve. With --within 4 no test part is read: four folds of each training
part judge, to choose settings by. Nothing is chosen on a test part: settings are those given, the
rest Gatework's own choice. Seconds are the clock's and the processor's. Prints one JSON object, and
a line on stderr as each training ends.
"""

import argparse
import dataclasses
import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch

from gatework.data.archives import read_npz
from gatework.data.labelled import Recordings, Sequences
from gatework.data.labels import Classes
from gatework.data.physionet import read_physionet
from gatework.data.series_rows import from_arrays
from gatework.tasks.classify import metrics, splits
from gatework.tasks.classify.fitting import fit_classifier
from gatework.tasks.classify.scores import measure
from gatework.tasks.classify.settings import ClassifySettings

Part = tuple[str, Sequences, Sequences]
SHOWN = ("accuracy", "auroc", "auprc", "log_loss")


def judge(
    name: str, train: Sequences, test: Sequences, settings: ClassifySettings
) -> dict[str, Any]:
    """Fit on one part and score every method on another."""
    classes = Classes.of(train.known_labels, train.label_kind)
    began, used = perf_counter(), process_time()
    fitted = fit_classifier(train, classes, settings)
    seconds, used = perf_counter() - began, process_time() - used
    answers, truth = fitted.answers(test), classes.numbers(test.known_labels)
    scores = {
        method: {
            metric: value
            for metric, value in measure(p, answers.predicted[method], truth).items()
            if metric in SHOWN
        }
        for method, p in answers.probabilities.items()
    }
    nearest = nearest_neighbour(train, test)
    if nearest is not None:
        scores["nearest-neighbour"] = {"accuracy": metrics.accuracy(nearest, truth)}
    found = {
        "part": name,
        "seed": settings.seed,
        "scores": scores,
        "calibration": list(fitted.calibration[:3]),
        "fit_seconds": seconds,
        "processor_seconds": used,
        "shape": dataclasses.asdict(fitted.shape),
        "choices": {choice.name: choice.value for choice in fitted.choices},
    }
    print(name, settings.seed, f"{used:.0f} s", scores, file=sys.stderr, flush=True)
    return found


def nearest_neighbour(train: Sequences, test: Sequences) -> np.ndarray | None:
    """Return the class of the nearest training series (Euclidean); None if lengths differ."""
    assert isinstance(train, Recordings)
    assert isinstance(test, Recordings)
    lengths = {*train.lengths.tolist(), *test.lengths.tolist()}
    if len(lengths) > 1 or np.isnan(train.values).any():
        return None
    old, new = (np.stack(list(part)).reshape(len(part), -1) for part in (train, test))
    distances = (new**2).sum(1)[:, None] - 2 * new @ old.T + (old**2).sum(1)
    classes = Classes.of(train.known_labels, train.label_kind)
    return classes.numbers(train.known_labels)[distances.argmin(1)]


def ucr(folder: Path) -> Iterator[Part]:
    """Yield the official parts of each set."""
    for file in sorted(folder.glob("*.npz")):
        split = read_npz(file)
        assert split.test is not None
        yield file.stem, split.train, split.test


def poses(file: Path) -> Iterator[Part]:
    """Yield the three official splits of the pose clips."""
    with np.load(file, allow_pickle=False) as data:
        flat = data["pose"].reshape(len(data["pose"]), -1)
        clips = np.split(flat, np.cumsum(data["lengths"])[:-1])
        labels, split = data["label"], data["split"]
    moved = [np.concatenate([clip, np.gradient(clip, axis=0)], 1) for clip in clips]
    whole = dataclasses.replace(from_arrays(moved), labels=tuple((str(label),) for label in labels))
    for number in range(split.shape[1]):
        train, test = (np.flatnonzero(split[:, number] == part) for part in (1, 2))
        yield f"split {number + 1}", whole.take(train), whole.take(test)


def physionet(file: Path, seed: int) -> Iterator[Part]:
    """Yield five stratified folds of the stays."""
    stays = read_physionet(file)
    parts = splits.folds(splits.strata(stays.known_labels), 5, np.random.default_rng(seed))
    for number, (kept, held) in enumerate(parts, start=1):
        yield f"fold {number}", stays.take(kept), stays.take(held)


def inside(parts: Iterator[Part], count: int, seed: int) -> Iterator[Part]:
    """Yield stratified folds of each training part; test parts stay unread."""
    for name, train, _ in parts:
        groups = splits.strata(train.known_labels)
        inner = splits.folds(groups, count, np.random.default_rng(seed))
        for number, (kept, held) in enumerate(inner, start=1):
            yield f"{name}, inner {number}", train.take(kept), train.take(held)


def summarise(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean and standard deviation over the rounds of each part; and over all the mean of the
    parts, the deviation between them, and that between the seeds that have them all."""
    found: dict[str, Any] = {}
    parts = [*dict.fromkeys(r["part"] for r in rounds)]
    for method in dict.fromkeys(name for r in rounds for name in r["scores"]):
        for metric in SHOWN:
            values: dict[str, dict[int, float]] = {part: {} for part in parts}
            for r in rounds:
                scores = r["scores"].get(method, r["scores"]["gatework"])
                if metric in scores:
                    values[r["part"]][r["seed"]] = scores[metric]
            if not all(values.values()):
                continue
            for part, by_seed in values.items():
                each = list(by_seed.values())
                row = {"mean": float(np.mean(each)), "deviation": _deviation(each)}
                found.setdefault(part, {}).setdefault(method, {})[metric] = row
            means = [float(np.mean(list(by_seed.values()))) for by_seed in values.values()]
            whole = set.intersection(*(set(by_seed) for by_seed in values.values()))
            seeds = [float(np.mean([values[part][seed] for part in parts])) for seed in whole]
            found.setdefault("all", {}).setdefault(method, {})[metric] = {
                "mean": float(np.mean(means)),
                "deviation": _deviation(means),
                "deviation_of_seeds": _deviation(seeds),
            }
    return found


def _deviation(values: list[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def main() -> None:
    """Fit, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", choices=("ucr", "poses", "physionet"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--parts", nargs="+", help="which sets, splits or folds; all if left out")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--within", type=int, metavar="K", help="K folds inside training parts")
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON of ClassifySettings")
    chosen = parser.parse_args()
    rounds = []
    for seed in chosen.seeds:
        settings = ClassifySettings(**chosen.settings, seed=seed)
        if chosen.data == "ucr":
            parts = ucr(chosen.path)
        elif chosen.data == "poses":
            parts = poses(chosen.path)
        else:
            parts = physionet(chosen.path, seed)
        parts = (part for part in parts if chosen.parts is None or part[0] in chosen.parts)
        if chosen.within:
            parts = inside(parts, chosen.within, seed)
        rounds += [judge(name, train, test, settings) for name, train, test in parts]
    record = {
        "data": chosen.data,
        "scores": summarise(rounds),
        "seconds": sum(r["fit_seconds"] for r in rounds),
        "processor_seconds": sum(r["processor_seconds"] for r in rounds),
        "settings": chosen.settings,
        "within": chosen.within,
        "rounds": rounds,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
    }
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
