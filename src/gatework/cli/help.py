"""How `--help` is drawn: as cyclopts does it, with what None means told as a default."""

import re
from typing import TYPE_CHECKING, final

from cyclopts.help import DefaultFormatter, HelpPanel, InlineText

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions

# A docstring that serves Python too says `None: chosen so.` or `None is so.` at its end.
_NONE = re.compile(r"\s*None(?::| is) (.*)\.\s*$", re.DOTALL)


@final
class HelpFormatter(DefaultFormatter):
    """Draws help; nobody writes None on a command line, so it is told as a default."""

    def __call__(self, console: "Console", options: "ConsoleOptions", panel: HelpPanel) -> None:
        """Draw one panel."""
        for entry in panel.entries:
            if isinstance(entry.description, InlineText):
                _tell_default(entry.description)
        super().__call__(console, options, panel)


def _tell_default(description: InlineText) -> None:
    from rich.markdown import Markdown
    from rich.text import Text

    words = description.primary_renderable
    if isinstance(words, Markdown) and (found := _NONE.search(words.markup)):
        description.primary_renderable = Markdown(words.markup[: found.start()])
        description.append(Text(f"[default: {' '.join(found[1].split())}]", style="dim"))
