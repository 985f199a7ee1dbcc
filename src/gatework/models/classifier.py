"""Sequence classifier: embeddings or values, an LSTM beside convolutions, pooling, class scores."""

from dataclasses import dataclass
from typing import Final, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatework.layers import LSTM
from gatework.layers.convolution import StepConvolution, convolve
from gatework.layers.decay import InputDecay
from gatework.layers.dropout import dropout_mask
from gatework.layers.pooling import Pooling, PoolingKind

_UNKNOWN: Final = 1  # the number a dropped word gets: as `gatework.data.text` has it


class Inputs(NamedTuple):
    """B sequences, time first.

    steps are token numbers (T, B) int64, or values (T, B, F) float32; lengths (B,) int64; statics
    (B, S) float32 what does not change over time, S may be 0.
    """

    steps: Tensor
    lengths: Tensor
    statics: Tensor


@dataclass(frozen=True)
class ClassifierShape:
    """What the weights' shapes follow from, and what disturbs them in training.

    Args:
        classes: K, the scores of a sequence.
        vocabulary: Token numbers there are; 0 where the steps are values.
        features: F, values a step; 0 where the steps are tokens.
        decays: Whether the values are thirds: the last value seen, whether it is new, and its age.
        statics: S, values a sequence.
        static_size: Width of a layer between the statics, of which training then drops a part too,
            and the answer; 0 is none.
        embedding_size: Width of a token's vector.
        hidden_size: H of the LSTM, in each direction.
        num_layers: Layers of the LSTM.
        bidirectional: Whether the LSTM also reads backwards.
        pooling: How the steps' outputs become one vector.
        convolution: Features of the convolutions beside the LSTM; 0 is none.
        kernel: Steps that the first of them sees; the next two see 3/5 and 1/3 of it.
        members: Networks whose scores are averaged.
        dropout: Part of the values dropped around the LSTM in training.
        embedding_dropout: Part of a sequence's embedding features dropped, at all steps alike;
            where the values decay, of its features, which are then as if never seen.
        word_dropout: Part of the tokens read as unknown in training.
    """

    classes: int
    vocabulary: int = 0
    features: int = 0
    decays: bool = False
    statics: int = 0
    static_size: int = 0
    embedding_size: int = 100
    hidden_size: int = 100
    num_layers: int = 1
    bidirectional: bool = True
    pooling: PoolingKind = "max"
    convolution: int = 0
    kernel: int = 7
    members: int = 1
    dropout: float = 0.0
    embedding_dropout: float = 0.0
    word_dropout: float = 0.0


