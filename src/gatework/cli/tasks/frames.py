"""Models of frames at the command line: `fit generate` of piano rolls and numbers, and its run."""

import dataclasses
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Group, Parameter

from gatework.cli.console import align, bold, say, say_scores
from gatework.cli.exits import stoppable
from gatework.cli.options import RunOptions, check_output
from gatework.cli.tasks.task import Question, Task
from gatework.errors import InputError
from gatework.tasks.frames.settings import FrameSettings
from gatework.tasks.generate.settings import GenerateSettings, Sampling

if TYPE_CHECKING:
    from gatework.inspector import Inspection
    from gatework.tasks.frames.outcome import Outcome

FRAMES = Group.create_ordered("Frames: piano rolls, pen strokes, numbers")
DRAWN = Group.create_ordered("Music and frames")
BY_DATA = FrameSettings()
ROLLS = (".npz", ".json.gz")  # files that hold nothing but frames
OUTPUTS = (".csv", ".tsv", ".parquet", ".npz", ".mid", ".wav")


@Parameter(name="*", group=FRAMES)
@dataclasses.dataclass(frozen=True)
class FrameOptions:
    """What frames have that text has not.

    Args:
        head: Take FILE for frames, and tell the next one by bernoulli (each key on its own), joint
            (each key sees those below it) or mdn (a mixture of Gaussians, for any numbers).
            None: joint for a piano roll, which an .npz or .json.gz file is.
        id: Column of a table that names the sequences.
        head_size: Width of the heads of keys.
        components: Gaussians of the mixture.
        covariance: Of the mixture's columns: full, or diagonal.
    """

    head: Literal["bernoulli", "joint", "mdn"] | None = None
    id: str | None = None
    head_size: int = BY_DATA.head_size
    components: int = BY_DATA.components
    covariance: Literal["full", "diagonal"] = BY_DATA.covariance


NO_FRAMES = FrameOptions()


def holds_frames(files: Sequence[Path], options: FrameOptions) -> bool:
    """Whether a fit is of frames: by its options, or by the name of its file."""
    named = any(file.name.lower().endswith(ROLLS) for file in files)
    return named or options != NO_FRAMES


def fit_frames(
    files: Sequence[Path],
    run: Path,
    options: FrameOptions,
    settings: GenerateSettings,
    parts: Mapping[str, Path | None],
    output: RunOptions,
    command: str,
) -> None:
    """Fit, print what a person wants to know, and say what to do next.

    Args:
        files: One.
        run: Where the run goes.
        options: What frames alone have.
        settings: Those that text has too.
        parts: The files of `validation` and `test`.
        output: How to write.
        command: That asks for this fit.

    Raises:
        InputError: There are several files, or a setting means nothing to frames.
    """
    from gatework.tasks.frames.estimator import FrameModel
    from gatework.training import choose_progress

    if len(files) != 1:
        raise InputError(f"{len(files)} files were given; frames come in one file or folder")
    given = dataclasses.asdict(options)
    shared = _shared(settings, FrameModel.defaults())
    model = FrameModel(id_col=given.pop("id"), **given, **shared)
    with stoppable(command):
        model.fit(
            files[0],
            run=run,
            overwrite=output.overwrite,
            progress=choose_progress(quiet=output.quiet),
            command=command,
            validation=parts["validation"],
            test=parts["test"],
        )
    if not output.quiet and model.outcome_ is not None:
        _print_outcome(files[0], run, model.outcome_)


