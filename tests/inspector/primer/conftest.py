"""The teaching page, open in a real Chromium without a network."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gatework.inspector.primer import write_primer

MINUS = "\N{MINUS SIGN}"
PATIENCE = 30.0  # seconds for the page to draw itself on a busy machine


class Visit(NamedTuple):
    """An open page, what it asked the network for, and what it complained of."""

    page: Any
    requests: list[str]
    errors: list[str]

    def slide(self, figure: str, label: str, value: float) -> None:
        """Move a slider, found by the words beside it, as a hand would."""
        self.page.locator(f"#figure-{figure} input[type=range][aria-label='{label}']").evaluate(
            "(input, value) => { input.value = value; "
            "input.dispatchEvent(new Event('input', {bubbles: true})); }",
            str(value),
        )

    def choose(self, figure: str, value: str) -> None:
        """Press one of a row of buttons."""
        self.page.locator(f"#figure-{figure} input[value='{value}']").check(force=True)

    def value(self, selector: str) -> float:
        """The number that an element stands for, in full."""
        return float(self.page.locator(selector).get_attribute("data-value"))

    def number(self, selector: str) -> float:
        """The number that an element shows, rounded as it is shown."""
        return float(self.text(selector).replace(MINUS, "-"))

    def wait(self, condition: str) -> None:
        """Wait until a condition holds in the page, whose policy forbids playwright's own wait."""
        limit = time.monotonic() + PATIENCE
        while not self.page.evaluate(condition):
            assert time.monotonic() < limit, f"in vain: {condition}"
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        """The words of an element."""
        return self.page.locator(selector).text_content()


Open = Callable[..., contextlib.AbstractContextManager[Visit]]


@pytest.fixture(scope="session")
def primer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("primer") / "primer.html"
    write_primer(path)
    return path


@pytest.fixture(scope="session")
def visit(chromium: Any, primer_file: Path) -> Open:
    """Open the page; on leaving it, fail if it wanted the network or complained."""

    @contextlib.contextmanager
    def opened(*, size: tuple[int, int] = (1240, 900), dark: bool = False) -> Iterator[Visit]:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        found = Visit(context.new_page(), [], [])
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.on("console", lambda message: found.errors.append(message.text))
        found.page.on("pageerror", lambda error: found.errors.append(str(error)))
        context.set_offline(True)
        found.page.goto(primer_file.as_uri())
        found.wait("window.__ready === true")
        yield found
        assert found.errors == []
        assert found.requests == [primer_file.as_uri()]
        context.close()

    return opened


@pytest.fixture
def primer(visit: Open) -> Iterator[Visit]:
    """The page as it opens."""
    with visit() as found:
        yield found
