"""Where the real data sets are: GATEWORK_DATA, or ../shared/data beside the checkout."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def shared_data(relative: str) -> Path:
    """Return the path of a real data file, or skip the calling test visibly."""
    folder = Path(os.environ.get("GATEWORK_DATA", ROOT.parent / "shared" / "data"))
    path = folder / relative
    if not path.exists():
        pytest.skip(f"real data not present: {path}")
    return path
