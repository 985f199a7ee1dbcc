"""The report needs nothing but itself, and says what the fit says."""

import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from gatework.tasks import run as folder
from gatework.tasks.forecast import Forecaster

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Outline(HTMLParser):
    """Collects tags, and refuses markup that does not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit with a name that would break out of the page if it were not escaped."""
    rows = [
        {"unique_id": name, "ds": day, "<b>&": float((day * 7 + shift) % 13)}
        for name, shift in (("a", 0), ("<script>", 5))
        for day in range(80)
    ]
    place = tmp_path_factory.mktemp("runs") / "run"
    model = Forecaster(6, target_col="<b>&", season=13, steps=25, members=1, hidden_size=4)
    model.fit(pl.DataFrame(rows), run=place)
    return place


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return (run / folder.REPORT).read_text(encoding="utf-8")


def test_it_asks_nothing_of_any_network(page: str) -> None:
    assert "://" not in page
    assert not re.search(r"(?:src|href)\s*=\s*(?!['\"]?#)", page)
    assert not re.search(r"url\((?!#)", page)
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_it_is_small_and_well_formed(page: str) -> None:
    assert len(page.encode()) < 400_000
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    assert outline.tags.count("svg") == 4
    assert "script" not in outline.tags
    assert "b" not in outline.tags


def test_it_takes_light_dark_and_paper(page: str) -> None:
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert "var(--model)" in page
    assert "#0072b2" not in page.split("</style>")[1]


def test_it_says_what_the_fit_says(run: Path, page: str) -> None:
    config = folder.read_config(run)
    assert config.results["verdict"] in page
    for note in config.results["notes"]:
        assert note.split('"')[0] in page
    for word in ("seasonal naive", "last value", "MASE (m=13)", "in 80 % band"):
        assert word in page


def test_the_picture_is_a_png(run: Path) -> None:
    assert (run / folder.PICTURE).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
