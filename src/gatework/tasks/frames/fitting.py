"""Training: from sequences of frames to a network and the rules beside it."""

from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor

from gatework.data.batches import LengthBatches, in_order_of_length
from gatework.data.ragged import Ragged
from gatework.errors import InputError
from gatework.models.frames import FrameNetwork, FrameRegularisation, FrameShape
from gatework.tasks.frames.baselines import Baselines
from gatework.tasks.frames.choices import choose_effort
from gatework.tasks.frames.fitted import Fitted
from gatework.tasks.frames.parts import Parts, standard_scale
from gatework.tasks.frames.settings import FrameSettings
from gatework.tasks.frames.transposing import Transposing
from gatework.training import Progress, TrainSettings, train

_STEPS: Final = 6_000  # frames of a batch, at most
_JUDGED: Final = 16_000  # of a batch that is judged
_LEAST_BETWEEN, _MOST_BETWEEN = 25, 200  # steps
_PATIENCE: Final = 20  # validations without gain
# Frames of the clock's hands: beats, bars and phrases of two and three, on any usual grid.
PERIODS: Final = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


def fit_network(
    parts: Parts,
    settings: FrameSettings,
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
        InputError: The head does not fit the data.
        Interrupted: Ctrl-C; the folder holds what a resume needs.
    """
    pieces = parts.train
    effort, choices = choose_effort(parts.schema, pieces, settings)
    shape = FrameShape(
        pieces.values.shape[1],
        effort.head,
        effort.hidden_size,
        settings.num_layers,
        settings.head_size,
        settings.components,
        settings.covariance,
        binary_columns(pieces.values),
        PERIODS if parts.schema.keys else (),
    )
    if len(shape.binary) == shape.frame_size and effort.head == "mdn":
        raise InputError("every number is 0 or 1: take the head joint or bernoulli")
    regularisation = FrameRegularisation(effort.dropout, effort.weight_drop, effort.dropout)
    mean, scale = standard_scale(pieces.values, shape.binary)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        model = FrameNetwork(shape, regularisation, mean, scale)
    source = LengthBatches(
        pieces.lengths, pieces.padded, batch_size=effort.batch_size, most_steps=_STEPS
    )
    moving = Transposing(source, pieces, reach=effort.transpose) if effort.transpose else source
    per_epoch = max(1, len(pieces) // effort.batch_size)
    history = train(
        model,
        moving,
        lambda network, batch: network.loss(batch.values, batch.lengths),
        settings=TrainSettings(
            epochs=effort.epochs,
            time_budget=settings.time_budget,
            learning_rate=effort.learning_rate,
            weight_decay=settings.weight_decay,
            average=settings.average,
            validate_every=min(_MOST_BETWEEN, max(_LEAST_BETWEEN, per_epoch)),
            patience=_PATIENCE,
            seed=settings.seed,
        ),
        validate=lambda network: judge(network, parts.validation).mean(),
        folder=folder,
        progress=progress,
    )
    network = model.eval()
    rules = Baselines.learn(
        [network.standardise(pieces[each]) for each in range(len(pieces))], shape.binary
    )
    return Fitted(parts.schema, network, rules, tuple(choices), history)


def binary_columns(frames: Tensor) -> tuple[int, ...]:
    """Return which of the columns of (N, D) frames are 0 or 1 throughout.

    Example:
        >>> binary_columns(torch.tensor([[0.5, 1.0], [0.0, 0.0]]))
        (1,)
    """
    return tuple(((frames == 0) | (frames == 1)).all(0).nonzero().flatten().tolist())


class Judged(NamedTuple):
    """What a network said of sequences: (T - 1,) nats of each frame but the first of each."""

    nats: list[Tensor]

    def mean(self) -> float:
        """Return the mean over all frames."""
        return float(torch.cat(self.nats).mean())

    def by_sequence(self) -> float:
        """Return the mean over sequences of the mean of each."""
        return float(torch.stack([each.mean() for each in self.nats]).mean())


@torch.no_grad()
def judge(network: FrameNetwork, pieces: Ragged) -> Judged:
    """Let a network in evaluation foretell every frame of some sequences but the first of each."""
    found: list[Tensor] = [torch.empty(0)] * len(pieces)
    for index in in_order_of_length(pieces.lengths, batch_size=64, most_steps=_JUDGED):
        batch = pieces.padded(index)
        nats = network.nats(batch.values, batch.lengths).double()
        for place, piece in enumerate(index.tolist()):
            found[piece] = nats[1 : int(batch.lengths[place]), place]
    return Judged(found)
