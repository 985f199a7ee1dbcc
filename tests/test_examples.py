"""The examples run as their first lines say."""

import subprocess
import sys

import pytest

from data_paths import ROOT

EXPECTED = {
    "classify_texts.py": ["logistic regression", "question"],
    "forecast_frame.py": ["seasonal naive", "gatework-lo-80", "gatework-hi-80"],
    "ragged_lstm.py": ["accuracy 100%", "reference"],
}


def test_every_example_is_tested():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_example_runs(name, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "examples" / name],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    for text in EXPECTED[name]:
        assert text in done.stdout