def _shared(settings: GenerateSettings, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that were given, of those that frames have too; refuse the others.

    What was not given has its own default for frames.
    """
    fields = dataclasses.fields(settings)
    values = {each.name: getattr(settings, each.name) for each in fields}
    given = {each.name: values[each.name] for each in fields if values[each.name] != each.default}
    strange = [name.replace("_", "-") for name in given if name not in known]
    if strange:
        raise InputError(f"--{strange[0]} is a setting of text or events: frames have none such")
    return given


def _print_outcome(file: Path, run: Path, outcome: "Outcome") -> None:
    """Print notes, choices, the score table, where things are and the next command."""
    say(bold(f"{file}"))
    for note in outcome.notes:
        say(f"  {note}")
    say(align((each.name, f"{each.value}  ({each.reason})") for each in outcome.choices))
    say()
    say_scores(outcome.scores, indent=2)
    say()
    to = "--length 64 --to tune.mid" if outcome.schema.piano else "--to more.csv"
    next_command = f"gatework generate {shlex.quote(str(run))} {to}"
    say(align([("report", str(run / "report.html")), ("next", next_command)]))


@Parameter(name="*", group=DRAWN)
@dataclasses.dataclass(frozen=True)
class FramesWanted:
    """What a run of frames or of music can be asked for besides.

    Args:
        to: File to write: .mid or .wav, of which several samples have a number each, or of frames
            .csv, .tsv, .parquet or .npz; left out, CSV or events of music are printed.
        primer: File with frames to go on from: its first sequence, which is written too. Of music
            MIDI or ABC, or notes such as "60 62*2 E4/2 r C4+E4+G4".
        primer_frames: So many of them, from the first; left out, all.
        tempo: Of music, quarter notes a minute; left out, that of the primer, or the usual one of
            the data.
    """

    to: Path | None = None
    primer: Path | None = None
    primer_frames: int | None = None
    tempo: float | None = None

    def __post_init__(self) -> None:
        if self.to is not None:
            check_output(self.to, OUTPUTS, option="to")
        if self.primer_frames is not None and self.primer_frames < 1:
            raise InputError(f"--primer-frames is {self.primer_frames}; expected 1 or more")


ALONE = FramesWanted()
AS_THEY_COME = Sampling(temperature=1.0)


def write(
    run: Path, wanted: FramesWanted, sampling: Sampling, *, length: int = 64, count: int = 1
) -> None:
    """Draw sequences with a run of frames, and write them.

    Raises:
        InputError: The primer cannot be read, or a value is out of its range.
    """
    import numpy as np

    from gatework.data.tables import as_text
    from gatework.tasks.frames.estimator import FrameModel
    from gatework.tasks.frames.files import to_table, write_frames

    if wanted.tempo is not None:
        raise InputError("--tempo is an option for music, and means nothing to frames")
    model = FrameModel.load(run)
    begun = None
    if wanted.primer is not None:
        parts = model.read(wanted.primer).parts
        begun = next(iter(parts.values()))[0][: wanted.primer_frames]
    frames = model.generate_many(
        length, count=count, primer=begun, temperature=sampling.temperature, seed=sampling.seed
    )
    if begun is not None:
        before = np.broadcast_to(begun, (count, *begun.shape))
        frames = np.concatenate([before, frames], 1)
    if wanted.to is None:
        sys.stdout.write(as_text(to_table(frames, model.schema_)))
        return
    for path in write_frames(wanted.to, frames, model.schema_):
        say(str(path))


def refuse_text(words: Sequence[str]) -> None:
    """Refuse words of a command that mean something to a run of text alone.

    Raises:
        InputError: There is one.
    """
    known = ("--length", "--samples", "--temperature", "--seed")
    for word in words:
        if word.startswith("--") and word not in known:
            raise InputError(f"{word} is an option for text, and means nothing to frames")


def predict(question: Question) -> None:
    """Go on from the frames of a file, or from nothing."""
    write(question.run, FramesWanted(question.out, question.file), AS_THEY_COME)


def evaluate(question: Question) -> None:
    """Score a run on sequences, beside the rules."""
    from gatework.tasks.frames.estimator import FrameModel

    say_scores(FrameModel.load(question.run).evaluate(question.file))


def inspect(run: Path, file: Path | None, most: int) -> "Inspection":
    """The network of a run on sequences that it was judged on, or on those of a file."""
    from gatework.tasks.frames.estimator import FrameModel

    return FrameModel.load(run).inspection(file, most=most)


TASK = Task("frames", None, predict, evaluate, inspect, outputs=OUTPUTS)
