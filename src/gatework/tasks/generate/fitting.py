"""Training: from streams of tokens to a network and its n-grams."""

from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from gatework.models.language import (
    CarryingNetwork,
    LanguageNetwork,
    LanguageRegularisation,
    LanguageShape,
    judge,
)
from gatework.tasks.generate.choices import choose_effort
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.ngrams import NGrams
from gatework.tasks.generate.parts import Parts
from gatework.tasks.generate.settings import GenerateSettings
from gatework.tasks.settings import Choice
from gatework.training import Progress, TrainSettings, train

_STREAMS: Final = 32  # that validation is read in, side by side
_LEAST_STREAM: Final = 256  # tokens of each
_VALIDATIONS: Final = 2  # of an epoch
_LEAST_BETWEEN, _MOST_BETWEEN = 20, 1_000  # steps
_MOST_VALIDATED: Final = 300_000  # tokens, at the beginning of the part
LONGEST_NGRAM: Final = 7


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
    effort, choices = choose_effort(len(parts.train.ids), settings)
    shape = LanguageShape(
        len(parts.codec),
        effort.embedding_size,
        effort.hidden_size,
        settings.num_layers,
        effort.tied,
    )
    regularisation = LanguageRegularisation(
        effort.dropout,
        effort.weight_drop,
        settings.embedding_dropout,
        settings.activation,
        settings.temporal,
    )
    source = parts.windows(batch_size=effort.batch_size, window=effort.window)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        model = CarryingNetwork(LanguageNetwork(shape, regularisation), effort.batch_size)
    held = parts.validation.ids[:_MOST_VALIDATED]
    held = side_by_side(held, max(1, min(_STREAMS, len(held) // _LEAST_STREAM)))
    history = train(
        model,
        source,
        lambda network, batch: network.loss(batch.inputs, batch.targets, begins=batch.begins),
        settings=TrainSettings(
            epochs=effort.epochs,
            time_budget=settings.time_budget,
            learning_rate=effort.learning_rate,
            weight_decay=settings.weight_decay,
            average=settings.average,
            validate_every=min(_MOST_BETWEEN, max(_LEAST_BETWEEN, source.batches // _VALIDATIONS)),
            seed=settings.seed,
        ),
        validate=lambda carrying: float(judge(carrying.network, held).nats.double().mean()),
        folder=folder,
        progress=progress,
    )
    ngrams, choice = fit_ngrams(parts)
    choices += [*parts.chosen, choice]
    network = model.network.eval()
    return Fitted(parts.codec, network, ngrams, parts.documents, tuple(choices), history)


def fit_ngrams(parts: Parts) -> tuple[NGrams, Choice]:
    """Choose the order on validation, then count the validation part too: all that may be known."""
    vocabulary = len(parts.codec)
    held = parts.validation.ids.numpy()
    counted = NGrams.learn(parts.counted(parts.train), vocabulary, LONGEST_NGRAM)
    means = counted.losses(held).mean(1)
    order = int(means.argmin()) + 1
    listed = ", ".join(f"{n}: {mean:.3f}" for n, mean in enumerate(means, start=1))
    if parts.test is None:
        counted = counted.shortened(order)
    else:
        known = np.concatenate([parts.counted(each) for each in (parts.train, parts.validation)])
        counted = NGrams.learn(known, vocabulary, order)
    return counted, Choice("n-gram", order, f"nats a token on validation, by order: {listed}")


def side_by_side(ids: Tensor, streams: int) -> Tensor:
    """Cut (N,) into (S, B) at most `streams` streams of one length that overlap by a token.

    Example:
        >>> side_by_side(torch.arange(7), 2).T.tolist()
        [[0, 1, 2, 3], [3, 4, 5, 6]]
    """
    streams = min(streams, len(ids) - 1)
    stride = (len(ids) - 1) // streams
    return torch.stack([ids[b * stride : (b + 1) * stride + 1] for b in range(streams)], 1)
