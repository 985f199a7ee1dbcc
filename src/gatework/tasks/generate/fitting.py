"""Training: from streams of tokens to a network and its n-grams."""

import dataclasses
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from gatework.data.stream import StreamBatch
from gatework.models.language import (
    CarryingNetwork,
    LanguageNetwork,
    LanguageRegularisation,
    LanguageShape,
    judge,
)
from gatework.tasks.generate.choices import Effort, choose_effort
from gatework.tasks.generate.counting import CountedBatch, fit_ngrams, windows_of
from gatework.tasks.generate.fitted import Fitted, chances_of
from gatework.tasks.generate.parts import Parts
from gatework.tasks.generate.settings import GenerateSettings
from gatework.training import Progress, TrainSettings, train

_ASGD_CLIP: Final = 0.25  # Merity et al. 2018
_STREAMS: Final = 32  # that validation is read in, side by side
_LEAST_STREAM: Final = 256  # tokens of each
_VALIDATIONS: Final = 2  # of an epoch
_LEAST_BETWEEN, _MOST_BETWEEN = 20, 1_000  # steps
_MOST_VALIDATED: Final = 300_000  # tokens, at the beginning of the part


def fit_network(
    parts: Parts,
    settings: GenerateSettings,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Train on the training part; validation says which weights to keep.

    Args:
        parts: The data.
        settings: How to train.
        folder: Where the training keeps what resuming needs; None keeps nothing.
        progress: Where to show how far it is.

    Raises:
        InputError: The training part is too short.
        Interrupted: Ctrl-C; the folder holds what a resume needs.
    """
    effort, choices = choose_effort(len(parts.train.ids), len(parts.codec), settings)
    counts = fit_ngrams(parts, effort.ngram)
    shape = LanguageShape(
        len(parts.codec),
        effort.embedding_size,
        effort.hidden_size,
        settings.num_layers,
        effort.tied,
        settings.layer_norm,
        counted=effort.ngram,
        adaptive=effort.softmax == "adaptive",
    )
    regularisation = LanguageRegularisation(
        effort.dropout,
        effort.weight_drop,
        settings.embedding_dropout,
        settings.activation,
        settings.temporal,
    )
    source = windows_of(parts, effort.ngram, batch_size=effort.batch_size, window=effort.window)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        network = LanguageNetwork(shape, regularisation, chances_of(counts.train, shape))
        model = CarryingNetwork(network, effort.batch_size)
    held = parts.validation.ids[:_MOST_VALIDATED]
    held = side_by_side(held, max(1, min(_STREAMS, len(held) // _LEAST_STREAM)))
    history = train(
        model,
        source,
        _loss,
        settings=_training(settings, effort, source.batches),
        validate=lambda carrying: float(judge(carrying.network, held).nats.double().mean()),
        folder=folder,
        progress=progress,
    )
    choices += [*parts.chosen, counts.choice]
    network.counted = chances_of(counts.known, shape)
    return Fitted(
        parts.codec,
        network.eval(),
        counts.known,
        counts.order,
        parts.documents,
        tuple(choices),
        history,
    )


def _training(settings: GenerateSettings, effort: Effort, batches: int) -> TrainSettings:
    """How to train, with so many batches in an epoch."""
    usual = TrainSettings(
        epochs=effort.epochs,
        time_budget=settings.time_budget,
        learning_rate=effort.learning_rate,
        weight_decay=effort.weight_decay,
        average=settings.average,
        precision=effort.precision,
        validate_every=min(_MOST_BETWEEN, max(_LEAST_BETWEEN, batches // _VALIDATIONS)),
        seed=settings.seed,
    )
    if settings.optimizer == "adamw":
        return usual
    return dataclasses.replace(
        usual,
        optimizer="asgd",
        schedule="constant",
        warmup=0.0,
        clip_norm=_ASGD_CLIP,
    )


def _loss(network: CarryingNetwork, batch: StreamBatch | CountedBatch) -> Tensor:
    rows = batch.rows if isinstance(batch, CountedBatch) else None
    return network.loss(batch.inputs, batch.targets, begins=batch.begins, rows=rows)


def side_by_side(ids: Tensor, streams: int) -> Tensor:
    """Cut (N,) into (S, B) at most `streams` streams of one length that overlap by a token.

    Example:
        >>> side_by_side(torch.arange(7), 2).T.tolist()
        [[0, 1, 2, 3], [3, 4, 5, 6]]
    """
    streams = min(streams, len(ids) - 1)
    stride = (len(ids) - 1) // streams
    return torch.stack([ids[b * stride : (b + 1) * stride + 1] for b in range(streams)], 1)
