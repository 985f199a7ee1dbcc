"""Piano rolls and numbers: nats a frame of `gatework.FrameModel`, beside rules without a network.

    python benchmarks/frames.py DATA/music/jsb_chorales.npz --head joint --seeds 0 1 2 --out x.json
    python benchmarks/frames.py DATA/music/nottingham.npz --head bernoulli --test --out x.json

Fits with the defaults for the head, or with the settings given, on the training part of the file,
chooses the weights on its validation part, and with --test reads its test part once a seed;
without, validation is scored, which is what tuning may look at. The figure is the mean over all
frames but the first of each piece, as in the code of the TCN paper (Bai et al. 2018,
arXiv:1803.01271). Seconds are of the processor, of one thread, so that other work on the machine
counts little. With --out, rows are added to those that the record has of other files, heads and
seeds.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatework.bench.machine import describe_machine, write_record
from gatework.bench.timing import use_threads
from gatework.tasks.frames import FrameModel
from gatework.tasks.frames.reading import read_frames
from gatework.training import PlainProgress

Row = dict[str, Any]
SETTINGS = {
    "hidden_size": int,
    "head_size": int,
    "transpose": int,
    "dropout": float,
    "weight_drop": float,
    "batch_size": int,
    "learning_rate": float,
    "epochs": int,
}


def score(chosen: argparse.Namespace) -> Iterator[Row]:
    """Fit and judge, once a seed."""
    parts = read_frames(chosen.file, keys=chosen.head != "mdn").parts
    part = "test" if chosen.test else "valid"
    settings = {name: getattr(chosen, name) for name in SETTINGS}
    settings = {name: value for name, value in settings.items() if value is not None}
    for seed in chosen.seeds:
        model = FrameModel(head=chosen.head, seed=seed, test_share=0.0, **settings)
        began, busy = time.perf_counter(), time.process_time()
        model.fit(parts["train"], validation=parts["valid"], progress=PlainProgress(seconds=30))
        fit_seconds, fit_cpu = time.perf_counter() - began, time.process_time() - busy
        assert model.outcome_ is not None
        assert model.scores_ is not None
        scores = model.evaluate(parts[part])
        yield {
            "data": chosen.file.stem,
            "head": chosen.head,
            "part": part,
            "seed": seed,
            "settings": settings,
            "scores": scores.records(),
            "verdict": scores.verdict(),
            "on_validation": model.scores_.records()[0],
            "fit_seconds": fit_seconds,
            "fit_cpu_seconds": fit_cpu,
            "choices": {choice.name: choice.value for choice in model.outcome_.choices},
            "training": dict(model.outcome_.training),
        }


def recorded(path: Path | None) -> list[Row]:
    """Return the rows of a record that is there."""
    return json.loads(path.read_text())["rows"] if path is not None and path.exists() else []


def key(row: Row) -> tuple[Any, ...]:
    """What a row is the figure of."""
    return row["data"], row["head"], row["part"], row["seed"]


def main() -> None:
    """Measure, print, and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="with parts of its own")
    parser.add_argument("--head", choices=("bernoulli", "joint", "mdn"), required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--test", action="store_true", help="score the test part, not validation")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the record here, as JSON")
    for name, kind in SETTINGS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind)
    chosen = parser.parse_args()
    rows = {key(row): row for row in recorded(chosen.out)}
    with use_threads(chosen.threads):
        machine = describe_machine()
        for row in score(chosen):
            rows[key(row)] = row
            print(json.dumps(row, indent=1), flush=True)
            if chosen.out:
                write_record(chosen.out, {"machine": machine, "rows": list(rows.values())})


if __name__ == "__main__":
    main()
