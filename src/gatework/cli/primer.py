"""`gatework primer`: the teaching page, written and opened."""

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gatework.cli.console import say
from gatework.cli.options import Flag, check_output


def primer(
    *,
    out: Path = Path("gatework-primer.html"),
    browser: Annotated[bool, Parameter(show_default=False)] = True,
    debug: Flag = False,
) -> None:
    """Learn what an LSTM is, gate by gate, with a small trained one to take apart.

    Writes one offline page and, in a terminal, opens it.

    Args:
        out: The page, an HTML file.
        browser: Whether to open the page in a browser; never where the output is no terminal.
        debug: Show where in the code an error came from.
    """
    check_output(out, (".html",))
    from gatework.inspector.primer import write_primer

    write_primer(out)
    say(str(out))
    if browser and sys.stdout.isatty():
        webbrowser.open(out.resolve().as_uri())
