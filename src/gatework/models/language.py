"""What comes next: an LSTM over a stream of tokens, and what keeps it from learning by heart.

After Mikolov et al. 2010, with the regularisation of Merity et al. 2018 ("Regularizing and
optimizing LSTM language models", arXiv:1708.02182).
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatework.errors import InputError
from gatework.layers import LSTM

State = tuple[Tensor, Tensor]
_LOGITS: Final = 1 << 22  # numbers that judging makes at once, at most


@dataclass(frozen=True)
class LanguageShape:
    """What the weights' shapes follow from; part of a saved model.

    Args:
        vocabulary: Numbers that a token can be.
        embedding_size: Width of a token's vector.
        hidden_size: Width of each LSTM.
        num_layers: LSTMs, one on top of the other.
        tied: Whether the vectors of the input weigh the output too (Press & Wolf 2017).
    """

    vocabulary: int
    embedding_size: int
    hidden_size: int
    num_layers: int = 1
    tied: bool = False


@dataclass(frozen=True)
class LanguageRegularisation:
    """What acts in training alone; all off by default.

    Args:
        dropout: Part of the features dropped between the layers, the same at all steps of a window.
        weight_drop: Part of the recurrent weights dropped.
        embedding_dropout: Part of the tokens whose vector is dropped wherever they stand.
        activation: Weight of the mean square of the output in the loss.
        temporal: Weight of the mean square of its change from step to step.

    Raises:
        InputError: A number is out of range.
    """

    dropout: float = 0.0
    weight_drop: float = 0.0
    embedding_dropout: float = 0.0
    activation: float = 0.0
    temporal: float = 0.0

    def __post_init__(self) -> None:
        for name in ("dropout", "weight_drop", "embedding_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; expected from 0 to below 1")
        for name in ("activation", "temporal"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} is {getattr(self, name)}; expected 0 or above")


class Loss(NamedTuple):
    """Of a window: what to minimise, in nats a token, and the state after it."""

    total: Tensor
    state: State


@final
class LanguageNetwork(nn.Module):
    """Tokens to the logits of the next one, with the state carried in and out.

    Args:
        shape: Sizes.
        regularisation: What acts in training.

    Example:
        >>> network = LanguageNetwork(LanguageShape(9, embedding_size=4, hidden_size=8))
        >>> ids = torch.randint(9, (5, 2))
        >>> logits, state = network(ids)
        >>> logits.shape, state[0].shape
        (torch.Size([5, 2, 9]), torch.Size([1, 2, 8]))
        >>> first, state = network(ids[:3])
        >>> torch.allclose(network(ids[3:], state)[0], logits[3:], atol=1e-6)
        True
    """

    def __init__(
        self,
        shape: LanguageShape,
        regularisation: LanguageRegularisation = LanguageRegularisation(),
    ) -> None:
        super().__init__()
        self.shape, self.regularisation = shape, regularisation
        self.embedding = nn.Embedding(shape.vocabulary, shape.embedding_size)
        self.lstm = LSTM(
            shape.embedding_size,
            shape.hidden_size,
            shape.num_layers,
            input_dropout=regularisation.dropout,
            weight_drop=regularisation.weight_drop,
            forget_bias=1.0,  # Jozefowicz et al. 2015
        )
        # Tied vectors that are narrower than the LSTM are reached by one more matrix.
        narrow = shape.tied and shape.embedding_size != shape.hidden_size
        self.project = nn.Linear(shape.hidden_size, shape.embedding_size) if narrow else None
        width = shape.embedding_size if shape.tied else shape.hidden_size
        self.output = nn.Linear(width, shape.vocabulary)
        if shape.tied:  # as weights of the output, vectors of length 1 would be sure of nothing yet
            nn.init.normal_(self.embedding.weight, std=shape.embedding_size**-0.5)
        nn.init.zeros_(self.output.bias)
        if shape.tied:
            self.output.weight = self.embedding.weight

    def forward(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return (T, B, V) logits after each of the ids, (T, B), and the state after the last."""
        states, after = self.outputs(ids, state)
        return self.logits(states), after

    def outputs(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return (T, B, H), what `logits` reads, after each of the ids, and the state."""
        states, after = self.lstm(self._embed(ids), state)
        return self._locked(states), after

    def logits(self, states: Tensor) -> Tensor:
        """Return (..., V) of outputs of the LSTM, (..., H)."""
        return self.output(states if self.project is None else self.project(states))

    def loss(self, ids: Tensor, targets: Tensor, state: State | None = None) -> Loss:
        """Return the loss of a window, (T, B), and the state after it, to carry on from."""
        states, after = self.lstm(self._embed(ids), state)
        dropped = self._locked(states)
        logits = self.logits(dropped).flatten(0, 1)
        total = functional.cross_entropy(logits, targets.flatten())
        if self.regularisation.activation:
            total = total + self.regularisation.activation * dropped.square().mean()
        if self.regularisation.temporal and len(states) > 1:
            total = total + self.regularisation.temporal * states.diff(dim=0).square().mean()
        return Loss(total, (after[0].detach(), after[1].detach()))

    def _embed(self, ids: Tensor) -> Tensor:
        rate, weight = self.regularisation.embedding_dropout, self.embedding.weight
        if self.training and rate:
            weight = weight * functional.dropout(weight.new_ones(len(weight), 1), rate)
        return functional.embedding(ids, weight)

    def _locked(self, states: Tensor) -> Tensor:
        """Drop the same features of (T, B, H) at all steps."""
        if not self.training or not self.regularisation.dropout:
            return states
        mask = states.new_ones(states.shape[1:])
        return states * functional.dropout(mask, self.regularisation.dropout)


@final
class CarryingNetwork(nn.Module):
    """A network with the state of the streams that it is trained on.

    The state is a buffer, so a checkpoint of the model has it, and a training that was cut off
    goes on in the middle of its streams as if nothing had been.

    Args:
        network: What is trained.
        batch_size: Streams.
    """

    def __init__(self, network: LanguageNetwork, batch_size: int) -> None:
        super().__init__()
        self.network = network
        size = (network.shape.num_layers, batch_size, network.shape.hidden_size)
        self.register_buffer("h", torch.zeros(size))
        self.register_buffer("c", torch.zeros(size))

    def loss(self, ids: Tensor, targets: Tensor, *, begins: bool) -> Tensor:
        """Return what to minimise for the next window of the streams, and carry the state on."""
        h, c = self.get_buffer("h"), self.get_buffer("c")
        if begins:
            h.zero_()
            c.zero_()
        # Copies: the backward pass of this window reads the state that the next one replaces.
        found = self.network.loss(ids, targets, (h.clone(), c.clone()))
        h.copy_(found.state[0])
        c.copy_(found.state[1])
        return found.total


class Judged(NamedTuple):
    """What a network said of tokens.

    Attributes:
        nats: (N - 1, B) loss of each token but the first of a stream.
        best: (N - 1, B) the token that it held for the likeliest.
        chance: (N - 1, B) the probability of that.
    """

    nats: Tensor
    best: Tensor
    chance: Tensor


@torch.no_grad()
def judge(network: LanguageNetwork, ids: Tensor, *, window: int | None = None) -> Judged:
    """Read (N, B) streams with the state carried on, and score every token after the first.

    Args:
        network: In evaluation.
        ids: (N, B).
        window: Steps at a time, which changes nothing but the memory; None is by the vocabulary.

    Example:
        >>> network = LanguageNetwork(LanguageShape(9, embedding_size=4, hidden_size=8)).eval()
        >>> ids = torch.randint(9, (50, 1))
        >>> torch.allclose(judge(network, ids).nats, judge(network, ids, window=7).nats, atol=1e-5)
        True
    """
    if window is None:
        logits_of_a_step = ids.shape[1] * network.shape.vocabulary
        window = max(8, min(1024, _LOGITS // logits_of_a_step))
    state, parts = None, []
    for start in range(0, len(ids) - 1, window):
        part = ids[start : start + window + 1].long()
        logits, state = network(part[:-1], state)
        chances = logits.log_softmax(-1)
        top = chances.max(-1)
        nats = -chances.gather(-1, part[1:, :, None]).squeeze(-1)
        parts.append(Judged(nats, top.indices, top.values.exp()))
    return Judged(*(torch.cat(column) for column in zip(*parts, strict=True)))
