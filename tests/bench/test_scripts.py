"""The scripts of benchmarks/ run, at sizes that take no time, and leave a record."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_paths import ROOT

TINY = {
    "generate.py": ["--sizes", "1x32", "--only", "training 1x32"],
    "family.py": ["--point", "4", "2", "3", "4", "--only", "gru", "plain", "peephole", "trace"],
    "ragged.py": ["--steps", "8"],
    "streaming.py": ["--only", "H=8"],
    "bfloat16.py": ["--only", "B=1 I=16"],
}
LINES = {
    "generate.py": [
        f"training 1x32, {regime}"
        for regime in (
            "plain",
            "AWD",
            "batch 4",
            "layer norm",
            "plain in bfloat16",
            "AWD in bfloat16",
        )
    ],
    "family.py": ["gru", "plain lstm", "peephole=True", "trace=True"],
    "ragged.py": ["T=8"],
    "streaming.py": ["H=8"],
    "bfloat16.py": ["T=100 B=1 I=16 H=32"],
}


@pytest.mark.parametrize("script", TINY)
def test_a_script_runs_and_records(script: str, tmp_path: Path) -> None:
    out = tmp_path / "record.json"
    words = [*TINY[script], "--seconds", "0.001", "--threads", "1", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / script), *words],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(out.read_text())
    assert record["is_whole"]
    assert record["machine"]["torch_threads"] == 1
    shown = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert shown == [row["what"] for row in record["rows"]]
    assert all(row["parity"] < 1e-4 for row in record["rows"] if "parity" in row)
    for line, expected in zip(shown, LINES[script], strict=True):
        assert line.startswith(expected)
