"""Classification at the command line: from labelled sequences to a run, and to labels from it."""

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from gatework.cli.console import align, bold, say, say_scores
from gatework.cli.exits import stoppable
from gatework.cli.options import TO_DEFAULT, RunOptions, default_run, write_options
from gatework.cli.tasks.task import Question, Task
from gatework.errors import InputError
from gatework.files import atomic_write
from gatework.tasks import run as folder
from gatework.tasks.classify.settings import ClassifySettings

if TYPE_CHECKING:
    from gatework.inspector.inspection import Inspection
    from gatework.tasks.classify.outcome import Outcome

DATA = Group.create_ordered("The data")
CLASSIFY = Group.create_ordered("The classifier (what is left out is chosen from the data)")


@Parameter(name="*", group=DATA)
@dataclasses.dataclass(frozen=True)
class DataWords:
    """Which columns of the data are what, and other parts of it.

    Args:
        label: Column of the labels.
        text: Column of the texts.
        id: Column that names the sequences.
        time: Column of the times of a recording's steps.
        statics: Columns of numbers that do not change in a recording, apart by commas.
        kind: What the table holds: text, series (a row a step), events (a row a value, with columns
            variable and value), or wide (a row a series). None: told from the columns.
        separator: What stands between several labels in one cell, such as a semicolon.
        validation: A file like FILE to choose the weights and calibrate on.
        test: A file like FILE to judge on.
    """

    label: str | None = None
    text: str | None = None
    id: str | None = None
    time: str | None = None
    statics: str | None = None
    kind: Literal["text", "series", "events", "wide"] | None = None
    separator: str | None = None
    validation: Path | None = None
    test: Path | None = None


FOUND = DataWords()
BY_DATA = ClassifySettings()


def classify(
    file: Annotated[Path, Parameter(name="FILE", group=DATA)],
    /,
    *,
    data: DataWords = FOUND,
    settings: Annotated[ClassifySettings, Parameter(name="*", group=CLASSIFY)] = BY_DATA,
    output: RunOptions = TO_DEFAULT,
) -> None:
    """Learn to label texts, series or events.

    From a table (CSV, JSON lines, Parquet), a folder for each class, an .npz or .ts file.

    Prints the score on held-out sequences beside the simple rules, and writes a run: the trained
    model, predictions.csv and report.html. A fit that was stopped goes on when the same command is
    given again.

    Args:
        file: CSV, JSON lines, Parquet, .npz or .ts file, or a folder.
        data: Columns and parts.
        settings: How to train and judge.
        output: Where to.
    """
    from gatework.tasks.classify.estimator import Classifier
    from gatework.training import choose_progress

    run = output.out or default_run(file)
    words = ["gatework", "fit", "classify", str(file), *write_options(data, settings)]
    command = shlex.join([*words, *(["--out", str(output.out)] if output.out else [])])
    columns = {
        field.name: getattr(data, field.name)
        for field in dataclasses.fields(data)
        if field.name not in ("validation", "test")
    }
    model = Classifier(**columns, **dataclasses.asdict(settings))
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
        print_outcome(file, run, model.outcome_)


def print_outcome(file: Path, run: Path, outcome: "Outcome") -> None:
    """Print notes on the data, the score table, where things are and the next command."""
    say(bold(f"{file}"))
    say(f"  {len(outcome.train):,} labelled sequences of {len(outcome.classes):,} classes")
    for note in outcome.notes:
        say(f"  {note}")
    say()
    if outcome.scores is None:
        say(bold("No score: nothing was held out."))
    else:
        say_scores(outcome.scores, indent=2)
    say()
    shown = [("report", str(run / "report.html"))]
    if outcome.judged:
        shown.append(("held out", str(run / "predictions.csv")))
    shown.append(("next", f"gatework predict {shlex.quote(str(run))} FILE"))
    say(align(shown))


def predict(question: Question) -> None:
    """Label a file of any size, some thousand rows at a time."""
    from gatework.data import as_text
    from gatework.tasks.classify.estimator import Classifier

    frames = Classifier.load(question.run).predict_file(_file(question))
    if question.out is None:
        for number, frame in enumerate(frames):
            text = as_text(frame)
            sys.stdout.write(text if number == 0 else text.split("\n", 1)[1])
        return
    separator = "\t" if question.out.suffix == ".tsv" else ","
    with atomic_write(question.out) as beside, beside.open("w", encoding="utf-8") as file:
        for number, frame in enumerate(frames):
            text = as_text(frame, separator)
            file.write(text if number == 0 else text.split("\n", 1)[1])


def evaluate(question: Question) -> None:
    """Score a run on labelled sequences, beside the simple rules."""
    from gatework.tasks.classify.estimator import Classifier

    say_scores(Classifier.load(question.run).evaluate(_file(question)))


def inspect(run: Path, file: Path | None, most: int) -> "Inspection":
    """The LSTM of a run on the sequences of a file, or on the texts that were held out."""
    from gatework.tasks.classify.estimator import Classifier

    model, held_out = Classifier.load(run), run / folder.PREDICTIONS
    if file is None and not (model.reads_tables_of_texts and held_out.is_file()):
        raise InputError(f"{run} keeps no data of its own: name the file to look at")
    return model.inspection(file or held_out, most=most)


def _file(question: Question) -> Path:
    if question.file is None:
        raise InputError(f"{question.run} is a classifier: name the file to label")
    return question.file


TASK = Task("classify", classify, predict, evaluate, inspect, outputs=(".csv", ".tsv"))
