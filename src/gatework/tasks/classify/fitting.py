"""From labelled sequences to a fitted classifier."""

import dataclasses
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gatework.data.batches import LengthBatches
from gatework.data.labelled import Recordings, Sequences, Texts
from gatework.data.labels import Classes
from gatework.models.classifier import ClassifierEnsemble, ClassifierShape, Inputs
from gatework.tasks.classify import splits
from gatework.tasks.classify.calibrating import calibrate, calibrated_loss, fit_rules
from gatework.tasks.classify.checks import Apart, Checks, LeftOut, left_out
from gatework.tasks.classify.choices import Effort, choose_effort, choose_members, choose_shape
from gatework.tasks.classify.encoding import Encoded, Encoder, TextEncoder
from gatework.tasks.classify.fitted import Fitted, inputs_of
from gatework.tasks.classify.outside import read_outside, start_from
from gatework.tasks.classify.pretraining import pretrain
from gatework.tasks.classify.recordings import RecordingEncoder
from gatework.tasks.classify.settings import ClassifySettings
from gatework.tasks.settings import Choice
from gatework.tasks.threads import one_thread
from gatework.training import Progress, TrainSettings, train

FEW: Final = 300  # sequences under which a single network can spare none
_ENOUGH: Final = 100  # checked sequences from which the best weights can be told from the last
_APART: Final = 50  # training steps between validations, at least
_TRAIN_STEPS: Final = 20_000  # steps trained on at once


class _Batch(NamedTuple):
    """inputs of B sequences, their targets, and (members, B) which networks learn from them."""

    inputs: Inputs
    targets: Tensor
    trains: Tensor


def fit_classifier(  # noqa: PLR0913 - data, settings, and where to keep and show the work
    sequences: Sequences,
    classes: Classes,
    settings: ClassifySettings,
    *,
    validation: Sequences | None = None,
    unlabelled: Sequences | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
    title: str = "training",
) -> Fitted:
    """Fit networks and baselines to sequences that all have a label.

    Args:
        sequences: What to learn from.
        classes: All classes there may be.
        settings: What the user chose.
        validation: What the weights are chosen and calibrated on; None takes, of
            `sequences`, what each network leaves out, a part, or nothing where they are few.
        unlabelled: More of the kind, for pre-training.
        folder: Where the training keeps what resuming needs. None keeps nothing.
        progress: Where to show how far it is.
        title: What the progress calls it.

    Raises:
        InputError: There is nothing to learn.
    """
    with one_thread():
        others = (validation, unlabelled)
        return _fit(sequences, classes, settings, others, (folder, progress, title))


def _fit(
    sequences: Sequences,
    classes: Classes,
    settings: ClassifySettings,
    others: tuple[Sequences | None, Sequences | None],
    work: tuple[Path | None, Progress | None, str],
) -> Fitted:
    (validation, unlabelled), (folder, progress, title) = others, work
    members, choices = choose_members(len(sequences), settings)
    if validation is None and members == 1:
        sequences, validation, more = _parts(sequences, settings)
        choices += more
    encoder, more = fit_encoder(sequences, settings)
    choices += more
    encoded = encoder.encode(sequences)
    labels = sequences.known_labels
    targets = torch.from_numpy(classes.numbers(labels))
    checks: Checks | None = None
    if validation is not None:
        truth = torch.from_numpy(classes.numbers(validation.known_labels))
        checks = Apart(encoder.encode(validation), truth)
    elif members > 1:
        checks = left_out(
            encoded,
            targets,
            splits.strata(labels),
            members=members,
            share=settings.validation_share,
            seed=settings.seed,
        )
    outside = read_outside(encoder, settings)
    if outside is not None:
        settings = dataclasses.replace(settings, embedding_size=outside.values.shape[1])
    shape, more = choose_shape(encoder, encoded, len(classes), members, settings)
    effort, effort_choices = choose_effort(sequences, shape, settings)
    choices += more + effort_choices
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        model = ClassifierEnsemble(shape)
    if outside is not None:
        assert isinstance(encoder, TextEncoder)
        choices.append(start_from(model, encoder, outside))
    if settings.pretrain:
        texts = [sequences] if unlabelled is None else [sequences, unlabelled]
        rate = effort.learning_rate
        choices.append(
            pretrain(model, encoder, texts, settings, rate, folder=folder, progress=progress)
        )
    source = _source(encoded, targets, checks, shape, effort)
    weights = _class_weights(targets, len(classes), settings)

    def loss(network: ClassifierEnsemble, batch: _Batch) -> Tensor:
        scores = network.by_member(batch.inputs)
        return _loss(scores, batch.targets, batch.trains, weights, effort.label_smoothing)

    def validate(network: ClassifierEnsemble) -> float:
        assert checks is not None
        return calibrated_loss(checks.network(network), checks.truth)

    checked = 0 if checks is None else len(checks.truth)
    history = train(
        model,
        source,
        loss,
        settings=TrainSettings(
            epochs=effort.epochs,
            time_budget=settings.time_budget,
            learning_rate=effort.learning_rate,
            weight_decay=settings.weight_decay,
            precision=settings.precision,
            schedule="one_cycle",
            warmup=0.1,
            validate_every=max(_APART, len(source.plan(torch.Generator().manual_seed(0)))),
            keep="best" if checked >= _ENOUGH else "last",
            seed=settings.seed,
        ),
        validate=None if checks is None else validate,
        folder=folder,
        progress=progress,
        title=title,
    )
    rules = fit_rules(encoded.bag, targets, len(classes), checks)
    calibration, fitted, more = calibrate(model.eval(), rules, checks, classes, targets, settings)
    return Fitted(encoder, classes, shape, model, calibration, fitted, (*choices, *more), history)


