"""Language models at the command line: from text to a run, and from a run to more text."""

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from gatework.cli.console import align, bold, say, say_scores
from gatework.cli.exits import stoppable
from gatework.cli.options import TO_DEFAULT, RunOptions, check_output, default_run, write_options
from gatework.cli.tasks.frames import (
    NO_FRAMES,
    FrameOptions,
    FramesWanted,
    fit_frames,
    holds_frames,
)
from gatework.cli.tasks.music import FILES, describe, write_music
from gatework.cli.tasks.task import Question, Task
from gatework.errors import InputError
from gatework.files import atomic_write
from gatework.tasks.generate.settings import GenerateSettings, Recall

if TYPE_CHECKING:
    from gatework.inspector import Inspection
    from gatework.tasks.generate.outcome import Outcome

DATA = Group.create_ordered("The text")
LANGUAGE = Group.create_ordered("The language model (what is left out is chosen from the data)")
BY_DATA = GenerateSettings()
RECALLING = ("cache", "dynamic")  # what `evaluate` may be asked for besides
TEXTS = (".txt",)
SHOWN = 300  # characters of the sample that is printed


@Parameter(name="*", group=DATA)
@dataclasses.dataclass(frozen=True)
class TextOptions:
    """Where the text is, and its other parts.

    Args:
        text_column: Of tables (JSON lines, CSV, parquet: a text a row), the column that has the
            texts; left out, by its name, or that of the longest.
        validation: Text that chooses the best weights; left out, the end of FILE before the test.
        test: Text to score on, once, after training; left out, the end of FILE.
    """

    text_column: str | None = None
    validation: Path | None = None
    test: Path | None = None


def generate(
    *files: Annotated[Path, Parameter(name="FILE", group=DATA)],
    data: TextOptions = TextOptions(),
    frames: FrameOptions = NO_FRAMES,
    settings: Annotated[GenerateSettings, Parameter(name="*", group=LANGUAGE)] = BY_DATA,
    output: RunOptions = TO_DEFAULT,
) -> None:
    """Learn to write like a text, and what comes next in it; like music, or like pen strokes.

    Prints the loss on the held-out end of the text beside n-grams, or on held-out pieces, and
    writes a run: the trained model and report.html. A fit that was stopped goes on when the same
    command is given again.

    Args:
        files: Text in UTF-8, tables of texts, or MIDI and ABC, or folders of them; several are read
            in this order.
        data: Other files.
        frames: For files of frames.
        settings: How to train.
        output: Where to.
    """
    if not files:
        raise InputError("no FILE: name a text file or a folder of them")
    run = output.out or default_run(files[0])
    options = write_options(data, frames, settings)
    words = ["gatework", "fit", "generate", *map(str, files), *options]
    command = shlex.join([*words, *(["--out", str(output.out)] if output.out else [])])
    if holds_frames(files, frames):
        parts = {"validation": data.validation, "test": data.test}
        fit_frames(files, run, frames, settings, parts, output, command)
        return
    source = files[0] if len(files) == 1 else list(files)
    name = ", ".join(map(str, files))
    fit_generate(source, name, run, settings, output, command, data)


def fit_generate(
    source: Any,
    name: str,
    run: Path,
    settings: GenerateSettings,
    output: RunOptions,
    command: str,
    data: TextOptions = TextOptions(),
) -> None:
    """Fit, print what a person wants to know, and say what to do next."""
    from gatework.tasks.generate.estimator import LanguageModel
    from gatework.training import choose_progress

    model = LanguageModel(**dataclasses.asdict(settings), text_column=data.text_column)
    with stoppable(command):
        model.fit(
            source,
            validation=data.validation,
            test=data.test,
            run=run,
            overwrite=output.overwrite,
            progress=choose_progress(quiet=output.quiet),
            command=command,
        )
    if not output.quiet and model.outcome_ is not None:
        _print_outcome(name, run, model.outcome_)


def _print_outcome(name: str, run: Path, outcome: "Outcome") -> None:
    """Print notes, choices, a sample, the score table, where things are and the next command."""
    say(bold(name))
    for note in outcome.notes:
        say(f"  {note}")
    say(align((each.name, f"{each.value}  ({each.reason})") for each in outcome.choices))
    sample = outcome.samples[1]
    say()
    say(bold(f"It writes, at temperature {sample.temperature:g}:"))
    if sample.piece is not None:
        say(f"  {describe(sample.piece)}, to be heard in the report")
    else:
        for line in sample.text[:SHOWN].splitlines():
            say(f"  {line}")
    say()
    say_scores(outcome.scores, indent=2)
    say()
    quoted = shlex.quote(str(run))
    nexts = (
        [f"{quoted} --to tune.mid", f'{quoted} --to tune.wav --primer "60 62 64" --count 3']
        if sample.piece is not None
        else [f"{quoted} --prompt TEXT"]
    )
    commands = [f"gatework generate {each}" for each in nexts]
    if sample.piece is None:
        commands.append(f"gatework complete {quoted}")
    labels = ["report", "next", *[""] * (len(commands) - 1)]
    say(align(zip(labels, [str(run / "report.html"), *commands], strict=True)))


def predict(question: Question) -> None:
    """Go on from the text of a file, or from nothing."""
    from gatework.tasks.generate.estimator import LanguageModel

    model = LanguageModel.load(question.run)
    if model.tokens == "events":
        write_music(model, FramesWanted(question.out, question.file))
        return
    if question.out is not None:
        check_output(question.out, TEXTS)
    text = model.generate("" if question.file is None else model.read(question.file))
    if question.out is None:
        sys.stdout.write(f"{text}\n")
        return
    with atomic_write(question.out) as beside:
        beside.write_text(text, encoding="utf-8")


def evaluate(question: Question) -> None:
    """Score a run on text, beside the n-grams."""
    from gatework.tasks.generate.estimator import LanguageModel

    recall = Recall(**question.options)
    say_scores(LanguageModel.load(question.run).evaluate(question.file, recall=recall))


def inspect(run: Path, file: Path | None, most: int) -> "Inspection":
    """The network of a run on the text that it was judged on, or on that of a file."""
    from gatework.tasks.generate.estimator import LanguageModel

    return LanguageModel.load(run).inspection(file, most=most)


TASK = Task("generate", generate, predict, evaluate, inspect, RECALLING, (*TEXTS, *FILES))
