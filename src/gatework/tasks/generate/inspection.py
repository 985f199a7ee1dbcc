"""A fitted language model as something to look inside: its LSTM on some text, and what surprised
it."""

from typing import Final, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gatework.data.stream_codec import BORDER, Codec
from gatework.errors import InputError
from gatework.inspector.inspection import Inspection, Labels
from gatework.models.counted import BEGINNING
from gatework.models.language import LanguageNetwork
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.outcome import token_name

_STEPS: Final = 240  # tokens of each stretch of text, at most
_TITLE: Final = 32  # characters of it that it is called by


def inspection_of(fitted: Fitted, text: str, *, most: int) -> Inspection:
    """Put the beginning of a text before a fitted network, in stretches one after the other.

    Each stretch is read from a border, with nothing remembered of the one before. The loss of a
    step is how much the token that it reads had surprised the network; the border's is NaN.

    Args:
        fitted: The model.
        text: What it reads.
        most: How many stretches.

    Raises:
        InputError: The text is too short for a single step.
    """
    ids = torch.from_numpy(fitted.codec.encode(text))
    if len(ids) < 2 or most < 1:
        raise InputError("nothing to look at: give at least two tokens of text")
    steps = min(_STEPS, len(ids))
    count = min(most, len(ids) // steps)
    stretches = ids[: count * steps].view(count, steps).T
    read = torch.cat([torch.full((1, count), BORDER), stretches])
    codec = fitted.codec
    words = [[token_name(codec, int(each)) for each in column] for column in read.T]
    return Inspection(
        "Language model",
        _Floating(fitted.network).eval(),
        (fitted.network.embedding(read).detach(), *_counted(fitted.network, read)),
        score=lambda logits: logits[-1].log_softmax(-1).amax(-1),
        score_name="log probability of the likeliest token after the last step",
        labels=(Labels("lstm", words, None, lambda logits: _surprise(logits, read)),),
        sequences=tuple(_name(codec, column.tolist()) for column in stretches.T),
    )


@final
class _Floating(nn.Module):
    """The network from the vectors of tokens on, which gradients can flow to.

    Args:
        network: Whose layers it shares.
    """

    def __init__(self, network: LanguageNetwork) -> None:
        super().__init__()
        self.lstm, self._network = network.lstm, (network,)  # its other layers stay out of sight

    def forward(self, vectors: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return (T, B, V) logits for vectors, (T, B, E), and what n-grams say, (T, B, V)."""
        states, _ = self.lstm(vectors)
        return self._network[0].logits(states, rows)


def _counted(network: LanguageNetwork, ids: Tensor) -> tuple[Tensor, ...]:
    """What n-grams say after each of the ids, (T, B), where the network corrects it."""
    if network.counted is None:
        return ()
    rows, _ = network.counted.read(ids.numpy(), np.full(ids.shape[1], BEGINNING))
    return (rows,)


def _surprise(logits: Tensor, read: Tensor) -> Tensor:
    """(T, B) nats of each token that was read, by the logits before it; NaN of the first."""
    each = functional.cross_entropy(logits[:-1].flatten(0, 1), read[1:].flatten(), reduction="none")
    return torch.cat([logits.new_full((1, read.shape[1]), torch.nan), each.view_as(read[1:])])


def _name(codec: Codec, ids: list[int]) -> str:
    text = " ".join(codec.decode(ids[:_TITLE]).split())
    return f"{text}…" if len(ids) > _TITLE else text
