"""Tagging at the command line: from tagged sentences to a run, and from a run to tags."""

import dataclasses
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from gatework.cli.console import align, bold, say, say_scores
from gatework.cli.exits import stoppable
from gatework.cli.options import (
    TO_DEFAULT,
    RunOptions,
    check_output,
    default_run,
    write_options,
)
from gatework.cli.tasks.task import Question, Task
from gatework.errors import InputError
from gatework.files import atomic_write
from gatework.tasks.tag.settings import TagSettings

if TYPE_CHECKING:
    from gatework.inspector.inspection import Inspection
    from gatework.tasks.tag.estimator import Tagger
    from gatework.tasks.tag.outcome import Outcome

DATA = Group.create_ordered("The sentences")
TAGGER = Group.create_ordered("The tagger (what is left out is chosen from the data)")
DEFAULTS = TagSettings()
MOST_TYPES = 12
JSON = ".jsonl"
TABLES = {".csv": ",", ".tsv": "\t"}
WORDS = (".conll", ".tsv", JSON)


@Parameter(name="*", group=DATA)
@dataclasses.dataclass(frozen=True)
class SentenceOptions:
    """Which files there are, and where in them is what.

    Args:
        validation: File that chooses the best weights; left out, part of FILE is held out.
        test: File to score on, read once, after training; left out, validation is scored.
        tokens: Where the words are: a key, or a column's name or number from 1.
        tags: Where the tags are; left out, the last column, UPOS, or a usual key. Of recordings,
            the column of the labels.
        label: Where sentences have a label: a key, or the name of a comment.
        id: Of recordings, the column that names the recording of a row.
        time: Of recordings, the column of the times.
    """

    validation: Path | None = None
    test: Path | None = None
    tokens: str | None = None
    tags: str | None = None
    label: str | None = None
    id: str | None = None
    time: str | None = None


def tag(
    file: Annotated[Path, Parameter(name="FILE", group=DATA)],
    /,
    *,
    data: SentenceOptions = SentenceOptions(),
    settings: Annotated[TagSettings, Parameter(name="*", group=TAGGER)] = DEFAULTS,
    output: RunOptions = TO_DEFAULT,
) -> None:
    """Tag words, and label whole sentences, if the data does; or label each step of recordings.

    Reads CoNLL columns, CoNLL-U, or JSON lines with lists of tokens and tags; and tables with a row
    a step, numbers and a label. Prints the score beside simple rules, and writes a run: the trained
    model, predictions.csv and report.html. A fit that was stopped goes on when the same command is
    given again.

    Args:
        file: Tagged sentences to learn from.
        data: The files.
        settings: How to train.
        output: Where to.
    """
    from gatework.tasks.tag.estimator import Tagger
    from gatework.training import choose_progress

    run = output.out or default_run(file)
    words = ["gatework", "fit", "tag", str(file), *write_options(data, settings)]
    command = shlex.join([*words, *(["--out", str(output.out)] if output.out else [])])
    model = Tagger(
        tokens_col=data.tokens,
        tags_col=data.tags,
        label_col=data.label,
        id_col=data.id,
        time_col=data.time,
        **dataclasses.asdict(settings),
    )
    with stoppable(command):
        model.fit(
            file,
            validation=data.validation,
            test=data.test,
            run=run,
            overwrite=output.overwrite,
            progress=choose_progress(quiet=output.quiet),
            command=command,
        )
    if not output.quiet and model.outcome_ is not None:
        _print_outcome(file, run, model.outcome_)


def _print_outcome(file: Path, run: Path, outcome: "Outcome") -> None:
    """Print notes on the data, the score tables, where things are and the next command."""
    say(bold(f"{file}"))
    for note in outcome.notes:
        say(f"  {note}")
    say()
    *table, verdict = str(outcome.scores).splitlines()
    say("\n".join(f"  {line}" for line in table))
    say()
    for line in _type_lines(outcome):
        say(f"  {line}")
    say()
    say(bold(verdict))
    say()
    say(
        align(
            [
                ("report", str(run / "report.html")),
                ("predictions", str(run / "predictions.csv")),
                ("next", f"gatework predict {shlex.quote(str(run))} FILE"),
            ]
        )
    )


def _type_lines(outcome: "Outcome") -> Iterator[str]:
    header, rows = outcome.scores.type_table()
    shown = [header, *rows[:MOST_TYPES]]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for first, *figures in shown:
        cells = [cell.rjust(width) for cell, width in zip(figures, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells])
    if len(rows) > MOST_TYPES:
        yield f"and {len(rows) - MOST_TYPES} more in the report"


def predict(question: Question) -> None:
    """Tag a file of any size, one sentence, or some recordings, at a time."""
    if question.file is None:
        raise InputError(
            "a tagger needs a FILE to tag: lines of text (.txt), CoNLL columns or JSON lines; or "
            "recordings like those of the fit"
        )
    from gatework.tasks.tag.estimator import Tagger

    model = Tagger.load(question.run)
    parts = (_tables if model.reads_steps else _answers)(model, question, question.file)
    if question.out is None:
        for part in parts:
            sys.stdout.write(part.decode())
        return
    with atomic_write(question.out) as beside, beside.open("wb") as file:
        file.writelines(parts)


def _tables(model: "Tagger", question: Question, file: Path) -> Iterator[bytes]:
    """Write the rows of recordings with the label of each, as text."""
    from gatework.data.tables import as_text

    if question.options:
        raise InputError(
            f"{question.run} labels the steps of recordings, always with the probability of each: "
            "--n-best and --probabilities are for words"
        )
    if question.out is not None:
        check_output(question.out, tuple(TABLES))
    separator = TABLES[".csv" if question.out is None else question.out.suffix]
    for number, table in enumerate(model.stream_tables(file)):
        yield as_text(table, separator, header=number == 0).encode()


def _answers(model: "Tagger", question: Question, file: Path) -> Iterator[bytes]:
    """Write each answer: rows for columns, JSON lines for texts, or as the name of --out says."""
    from gatework.tasks.tag.texts import as_columns, as_json

    suffix = None if question.out is None else question.out.suffix
    if question.out is not None:
        check_output(question.out, WORDS)
    n_best = question.options.get("n_best", 1)
    probabilities = question.options.get("probabilities", False)
    for asked, answer in model.stream_with_texts(file, n_best=n_best, probabilities=probabilities):
        as_lines = suffix == JSON or (suffix is None and asked.text is not None)
        if as_lines:
            yield as_json(asked, answer, has_spans=model.has_spans)
        else:
            yield as_columns(answer).encode()


def evaluate(question: Question) -> None:
    """Score a run on tagged sentences, beside the most frequent tag."""
    from gatework.tasks.tag.estimator import Tagger

    say_scores(Tagger.load(question.run).evaluate(question.file))


def inspect(run: Path, file: Path | None, most: int) -> "Inspection":
    """The LSTM over words of a run, on the sentences it was judged on or on those of a file."""
    from gatework.tasks.tag.estimator import Tagger

    return Tagger.load(run).inspection(file, most=most)


TASK = Task(
    "tag",
    tag,
    predict,
    evaluate,
    inspect,
    options=("n_best", "probabilities"),
    outputs=(*WORDS, ".csv"),
)
