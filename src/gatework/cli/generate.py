"""`gatework generate`: a run writes more of the like, shown as it is written."""

import dataclasses
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from gatework.cli.console import bold, complain, say
from gatework.cli.live import show_live
from gatework.cli.options import Flag, write_options
from gatework.cli.tasks import task_of_run
from gatework.cli.tasks.frames import ALONE, FramesWanted, refuse_text, write
from gatework.cli.tasks.frames import TASK as FRAMES
from gatework.cli.tasks.music import refuse_text as refuse_text_options
from gatework.cli.tasks.music import write_music
from gatework.errors import InputError
from gatework.tasks.generate.settings import Recall, Sampling

if TYPE_CHECKING:
    from gatework.tasks.generate.continuing import Writing
    from gatework.tasks.generate.estimator import LanguageModel

DRAWING = Group.create_ordered("How it is drawn")
GOING_ON = Group.create_ordered("A text that goes on")
RECALLING = Group.create_ordered("What is learnt from the prompt")
AS_USUAL, NOTHING = Sampling(), Recall()


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class TextWanted:
    r"""What is to be written.

    Args:
        prompt: What comes before; it is printed too.
        prompt_file: The same from a file.
        length: Tokens to write at most (characters, for a model of characters).
        samples: How many texts, written all at once as one batch.
        stop: Text that ends it, which is left out; \n is the end of a line. It may be repeated.
        json: Print a line of JSON for each text.
        timing: Say on stderr how fast it was.
    """

    prompt: str = ""
    prompt_file: Path | None = None
    length: int = 500
    samples: Annotated[int, Parameter(alias=("-n", "--count"))] = 1
    stop: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = ()
    json: Flag = False
    timing: Flag = False


@Parameter(name="*", group=GOING_ON)
@dataclasses.dataclass(frozen=True)
class States:
    """Where a text is put aside, and taken up again.

    Args:
        save_state: Keep in this file how the text stands at its end, or where Ctrl-C stopped it.
        from_state: Go on with the text of such a file as if it had never stopped. It is drawn as
            it was, or anew from --seed if any way of drawing is given.
    """

    save_state: Path | None = None
    from_state: Path | None = None


def generate(
    run: Annotated[Path, Parameter(name="RUN")],
    /,
    *,
    wanted: TextWanted = TextWanted(),
    sampling: Annotated[Sampling, Parameter(name="*", group=DRAWING)] = AS_USUAL,
    states: States = States(),
    recall: Annotated[Recall, Parameter(name="*", group=RECALLING)] = NOTHING,
    frames: FramesWanted = ALONE,
    debug: Flag = False,
) -> None:
    """Write text, music or frames with a run: more of what it was fitted on.

    Args:
        run: Folder of a run that `gatework fit generate` made.
        wanted: What is to be written.
        sampling: How it is drawn.
        states: Where it is put aside.
        recall: What is learnt from the prompt.
        frames: What a run of frames or of music is asked for.
        debug: Show where in the code an error came from.
    """
    _check(wanted, states, recall)
    if task_of_run(run) is FRAMES:
        refuse_text(write_options(wanted, sampling, states, recall))
        write(run, frames, sampling, length=wanted.length, count=wanted.samples)
        return
    from gatework.tasks.generate.estimator import LanguageModel

    model = LanguageModel.load(run)
    if model.tokens == "events":
        refuse_text_options(write_options(wanted, states, recall))
        count, length = wanted.samples, wanted.length
        write_music(model, frames, sampling, count=count, length=length, timing=wanted.timing)
        return
    if strange := write_options(frames):
        raise InputError(f"{strange[0]} is no option for text, which {run} writes")
    prompt = wanted.prompt
    if wanted.prompt_file is not None:
        prompt = model.read(wanted.prompt_file)
    if strange := model.unknown(prompt):
        listed = ", ".join(map(repr, strange))
        complain(f"The model never saw {listed}: read as an unknown character.")
    stops = tuple(stop.replace("\\n", "\n") for stop in wanted.stop)
    began = time.perf_counter()
    if wanted.samples == 1 and not wanted.json:
        writing = _begin(model, prompt, states, sampling, recall)
        count = show_live(
            writing, prompt, length=wanted.length, stops=stops, keep=states.save_state
        )
    else:
        count = _write_all(model, prompt, wanted, stops, sampling)
    if wanted.timing:
        seconds = time.perf_counter() - began
        complain(f"{count:,} characters in {seconds:.2f} s: {count / seconds:,.0f} a second.")


def _check(wanted: TextWanted, states: States, recall: Recall) -> None:
    """Refuse options that do not go together, before anything is loaded."""
    if wanted.prompt and wanted.prompt_file is not None:
        raise InputError("both --prompt and --prompt-file were given; expected one of them")
    if (wanted.samples > 1 or wanted.json) and (states != States() or recall != NOTHING):
        raise InputError(
            "states, --cache and --dynamic are for one text that is shown while it is written: "
            "leave out --samples and --json"
        )
    if states.from_state is not None and recall != NOTHING:
        raise InputError(
            "--cache and --dynamic are for a text that begins: one of a state goes on with those "
            "that it began with"
        )
    if states.save_state is not None and not states.save_state.parent.is_dir():
        raise InputError(
            f"--save-state is {states.save_state}; there is no folder {states.save_state.parent}"
        )


def _begin(
    model: "LanguageModel",
    prompt: str,
    states: States,
    sampling: Sampling,
    recall: Recall,
) -> "Writing":
    """Begin a text, or go on with one; that goes on as it was unless it is said how to draw."""
    if states.from_state is None:
        return model.start(prompt, sampling, recall=recall)
    writing = model.resume(states.from_state)
    if sampling != AS_USUAL:
        writing.sampling = sampling
    if prompt:
        sys.stdout.write(writing.finish())
        writing.read(prompt)
    return writing


def _write_all(
    model: "LanguageModel",
    prompt: str,
    wanted: TextWanted,
    stops: tuple[str, ...],
    sampling: Sampling,
) -> int:
    """Print texts that were written together; return their characters."""
    import msgspec

    found = model.write_many(
        prompt, sampling, count=wanted.samples, length=wanted.length, stop=stops
    )
    for number, each in enumerate(found, start=1):
        if wanted.json:
            say(msgspec.json.encode({"prompt": prompt} | each._asdict()).decode())
        else:
            say(bold(f"[{number}]"))
            say(prompt + each.text)
    return sum(len(each.text) for each in found)
