"""The work of a fit: train, then judge on the test part, or on validation where there is none."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import torch

from gatework.data.checks import counted
from gatework.data.ragged import Ragged
from gatework.tasks.frames.fitted import Fitted
from gatework.tasks.frames.fitting import Judged, fit_network, judge
from gatework.tasks.frames.outcome import Outcome, Sample, Surprise, frame_name
from gatework.tasks.frames.parts import Parts
from gatework.tasks.frames.scores import MODEL, MethodScore, Scores
from gatework.tasks.frames.settings import FrameSettings
from gatework.tasks.frames.writing import write
from gatework.training import Progress
from gatework.training.history import curves_of

_TEMPERATURES: Final = (0.7, 1.0)
_SAMPLED: Final = 64  # quarter notes of each sample, or
_SAMPLED_NUMBERS: Final = 300  # frames at most
_MOST_SURPRISES: Final = 12


class Job(NamedTuple):
    """A finished fit: the model, and what to tell about it."""

    fitted: Fitted
    outcome: Outcome


def fit_and_judge(
    parts: Parts,
    settings: FrameSettings,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Job:
    """Fit a model of frames, and score it on the judged part beside the rules.

    Args:
        parts: The data.
        settings: How to train.
        folder: Where the training keeps what resuming needs; None keeps nothing.
        progress: Where to show how far it is.

    Raises:
        InputError: The head does not fit the data.
        Interrupted: Ctrl-C; the folder holds what a resume needs.
    """
    where = folder / "training" if folder else None
    fitted = fit_network(parts, settings, folder=where, progress=progress)
    pieces = parts.judged
    said = judge(fitted.network, pieces)
    outcome = Outcome(
        settings=dataclasses.asdict(settings),
        choices=fitted.choices,
        schema=parts.schema,
        scores=score(fitted, pieces, said, part=parts.judged_name, chosen_on=parts.test is None),
        real=pieces[0][: sampled_length(parts)].numpy(),
        samples=tuple(_samples(fitted, settings.seed, sampled_length(parts))),
        surprises=tuple(_surprises(fitted, pieces, said)),
        curves=curves_of(fitted.history),
        data=_data_facts(parts),
        training=_training_facts(fitted),
        notes=parts.notes,
    )
    return Job(fitted, outcome)


def score(
    fitted: Fitted,
    pieces: Ragged,
    said: Judged,
    *,
    part: str,
    chosen_on: bool = False,
    notes: tuple[str, ...] = (),
) -> Scores:
    """Score what a network said of sequences beside the rules.

    Args:
        fitted: The model.
        pieces: What was judged.
        said: Of it.
        part: What it is called.
        chosen_on: Whether the model was chosen by it.
        notes: What else a reader must know.
    """
    standard = (fitted.network.standardise(pieces[each]) for each in range(len(pieces)))
    by_rule = [fitted.baselines.nats(piece) for piece in standard]
    rules = {name: Judged([each[name] for each in by_rule]) for name in by_rule[0]}
    others = [MethodScore(name, each.mean(), each.by_sequence()) for name, each in rules.items()]
    others.sort(key=lambda method: method.nats)
    return Scores(
        (MethodScore(MODEL, said.mean(), said.by_sequence()), *others),
        part,
        sum(len(each) for each in said.nats),
        len(pieces),
        fitted.network.shape.head,
        chosen_on,
        notes,
    )


def sampled_length(parts: Parts) -> int:
    """Return how many frames a sample has that is looked at: of numbers, as many as usual."""
    if parts.schema.keys:
        return _SAMPLED * parts.schema.steps_per_quarter
    return min(_SAMPLED_NUMBERS, int(parts.train.lengths.median()))


def _samples(fitted: Fitted, seed: int, length: int) -> Iterator[Sample]:
    for temperature in _TEMPERATURES:
        drawn = write(fitted, None, length=length, temperature=temperature, seed=seed)
        yield Sample(temperature, drawn[0])


def _surprises(fitted: Fitted, pieces: Ragged, said: Judged) -> Iterator[Surprise]:
    every = torch.cat(said.nats)
    starts = torch.tensor([0, *(len(each) for each in said.nats)]).cumsum(0)
    for place in every.argsort(descending=True, stable=True)[:_MOST_SURPRISES].tolist():
        sequence = int(torch.searchsorted(starts, place, right=True)) - 1
        frame = place - int(starts[sequence]) + 1
        frames = pieces[sequence].numpy()
        yield Surprise(
            sequence,
            frame,
            frame_name(frames[frame - 1], fitted.schema),
            frame_name(frames[frame], fitted.schema),
            float(every[place]),
        )


def _data_facts(parts: Parts) -> tuple[tuple[str, str], ...]:
    named = {"Training": parts.train, "Validation": parts.validation, "Test": parts.test}
    facts = [
        (name, f"{counted(len(part), 'sequence')}, {len(part.values):,} frames")
        for name, part in named.items()
        if part is not None
    ]
    return (("A frame", str(parts.schema)), *facts)


def _training_facts(fitted: Fitted) -> tuple[tuple[str, str], ...]:
    shape, history = fitted.network.shape, fitted.history
    weights = sum(parameter.numel() for parameter in fitted.network.parameters())
    facts = [
        ("Network", f"LSTM, {shape.num_layers} x {shape.hidden_size} wide; head {shape.head}"),
        ("Weights", f"{weights:,}"),
    ]
    if history is not None:
        facts += [("Steps", f"{history.steps:,}"), ("Time", f"{history.elapsed:.0f} s")]
        facts.append(("Best weights", f"of step {history.best_step:,}"))
    return tuple(facts)