def fit_encoder(sequences: Sequences, settings: ClassifySettings) -> tuple[Encoder, list[Choice]]:
    """Fit the encoder that these sequences need."""
    if isinstance(sequences, Texts):
        return TextEncoder.fit(sequences, settings)
    assert isinstance(sequences, Recordings)
    return RecordingEncoder.fit(sequences, settings)


def _parts(
    sequences: Sequences, settings: ClassifySettings
) -> tuple[Sequences, Sequences | None, list[Choice]]:
    """What a single network is trained on, and what it is validated on."""
    if len(sequences) < FEW:
        reason = f"{len(sequences)} sequences are too few to spare any"
        return sequences, None, [Choice("validation_share", 0, reason)]
    generator = np.random.default_rng(settings.seed)
    groups = splits.strata(sequences.known_labels)
    kept, held = splits.hold_out(groups, settings.validation_share, generator)
    return sequences.take(kept), sequences.take(held), []


def _source(
    encoded: Encoded,
    targets: Tensor,
    checks: Checks | None,
    shape: ClassifierShape,
    effort: Effort,
) -> LengthBatches[_Batch]:
    everyone = torch.ones(shape.members, len(targets), dtype=torch.bool)
    trains = checks.trains if isinstance(checks, LeftOut) else everyone

    def load(index: Tensor) -> _Batch:
        return _Batch(inputs_of(encoded, index), targets[index], trains[:, index])

    return LengthBatches(
        encoded.steps.lengths, load, batch_size=effort.batch_size, most_steps=_TRAIN_STEPS
    )


def _class_weights(targets: Tensor, classes: int, settings: ClassifySettings) -> Tensor | None:
    """(K,) weights in the loss, of mean 1 over the sequences; None if all weigh the same."""
    if settings.class_weights == "none":
        return None
    if targets.dim() == 2:
        share = targets.mean(0).clamp(1e-3, 1 - 1e-3)
        return (1 - share) / share
    counts = torch.bincount(targets, minlength=classes).clamp_min(1)
    return len(targets) / (classes * counts.float())


def _loss(
    scores: Tensor,
    targets: Tensor,
    trains: Tensor,
    weights: Tensor | None,
    smoothing: float,
) -> Tensor:
    """Mean loss of (members, B, K) scores, of those sequences that each network learns from."""
    members = len(scores)
    flat = scores.flatten(0, 1)
    if targets.dim() == 1:
        each = functional.cross_entropy(
            flat, targets.repeat(members), weights, label_smoothing=smoothing, reduction="none"
        )
    else:
        smooth = targets + smoothing * (0.5 - targets)
        each = functional.binary_cross_entropy_with_logits(
            flat, smooth.repeat(members, 1), pos_weight=weights, reduction="none"
        ).mean(1)
    learnt = trains.flatten()
    return (each * learnt).sum() / learnt.sum().clamp_min(1)
