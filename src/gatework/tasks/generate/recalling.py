"""Text read with more memory than the state: scored beside the plain model, or to write from."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from gatework.data.stream import TokenStream
from gatework.models.language import LanguageNetwork, State
from gatework.tasks.generate.cache import Cache
from gatework.tasks.generate.dynamic import STRETCH, Follower
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.scores import MODEL, MethodScore
from gatework.tasks.generate.settings import Recall

_WINDOW: Final = 256  # tokens read at once where the weights do not change


def score_recalling(fitted: Fitted, stream: TokenStream, recall: Recall) -> list[MethodScore]:
    """Score each way of recalling alone, then both together."""
    rows = []
    for name, how in _ways(recall):
        nats = judge_recalling(fitted, stream.ids, how).double()
        each = float(nats.sum()) / stream.characters
        rows.append(MethodScore(name, each, math.exp(float(nats.mean()))))
    return rows


def _ways(recall: Recall) -> Iterator[tuple[str, Recall]]:
    cache, rate = recall.cache, recall.dynamic
    if cache is not None:
        yield f"{MODEL}, cache of {cache:,}", dataclasses.replace(recall, dynamic=None)
    if rate is not None:
        yield f"{MODEL}, dynamic at {rate:g}", dataclasses.replace(recall, cache=None)
    if cache is not None and rate is not None:
        yield f"{MODEL}, both", recall


def follow(fitted: Fitted, ids: Tensor, rate: float) -> LanguageNetwork:
    """Return a copy of the network that has learnt from (N,) tokens."""
    follower = Follower(fitted, rate)
    _read(follower.network, ids, None, follower)
    return follower.network.eval()


def judge_recalling(fitted: Fitted, ids: Tensor, recall: Recall) -> Tensor:
    """Return (N - 1,) nats of the tokens of a stream, each foretold with what came before it.

    Args:
        fitted: The model; it stays as it is.
        ids: (N,) the stream.
        recall: What is learnt from it.
    """
    cache = Cache(recall.cache, recall) if recall.cache else None
    follower = Follower(fitted, recall.dynamic) if recall.dynamic else None
    return _read(follower.network if follower else fitted.network, ids, cache, follower)


def _read(
    network: LanguageNetwork, ids: Tensor, cache: Cache | None, follower: Follower | None
) -> Tensor:
    state: State | None = None
    nats, stretch = [], STRETCH if follower else _WINDOW
    for start in range(0, len(ids) - 1, stretch):
        part = ids[start : start + stretch + 1].long()
        inputs, targets = part[:-1, None], part[1:]
        with torch.set_grad_enabled(follower is not None):
            outputs, logits, state = network.read(inputs, state)
            logits = logits[:, 0]
            losses = functional.cross_entropy(logits, targets, reduction="none")
        state = state.detach()
        if follower is not None:
            follower.learn(losses.mean())
        if cache is not None:
            with torch.no_grad():
                losses = cache.losses(outputs.detach()[:, 0], logits.detach(), targets)
        nats.append(losses.detach())
    return torch.cat(nats)
