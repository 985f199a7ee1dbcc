"""`gatework`: from arguments to one verb, and from any ending of it to an exit status.

0 is done; 2 the input or the arguments were wrong, or the disk was; 130 was stopped by Ctrl-C; 1 is
a defect of Gatework.
"""

import errno
import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, MissingArgumentError

from gatework.cli import (
    bench,
    complete,
    demo,
    evaluate,
    fit,
    generate,
    info,
    inspect,
    predict,
    primer,
)
from gatework.cli.console import complain
from gatework.cli.exits import Stopped
from gatework.cli.help import HelpFormatter
from gatework.errors import GateworkError
from gatework.tasks.run import package_version

WRONG_INPUT = 2
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after `gatework`; those of the process if None.

    Returns:
        The exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        build_app()(words, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain once more when it flushes at exit: give it somewhere to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        if "--debug" in words:
            raise
        return _explain(error)
    except KeyboardInterrupt:
        complain("Stopped.")
        return INTERRUPTED
    return 0


def build_app() -> App:
    """Put the verbs together."""
    app = App(
        name="gatework",
        help="Recurrent networks you can train in seconds, look inside, and ship anywhere.",
        version=package_version,
        version_flags=["--version"],
        help_formatter=HelpFormatter(),
        suppress_keyboard_interrupt=False,
    )
    app.command(fit.build_app())
    app.command(predict.predict)
    app.command(evaluate.evaluate)
    app.command(generate.generate)
    app.command(complete.complete)
    app.command(inspect.inspect)
    app.command(primer.primer)
    app.command(bench.bench)
    app.command(info.info)
    app.command(demo.demo)
    return app


def _explain(error: Exception) -> int:
    """Say in one line what went wrong, and return the exit status."""
    if isinstance(error, Stopped):
        complain(str(error))
        return INTERRUPTED
    if isinstance(error, CycloptsError):
        complain(_first_cause(error))
        return WRONG_INPUT
    if isinstance(error, GateworkError):
        complain(str(error))
        return WRONG_INPUT
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        reason = "the disk is full" if error.errno == errno.ENOSPC else str(error.strerror or error)
        complain(f"Cannot read or write{where}: {reason}.")
        return WRONG_INPUT
    complain(
        f"A defect of Gatework: {type(error).__name__}: {error}. "
        "Please report it with what --debug shows."
    )
    return 1


def _first_cause(error: CycloptsError) -> str:
    """Prefer our own words, where a setting refused its value, to those of the parser."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, GateworkError):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, MissingArgumentError) and error.app and error.keyword is None:
        return _lacking(error, error.app)
    return str(error)


def _lacking(error: MissingArgumentError, app: App) -> str:
    """Say what was left out, with the words of the help about it."""
    assert error.argument is not None
    command, name = " ".join(("gatework", *(error.command_chain or ()))), error.argument.name
    known = app.assemble_argument_collection(parse_docstring=True)
    (meaning,) = (each.parameter.help for each in known if each.name == name)
    return f"{command} needs {name}: {meaning}"
