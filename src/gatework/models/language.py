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
from gatework.models.counted import BEGINNING, CountedChances
from gatework.models.softmax import AdaptiveSoftmax
from gatework.ops import cross_entropy, drop

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
        layer_norm: Whether the LSTM normalises its sums (Ba et al. 2016).
        counted: Order of the n-grams whose log chances it corrects; 0 is none.
        adaptive: Whether rare tokens share the work of a softmax; not with tied vectors.

    Raises:
        InputError: The parts do not go together.
    """

    vocabulary: int
    embedding_size: int
    hidden_size: int
    num_layers: int = 1
    tied: bool = False
    layer_norm: bool = False
    counted: int = 0
    adaptive: bool = False

    def __post_init__(self) -> None:
        if self.adaptive and (self.tied or self.counted):
            raise InputError(
                "an adaptive softmax has vectors of several widths: it goes neither with tied "
                "ones nor with n-grams; use softmax='full'"
            )


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


class State(NamedTuple):
    """What is remembered of B streams.

    Attributes:
        h: (L, B, H) of the LSTM.
        c: (L, B, H) likewise.
        places: (B,) int64 where they are among what n-grams counted; zeros without.
    """

    h: Tensor
    c: Tensor
    places: Tensor

    def detach(self) -> "State":
        """Return the same without a way back for gradients."""
        return State(self.h.detach(), self.c.detach(), self.places)


class Reading(NamedTuple):
    """What came of reading T tokens of B streams.

    Attributes:
        outputs: (T, B, H) of the LSTM.
        logits: (T, B, V) of what comes after each.
        state: After the last.
    """

    outputs: Tensor
    logits: Tensor
    state: State


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
        counted: What n-grams say, where the shape has it. Another may take its place at any time.

    Example:
        >>> network = LanguageNetwork(LanguageShape(9, embedding_size=4, hidden_size=8))
        >>> ids = torch.randint(9, (5, 2))
        >>> logits, state = network(ids)
        >>> logits.shape, state.h.shape
        (torch.Size([5, 2, 9]), torch.Size([1, 2, 8]))
        >>> first, state = network(ids[:3])
        >>> torch.allclose(network(ids[3:], state)[0], logits[3:], atol=1e-6)
        True
    """

    def __init__(
        self,
        shape: LanguageShape,
        regularisation: LanguageRegularisation = LanguageRegularisation(),
        counted: CountedChances | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.regularisation, self.counted = shape, regularisation, counted
        self.embedding = nn.Embedding(shape.vocabulary, shape.embedding_size)
        self.lstm = LSTM(
            shape.embedding_size,
            shape.hidden_size,
            shape.num_layers,
            layer_norm=shape.layer_norm,
            input_dropout=regularisation.dropout,
            weight_drop=regularisation.weight_drop,
            forget_bias=1.0,  # Jozefowicz et al. 2015
        )
        # Tied vectors that are narrower than the LSTM are reached by one more matrix.
        narrow = shape.tied and shape.embedding_size != shape.hidden_size
        self.project = nn.Linear(shape.hidden_size, shape.embedding_size) if narrow else None
        width = shape.embedding_size if shape.tied else shape.hidden_size
        # How far the n-grams are believed at each step.
        self.trust = nn.Linear(shape.hidden_size, 1) if shape.counted else None
        if shape.adaptive:
            self.output = AdaptiveSoftmax(width, shape.vocabulary)
        else:
            self.output = linear = nn.Linear(width, shape.vocabulary)
            nn.init.zeros_(linear.bias)
            if shape.counted:  # at first the n-grams alone speak
                nn.init.zeros_(linear.weight)
        if shape.tied:  # as weights of the output, vectors of length 1 would be sure of nothing yet
            nn.init.normal_(self.embedding.weight, std=shape.embedding_size**-0.5)
            self.output.weight = self.embedding.weight
        if self.trust is not None:
            nn.init.zeros_(self.trust.weight)
            nn.init.ones_(self.trust.bias)

    def forward(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return (T, B, V) logits after each of the ids, (T, B), and the state after the last."""
        _, logits, after = self.read(ids, state)
        return logits, after

    def read(self, ids: Tensor, state: State | None = None) -> Reading:
        """Return the outputs and logits after each of the ids, (T, B), and the state."""
        state = self.begin(ids.shape[1]) if state is None else state
        rows, places = self._count(ids, state.places)
        states, (h, c) = self.lstm(self._embed(ids), (state.h, state.c))
        outputs = self._locked(states)
        return Reading(outputs, self.logits(outputs, rows), State(h, c, places))

    def begin(self, streams: int) -> State:
        """Return the state of streams that have read nothing."""
        shape, like = self.shape, self.embedding.weight
        zeros = like.new_zeros(shape.num_layers, streams, shape.hidden_size)
        return State(zeros, zeros, torch.full((streams,), BEGINNING))

    def logits(self, outputs: Tensor, counted: Tensor | None = None) -> Tensor:
        """Return (..., V) of outputs of the LSTM, (..., H), and log chances of n-grams."""
        logits = self.output(outputs if self.project is None else self.project(outputs))
        if self.trust is None:
            return logits
        if counted is None:
            raise InputError("this network corrects n-grams: it needs what they say")
        return torch.addcmul(logits, self.trust(outputs), counted)

    def loss(
        self,
        ids: Tensor,
        targets: Tensor,
        state: State | None = None,
        rows: Tensor | None = None,
    ) -> Loss:
        """Return the loss of a window, and the state after it, to carry on from.

        Args:
            ids: (T, B).
            targets: (T, B).
            state: Before the window.
            rows: (T, B, V) what n-grams are to say, who have not seen this window; None: what they
                do say.
        """
        state = self.begin(ids.shape[1]) if state is None else state
        rows, places = self._count(ids, state.places) if rows is None else (rows, state.places)
        states, (h, c) = self.lstm(self._embed(ids), (state.h, state.c))
        outputs = self._locked(states)
        if isinstance(self.output, AdaptiveSoftmax):
            total = self.output.loss(outputs, targets)
        else:
            logits = self.logits(outputs, rows)
            total = cross_entropy(logits.flatten(0, 1), targets.flatten())
        if self.regularisation.activation:
            total = total + self.regularisation.activation * outputs.square().mean()
        if self.regularisation.temporal and len(states) > 1:
            total = total + self.regularisation.temporal * states.diff(dim=0).square().mean()
        return Loss(total, State(h, c, places).detach())

    def _count(self, ids: Tensor, places: Tensor) -> tuple[Tensor | None, Tensor]:
        """(T, B, V) what n-grams say after each of the ids, and where the streams are then."""
        if self.counted is None:
            return None, places
        rows, after = self.counted.read(ids.cpu().numpy(), places.cpu().numpy())
        return rows.to(self.embedding.weight), torch.from_numpy(after).to(places)

    def _embed(self, ids: Tensor) -> Tensor:
        rate, weight = self.regularisation.embedding_dropout, self.embedding.weight
        if self.training and rate:
            weight = weight * functional.dropout(weight.new_ones(len(weight), 1), rate)
        return functional.embedding(ids, weight)

    def _locked(self, states: Tensor) -> Tensor:
        """Drop the same features of (T, B, H) at all steps."""
        return drop(states, self.regularisation.dropout) if self.training else states


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
        self.h: Tensor
        self.c: Tensor
        self.places: Tensor
        self.register_buffer("h", torch.zeros(size))
        self.register_buffer("c", torch.zeros(size))
        self.register_buffer("places", network.begin(batch_size).places)

    def loss(
        self, ids: Tensor, targets: Tensor, *, begins: bool, rows: Tensor | None = None
    ) -> Tensor:
        """Return what to minimise for the next window of the streams, and carry the state on."""
        carried = State(self.h, self.c, self.places)
        if begins:
            carried = self.network.begin(ids.shape[1])
        found = self.network.loss(ids, targets, carried, rows)
        # Other tensors take the place of those that the backward pass of this window reads.
        for name, before, after in zip(State._fields, carried, found.state, strict=True):
            setattr(self, name, after.to(before.dtype))
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
