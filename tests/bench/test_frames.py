"""The benchmark of frames: it learns from the training part, and reads the part that it says."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from data_paths import ROOT
from tasks.frames.material import cadences


def test_rows_are_added_to_those_of_other_heads(tmp_path: Path) -> None:
    rolls, out = tmp_path / "tunes.npz", tmp_path / "record.json"
    parts = {"train": cadences(6), "valid": cadences(2, seed=1), "test": cadences(3, seed=2)}
    arrays = {f"roll_{name}": np.concatenate(pieces) for name, pieces in parts.items()}
    lengths = {f"lengths_{name}": np.full(len(pieces), 24) for name, pieces in parts.items()}
    np.savez(rolls, allow_pickle=False, **arrays, **lengths)
    script = [sys.executable, str(ROOT / "benchmarks" / "frames.py"), str(rolls)]
    quick = ["--epochs", "1", "--hidden-size", "8", "--out", str(out)]
    for head, words in (("bernoulli", []), ("joint", ["--test"]), ("joint", ["--test"])):
        done = subprocess.run([*script, "--head", head, *quick, *words], capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
    rows = json.loads(out.read_text())["rows"]
    assert [(row["head"], row["part"], row["seed"]) for row in rows] == [
        ("bernoulli", "valid", 0),
        ("joint", "test", 0),
    ]
    frames = [row["scores"][0]["frames"] for row in rows]
    assert frames == [2 * 23, 3 * 23]
    assert rows[1]["settings"] == {"hidden_size": 8, "epochs": 1}
