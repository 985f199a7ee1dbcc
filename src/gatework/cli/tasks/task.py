"""A task as the command line sees it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, final

from gatework.cli.options import check_output
from gatework.errors import InputError

if TYPE_CHECKING:
    from gatework.inspector import Inspection

TABLES = (".csv", ".tsv", ".parquet")


class Question(NamedTuple):
    """What a verb is asked about a run: the file, where the answer goes, the options given."""

    run: Path
    file: Path | None
    out: Path | None
    options: Mapping[str, Any]


@final
@dataclass(frozen=True)
class Task:
    """What a task does for each verb.

    Args:
        name: As in `gatework fit NAME`.
        fit: The command; its signature is the options. None: another task's command fits it too.
        predict: Answers `gatework predict`.
        evaluate: Answers `gatework evaluate`.
        inspect: From a run, a file or None for its own data, and how many sequences at most, to
            what `gatework inspect` shows.
        options: Which options of those two verbs mean something to this task.
        outputs: How the name of a file of predictions may end.
    """

    name: str
    fit: Callable[..., None] | None
    predict: Callable[[Question], None]
    evaluate: Callable[[Question], None]
    inspect: "Callable[[Path, Path | None, int], Inspection]"
    options: tuple[str, ...] = ()
    outputs: tuple[str, ...] = TABLES

    def check(self, question: Question) -> None:
        """Refuse an option or an output that means nothing to this task.

        Raises:
            InputError: There is one.
        """
        strange = [name for name in question.options if name not in self.options]
        if strange:
            option = strange[0].replace("_", "-")
            raise InputError(
                f"--{option} is no option for {question.run}, a run of the task {self.name}"
            )
        if question.out is not None:
            check_output(question.out, self.outputs)
