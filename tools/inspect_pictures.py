"""Draw the pictures of docs/inspect.md: run the page's own commands, photograph what they write.

Usage: python tools/inspect_pictures.py [FOLDER]

Needs playwright and a Chromium; FOLDER is docs/images if left out.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "inspect.md"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PYTHON = re.compile(r"<!-- run -->\n```python\n(.*?)```", re.DOTALL)
SHELL = re.compile(r"<!-- picture -->\n```sh\n(.*?)```", re.DOTALL)
WIDTH = 1280
COLOURS = 96  # of the palette: heatmaps need no more, and the files stay small


class Picture(NamedTuple):
    """One photograph: its name, the file it is of, the part, and what is done before."""

    name: str
    file: str
    selector: str
    prepare: Callable[[Any], None]
    height: int | None = None


def _nothing(page: Any) -> None:
    """As it opens."""


def _first_question(page: Any) -> None:
    """The first unit that stands for the letter, at the first question."""
    page.evaluate("() => gatework.store.set({step: 6, unit: 0})")


PICTURES = (
    Picture("inspect-tape", "tape.html", "body", _first_question, 860),
    Picture("inspect-demo", "runs/demo/inspect.html", "body", _nothing, 860),
    Picture("primer-gates", "primer.html", "#figure-gates", _nothing),
    Picture("primer-gradient", "primer.html", "#figure-unrolled", _nothing),
)


def main(folder: Path) -> None:
    """Write every picture into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = GUIDE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        for block in SHELL.findall(text):
            for line in block.strip().splitlines():
                words = line.partition(" # ")[0].split()
                subprocess.run([sys.executable, "-m", *words], cwd=scratch, check=True)
        for code in PYTHON.findall(text):
            subprocess.run([sys.executable, "-c", code], cwd=scratch, check=True)
        _photograph(Path(scratch), folder)


def _photograph(pages: Path, folder: Path) -> None:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for picture in PICTURES:
            page = browser.new_page(viewport={"width": WIDTH, "height": picture.height or 900})
            page.goto((pages / picture.file).as_uri())
            while not page.evaluate("window.__ready === true"):
                page.wait_for_timeout(50)  # the pages' policy forbids playwright's own wait
            picture.prepare(page)
            page.wait_for_timeout(500)  # the fade of lines and rings
            target = folder / f"{picture.name}.png"
            if picture.height:
                page.screenshot(path=target)
            else:
                page.locator(picture.selector).screenshot(path=target)
            page.close()
            _shrink(target)
        browser.close()


def _shrink(path: Path) -> None:
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