@final
class SequenceClassifier(nn.Module):
    """One network: a front for tokens or values, the LSTM, pooling, and a linear layer.

    With a `convolution` it is LSTM-FCN (Karim et al. 2018, arXiv:1709.05206): beside the LSTM three
    convolutions read the same steps, and their mean joins the pooled output.

    Example:
        >>> network = SequenceClassifier(ClassifierShape(classes=3, features=2, hidden_size=8))
        >>> lengths = torch.tensor([5, 1, 0, 2])
        >>> network(Inputs(torch.zeros(5, 4, 2), lengths, torch.zeros(4, 0))).shape
        torch.Size([4, 3])
    """

    def __init__(self, shape: ClassifierShape) -> None:
        super().__init__()
        self.shape = shape
        size = shape.features
        if shape.vocabulary:
            size = shape.embedding_size
            self.embedding = nn.Embedding(shape.vocabulary, size)
            nn.init.normal_(self.embedding.weight, std=0.1)
        if shape.decays:
            self.decay = InputDecay(shape.features // 3)
        self.convolutions = _convolutions(size, shape.convolution, shape.kernel)
        self.lstm = LSTM(
            size,
            shape.hidden_size,
            shape.num_layers,
            bidirectional=shape.bidirectional,
            dropout=shape.dropout if shape.num_layers > 1 else 0.0,
        )
        width = shape.hidden_size * (2 if shape.bidirectional else 1)
        self.pooling = Pooling(shape.pooling, width, bidirectional=shape.bidirectional)
        if shape.static_size:
            self.statics = nn.Linear(shape.statics, shape.static_size)
        pooled = width + shape.convolution + (shape.static_size or shape.statics)
        self.head = nn.Linear(pooled, shape.classes)

    def forward(self, inputs: Inputs) -> Tensor:
        """Return (B, K) scores."""
        x = self.front(inputs)
        output, _ = self.lstm(x, lengths=inputs.lengths)
        return self.answer(x, output, inputs)

    def front(self, inputs: Inputs) -> Tensor:
        """Return (T, B, .) what the LSTM and the convolutions read."""
        return self._embedded(inputs.steps) if self.shape.vocabulary else self._values(inputs.steps)

    def answer(self, x: Tensor, output: Tensor, inputs: Inputs) -> Tensor:
        """Return (B, K) scores from what the LSTM read (T, B, .) and its output (T, B, D)."""
        if not self.shape.convolution:
            return self.decide(output, None, inputs)
        for convolution in self.convolutions:
            x = convolution(x, inputs.lengths)
        return self.decide(output, _mean(x, inputs.lengths), inputs)

    def decide(self, output: Tensor, convolved: Tensor | None, inputs: Inputs) -> Tensor:
        """Return (B, K) scores from the LSTM's output and the convolutions' mean (B, C), if any."""
        parts = [self.pooling(output, inputs.lengths)]
        if convolved is not None:
            parts.append(convolved)
        if self.shape.static_size:
            parts.append(functional.relu(self.statics(self._dropped(inputs.statics))))
            return self.head(self._dropped(torch.cat(parts, 1)))
        pooled = self._dropped(torch.cat(parts, 1))
        return self.head(torch.cat([pooled, inputs.statics], 1))

    def _embedded(self, tokens: Tensor) -> Tensor:
        shape = self.shape
        if self.training and shape.word_dropout:
            dropped = torch.rand(tokens.shape, device=tokens.device) < shape.word_dropout
            tokens = torch.where(dropped, _UNKNOWN, tokens)
        x = self.embedding(tokens)
        if self.training and shape.embedding_dropout:
            x = x * dropout_mask(x[0], shape.embedding_dropout)
        return self._dropped(x)

    def _dropped(self, x: Tensor) -> Tensor:
        if not self.training or not self.shape.dropout:
            return x
        return x * dropout_mask(x, self.shape.dropout)

    def _values(self, values: Tensor) -> Tensor:
        if not self.shape.decays:
            return values
        last, seen, gap = values.chunk(3, -1)
        if self.training and self.shape.embedding_dropout:
            known = torch.rand(last.shape[1:], device=last.device) >= self.shape.embedding_dropout
            last, seen = last * known, seen * known
        return torch.cat([self.decay(last, seen, gap), seen, torch.log1p(gap)], -1)


def _mean(x: Tensor, lengths: Tensor) -> Tensor:
    """(B, C) over the steps of x (T, B, C), which is zero past each length."""
    return x.sum(0) / lengths.clamp_min(1)[:, None]


def _convolutions(size: int, features: int, kernel: int) -> nn.ModuleList:
    """The layers of an FCN (Wang et al. 2017) over steps of `size`; none of 0 features."""
    layers = nn.ModuleList()
    for part, output in ((1, features), (3 / 5, 2 * features), (1 / 3, features)):
        if features:
            width = 1 + 2 * round((kernel * part - 1) / 2)  # odd
            layers.append(StepConvolution(size, output, width=width))
            size = output
    return layers


@final
class ClassifierEnsemble(nn.Module):
    """Networks of one shape that differ in their start and their dropout alone.

    Example:
        >>> ensemble = ClassifierEnsemble(ClassifierShape(2, vocabulary=9, members=3)).eval()
        >>> tokens = torch.ones(4, 1, dtype=torch.int64)
        >>> ensemble(Inputs(tokens, torch.tensor([4]), torch.zeros(1, 0))).shape
        torch.Size([1, 2])
    """

    def __init__(self, shape: ClassifierShape) -> None:
        super().__init__()
        self.shape = shape
        self.members = nn.ModuleList(SequenceClassifier(shape) for _ in range(shape.members))

    def forward(self, inputs: Inputs) -> Tensor:
        """Return (B, K) the members' mean scores."""
        return self.by_member(inputs).mean(0)

    def by_member(self, inputs: Inputs) -> Tensor:
        """Return (members, B, K) each network's scores."""
        if self.shape.convolution:
            return self._side_by_side(inputs)
        return torch.stack([member(inputs) for member in self.members])

    def _side_by_side(self, inputs: Inputs) -> Tensor:
        """The same, with each convolution that of all networks at once."""
        members = [each for each in self.members if isinstance(each, SequenceClassifier)]
        read = [member.front(inputs) for member in members]
        outputs = [
            member.lstm(x, lengths=inputs.lengths)[0]
            for member, x in zip(members, read, strict=True)
        ]
        # Where nothing is embedded and nothing fades, all networks read the same.
        x = read[0] if all(each is read[0] for each in read) else torch.cat(read, -1)
        for layers in zip(*[member.convolutions for member in members], strict=True):
            x = convolve(layers, x, inputs.lengths)
        convolved = _mean(x, inputs.lengths).chunk(len(members), 1)
        return torch.stack(
            [
                member.decide(output, part, inputs)
                for member, output, part in zip(members, outputs, convolved, strict=True)
            ]
        )
