"""Pages of traces, open in a browser, that must not want the network."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gatework.inspector import Trace
from gatework.inspector.page import write_page

PATIENCE = 20.0  # seconds for a page to draw itself on a busy machine


@dataclass
class Visit:
    """A page that is open, what it asked the network for, complained of, and blocked."""

    page: Any
    path: Path
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)

    def ask(self, expression: str, argument: Any = None) -> Any:
        """The value of an expression, or of a function of `argument`, in the page."""
        return self.page.evaluate(expression, argument)

    def complain(self) -> None:
        """Fail if the page wanted the network, or complained."""
        self.settle()
        assert self.requests == []
        assert self.errors == []

    def settle(self) -> None:
        """Let the page draw what has changed."""
        frames = (
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        self.page.evaluate(frames)
        self.page.evaluate(frames)

    def set(self, **changes: Any) -> None:
        """Choose something, as the controls do."""
        self.page.evaluate("(changes) => gatework.store.set(changes)", changes)
        self.settle()

    def number(self, selector: str) -> float:
        """The number that an element shows."""
        return float(self.page.locator(selector).inner_text().replace("\N{MINUS SIGN}", "-"))

    def state(self) -> dict[str, Any]:
        """What is chosen."""
        return self.page.evaluate("() => gatework.store.get()")


Open = Callable[..., contextlib.AbstractContextManager[Visit]]


@pytest.fixture(scope="session")
def visit(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Write a trace's page, or take a file, open it, and let no request and no complaint pass.

    With `strangers` there are scripts in it which the browser should block, and say so.
    """

    @contextlib.contextmanager
    def opened(
        what: Trace | Path,
        *,
        size: tuple[int, int] = (1280, 800),
        dark: bool = False,
        strangers: bool = False,
        **options: Any,
    ) -> Iterator[Visit]:
        path = what if isinstance(what, Path) else tmp_path_factory.mktemp("page") / "page.html"
        if isinstance(what, Trace):
            write_page(what, path, **options)
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
        )
        page = context.new_page()
        found = Visit(page, path)

        def watch(route: Any) -> None:
            if route.request.url.split(":")[0] in ("file", "data", "blob"):
                route.continue_()
            else:
                found.requests.append(route.request.url)
                route.abort()

        page.route("**/*", watch)

        def heed(message: Any) -> None:
            if message.type in ("error", "warning"):
                blocks = strangers and "Content Security Policy" in message.text
                (found.blocked if blocks else found.errors).append(message.text)

        page.on("console", heed)
        page.on("pageerror", lambda error: found.errors.append(str(error)))
        page.goto(path.as_uri())
        limit = time.monotonic() + PATIENCE
        while not page.evaluate("window.__ready === true") and time.monotonic() < limit:
            if found.errors:
                break
            time.sleep(0.02)
        assert found.errors == []
        assert page.evaluate("window.__ready"), "the page did not draw itself"
        yield found
        found.complain()
        context.close()

    return opened
