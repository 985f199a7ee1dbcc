"""Every analysis says how to read it, in a paragraph that a page can show."""

import importlib

import pytest

ANALYSES = (
    "comparison",
    "concepts",
    "contexts",
    "doctor",
    "holdings",
    "ledger",
    "patterns",
    "probes",
    "projection",
    "retention",
    "saturation",
    "search",
    "surprise",
)


@pytest.mark.parametrize("name", ANALYSES)
def test_reading_is_one_paragraph(name):
    reading = importlib.import_module(f"gatework.inspector.analyses.{name}").READING
    assert 200 < len(reading) < 700
    assert "\n" not in reading
    assert reading == reading.strip()
    assert "  " not in reading
    assert reading.endswith(".")
