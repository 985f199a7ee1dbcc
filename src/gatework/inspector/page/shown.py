"""The page of a trace as a value: a notebook shows it, a script saves or opens it."""

import tempfile
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gatework.inspector.page.page import notebook_html, write_page
from gatework.inspector.trace import Trace


@final
@dataclass(frozen=True, eq=False)
class Shown:
    """What `trace.show()` gives: in a notebook, the page in a frame of its own.

    Attributes:
        trace: what was recorded.
        title: the page's heading.
    """

    trace: Trace
    title: str

    def save(self, path: Path | str) -> Path:
        """Write the page to one HTML file, whole or not at all, and return where."""
        write_page(self.trace, Path(path), title=self.title)
        return Path(path)

    def open(self) -> Path:
        """Write the page to a temporary file, open it in a browser, and return where it is."""
        path = self.save(Path(tempfile.mkdtemp(prefix="gatework-")) / "memory.html")
        webbrowser.open(path.as_uri())
        return path

    def _repr_html_(self) -> str:
        return notebook_html(self.trace)
