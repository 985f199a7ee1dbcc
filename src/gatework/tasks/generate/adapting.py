"""A model that learns how one person writes, and does not forget what it knew.

All weights are trained on the person's text. Beside it, text that the model wrote of its own is
read again, where the trained network is held to what the old one says of it: rehearsal (Robins
1995, "Catastrophic forgetting, rehearsal and pseudorehearsal") with the old answers as targets (Li
& Hoiem 2016, "Learning without forgetting"). Nothing of the data that it was fitted on is needed.

Then the person's text is counted too, with what the run counted. The network did not know those
counts while it learnt, so it does not believe them too much; how often each counts is chosen on
text that neither has seen.
"""

import dataclasses
from typing import Final, NamedTuple, final

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from gatework.data.stream import StreamBatch, StreamWindows
from gatework.errors import InputError
from gatework.models.joining import join
from gatework.models.language import CarryingNetwork, LanguageNetwork, judge
from gatework.models.ngrams import NGrams
from gatework.tasks.generate.fitted import Fitted, chances_of
from gatework.tasks.generate.settings import Sampling
from gatework.tasks.generate.writing import write_many
from gatework.training import Progress, TrainSettings, train

_READ: Final = 150_000  # tokens of the text read, all passes together, about
_MOST_PASSES: Final = 20
_WINDOW: Final = 64
_MOST_STREAMS: Final = 8
_RATE: Final = 2e-3
_HOLD: Final = 2.0  # weight of the old answers in the loss
_TIMES: Final = (0, 1, 2, 4)  # that the person's text may count, beside the run's
_LEAST_WRITTEN, _MOST_WRITTEN = 5_000, 40_000  # tokens to rehearse
_LENGTH: Final = 500  # of each text that is rehearsed
_VALIDATIONS: Final = 12


class Rehearsed(NamedTuple):
    """A window of the text to learn, and one of the model's own."""

    new: StreamBatch
    old: StreamBatch


@final
class RehearsingWindows:
    """A source of training batches: windows through a text, each with one of another text.

    Args:
        new: (N,) the text to learn.
        old: (M,) the text to rehearse.
        batch_size: Streams through each.
    """

    def __init__(self, new: Tensor, old: Tensor, batch_size: int) -> None:
        self._new = StreamWindows(new, batch_size=batch_size, window=_WINDOW)
        self._old = old
        self.batches = self._new.batches

    def plan(self, generator: Generator) -> tuple[Tensor, ...]:
        """Return one epoch: for each batch (3, B), where it is in both, and if it begins there."""
        planned = self._new.plan(generator)
        streams = planned[0].shape[1]
        starts = torch.randint(
            len(self._old) - _WINDOW, (len(planned), 1, streams), generator=generator
        )
        return tuple(torch.cat([new, start]) for new, start in zip(planned, starts, strict=True))

    def load(self, index: Tensor) -> Rehearsed:
        """Return both windows."""
        around = index[2] + torch.arange(_WINDOW + 1)[:, None]
        window = self._old[around].long()
        return Rehearsed(self._new.load(index[:2]), StreamBatch(window[:-1], window[1:], True))


@final
class RehearsingNetwork(nn.Module):
    """A network that learns a text while it is held to what it said before of another.

    Args:
        fitted: The model; a copy of its network learns.
        batch_size: Streams through the text.
        hold: Weight of what it said before.
    """

    def __init__(self, fitted: Fitted, batch_size: int, hold: float) -> None:
        super().__init__()
        self.carrying = CarryingNetwork(fitted.replica(), batch_size)
        self.hold = hold
        self._first = (fitted.network,)  # no part of this one

    @property
    def network(self) -> LanguageNetwork:
        """What learns."""
        return self.carrying.network

    def loss(self, batch: Rehearsed) -> Tensor:
        """Return the loss of the new text, and how far the answers on the old one have moved."""
        new, old = batch
        total = self.carrying.loss(new.inputs, new.targets, begins=new.begins)
        if not self.hold:
            return total
        said, _ = self.network(old.inputs)
        with torch.no_grad():
            first, _ = self._first[0](old.inputs)
        moved = functional.kl_div(
            said.log_softmax(-1).flatten(0, 1),
            first.log_softmax(-1).flatten(0, 1),
            reduction="batchmean",
            log_target=True,
        )
        return total + self.hold * moved


def adapt(
    fitted: Fitted,
    learnt: Tensor,
    held: Tensor,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Fitted:
    """Return a model that has learnt from a text; the given one stays as it is.

    Args:
        fitted: The model.
        learnt: (N,) tokens to learn from.
        held: (M,) tokens that say which weights to keep.
        seed: Of what it writes to rehearse, and of the order of the windows.
        progress: Where to show how far it is.

    Raises:
        InputError: The text is shorter than a window.
    """
    if len(learnt) <= _WINDOW:
        raise InputError(
            f"the text has {len(learnt):,} tokens to learn from, less than one window of "
            f"{_WINDOW}; give more of it"
        )
    streams = max(1, min(_MOST_STREAMS, len(learnt) // (4 * _WINDOW)))
    source = RehearsingWindows(learnt, _own_text(fitted, len(learnt), seed), streams)
    passes = max(1, min(_MOST_PASSES, round(_READ / len(learnt))))
    model = RehearsingNetwork(fitted, streams, _HOLD)
    history = train(
        model,
        source,
        lambda network, batch: network.loss(batch),
        settings=TrainSettings(
            epochs=passes,
            learning_rate=_RATE,
            weight_decay=0.0,
            validate_every=max(1, passes * source.batches // _VALIDATIONS),
            seed=seed,
        ),
        validate=lambda rehearsing: float(judge(rehearsing.network, held[:, None]).nats.mean()),
        progress=progress,
        title="adapting",
    )
    network = model.network.eval()
    ngrams = _count(fitted, network, learnt, held)
    return dataclasses.replace(fitted, network=network, ngrams=ngrams, history=history)


def _count(fitted: Fitted, network: LanguageNetwork, learnt: Tensor, held: Tensor) -> NGrams:
    """Let the network know counts of the text too; return all that is counted now."""
    vocabulary, order = len(fitted.codec), fitted.ngrams.order
    times = 1
    if network.counted is not None:
        counted = NGrams.learn(learnt.numpy(), vocabulary, order)

        def nats(times: int) -> float:
            network.counted = chances_of(join(fitted.ngrams, counted, times), network.shape)
            return float(judge(network, held[:, None]).nats.mean())

        times = min(_TIMES, key=nats)
    whole = NGrams.learn(torch.cat([learnt, held]).numpy(), vocabulary, order)
    ngrams = join(fitted.ngrams, whole, times)
    network.counted = chances_of(ngrams, network.shape)
    return ngrams


def _own_text(fitted: Fitted, wanted: int, seed: int) -> Tensor:
    """(M,) tokens that the model writes, about as many as are wanted."""
    tokens = min(max(wanted, _LEAST_WRITTEN), _MOST_WRITTEN)
    how = Sampling(temperature=1.0, seed=seed)
    found = write_many(fitted, "", how, count=-(-tokens // _LENGTH), length=_LENGTH)
    return torch.cat([torch.from_numpy(fitted.primer(each.text)) for each in found])
