"""The work of a fit: judge the method on held-out sequences, then train on all of them."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gatework.data.checks import counted, listed
from gatework.data.labelled import Sequences
from gatework.data.labels import Classes, Label, count, require_two
from gatework.errors import InputError
from gatework.tasks.classify import splits
from gatework.tasks.classify.fitted import Fitted
from gatework.tasks.classify.fitting import fit_classifier
from gatework.tasks.classify.outcome import Judged, Outcome, judge
from gatework.tasks.classify.settings import ClassifySettings
from gatework.training import Progress


class Job(NamedTuple):
    """A finished fit: the classifier to predict with, and what to tell about it."""

    fitted: Fitted
    outcome: Outcome


class Parts(NamedTuple):
    """What a fit is given: only the first is needed."""

    train: Sequences
    validation: Sequences | None = None
    test: Sequences | None = None


class _Round(NamedTuple):
    name: str
    seed: int
    kept: np.ndarray
    held: np.ndarray


def fit_and_judge(
    parts: Parts,
    settings: ClassifySettings,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Job:
    """Judge the method, and fit it to everything.

    With a test part the final classifier is judged on it. Without, the method is: classifiers are
    trained without a held-out part, or without each of several, and dropped. A time budget is
    shared evenly between all trainings.

    Args:
        parts: The data.
        settings: How to train and judge.
        folder: Where the trainings keep what resuming needs; None keeps nothing.
        progress: Where to show how far they are.

    Raises:
        InputError: There is nothing to learn, or too little to judge.
        Interrupted: Ctrl-C; the folder holds what a resume needs.
    """
    train, notes = _only_labelled(parts.train, "the data")
    bare = np.setdiff1d(np.arange(len(parts.train)), parts.train.labelled)
    unlabelled = parts.train.take(bare) if len(bare) and settings.pretrain else None
    require_two(train.known_labels, "the data")
    classes = Classes.of(train.known_labels, train.label_kind, several=train.several)
    notes += _class_notes(train.known_labels)
    validation = test = None
    if parts.validation is not None:
        validation, more = _only_labelled(parts.validation, "the validation data")
        validation, unknown = _only_known(validation, classes)
        notes += more + unknown
    if parts.test is not None:
        test, more = _only_labelled(parts.test, "the test data")
        notes += more
    rounds = [] if test is not None else list(_rounds(train, settings))
    trainings = len(rounds) + (settings.seeds if test is not None else 1)
    each = settings
    if settings.time_budget is not None:
        each = dataclasses.replace(settings, time_budget=settings.time_budget / trainings)

    def fit(sequences: Sequences, seed: int, name: str, title: str) -> Fitted:
        return fit_classifier(
            sequences,
            classes,
            dataclasses.replace(each, seed=seed),
            validation=validation,
            unlabelled=unlabelled,
            folder=folder / name if folder else None,
            progress=progress,
            title=f"training, {title}",
        )

    judged: list[Judged] = []
    for one in rounds:
        fitted = fit(train.take(one.kept), one.seed, one.name, one.name.replace("-", " "))
        judged.append(judge(fitted, train.take(one.held), one.held))
    final = fit(train, settings.seed, "final", "all data" if rounds else "the data")
    if test is not None:
        judged.append(judge(final, test, None))
        for seed in range(settings.seed + 1, settings.seed + settings.seeds):
            other = fit(train, seed, f"seed-{seed}", f"seed {seed}")
            judged.append(judge(other, test, None))
    outcome = Outcome(
        train=train,
        classes=classes,
        settings=dataclasses.asdict(settings),
        fitted=final,
        judged=tuple(judged),
        notes=(*train.notes, *notes),
        protocol=_protocol(settings, test, judged),
    )
    return Job(final, outcome)


def _rounds(train: Sequences, settings: ClassifySettings) -> Iterator[_Round]:
    """The splits the method is judged on."""
    groups = splits.strata(train.known_labels)
    if not settings.folds and settings.test_share == 0:
        return
    for seed in range(settings.seed, settings.seed + settings.seeds):
        generator = np.random.default_rng(seed)
        if not settings.folds:
            kept, held = splits.hold_out(groups, settings.test_share, generator)
            yield _Round(f"hold-out-seed-{seed}", seed, kept, held)
            continue
        parts = splits.folds(groups, settings.folds, generator)
        for number, (kept, held) in enumerate(parts, start=1):
            yield _Round(f"fold-{number}-of-{settings.folds}-seed-{seed}", seed, kept, held)


def _only_labelled(sequences: Sequences, what: str) -> tuple[Sequences, list[str]]:
    """Leave out what has no label, and say so."""
    if sequences.labels is None:
        raise InputError(f"{what} has no labels: name their column")
    known = sequences.labelled
    if not len(known):
        raise InputError(f"{what} has no label in any row")
    if len(known) == len(sequences):
        return sequences, []
    first = int(np.setdiff1d(np.arange(len(sequences)), known)[0])
    missing = len(sequences) - len(known)
    who, where = counted(missing, "sequence"), sequences.place(first)
    return sequences.take(known), [f"{who} without a label left out, the first is {where}"]


def _only_known(sequences: Sequences, classes: Classes) -> tuple[Sequences, list[str]]:
    """Leave out labels that training never sees, and say so."""
    strange = classes.unknown(sequences.known_labels)
    if not strange:
        return sequences, []
    kept = np.setdiff1d(np.arange(len(sequences)), strange)
    if not len(kept):
        raise InputError("no label of the validation data is among those of the training data")
    note = (
        f"{counted(len(strange), 'sequence')} of the validation data left out: "
        f"never a label in training, the first is {sequences.place(strange[0])}"
    )
    return sequences.take(kept), [note]


def _class_notes(labels: list[Label]) -> list[str]:
    counts = count(labels)
    once = sorted(name for name, number in counts.items() if number == 1)
    if not once:
        return []
    return [
        f"{counted(len(once), 'class')} seen only once: {listed(once)}; trained on, never held out"
    ]


def _protocol(settings: ClassifySettings, test: Sequences | None, judged: list[Judged]) -> str:
    if not judged:
        return "Nothing was held out, so the method was not judged."
    seeds = f", with {settings.seeds} seeds" if settings.seeds > 1 else ""
    if test is not None:
        return (
            f"The classifier was judged on {counted(len(test), 'sequence')} of a test part that "
            f"played no part in training{seeds}."
        )
    if settings.folds:
        return (
            f"Cross-validation: each of {settings.folds} parts was judged by a classifier trained "
            f"on the others{seeds}. Then one was trained on everything."
        )
    return (
        f"Before the final training, {counted(len(judged[0].targets), 'sequence')} of every class "
        f"in proportion were held out and judged{seeds}. Then one was trained on everything."
    )
