"""A network that reads token by token: one stream with no work around it, or many side by side."""

import abc
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from gatework.layers import BatchStream, Stream
from gatework.models.counted import BEGINNING
from gatework.models.language import LanguageNetwork, State
from gatework.models.softmax import AdaptiveSoftmax

_ROWS: Final = 4  # of a matrix product: below what BLAS wakes threads for, which fight with ours


class AbstractReader(abc.ABC):
    """B streams that a network has read so far, and what it says of their next tokens.

    Args:
        network: In evaluation; its weights are copied.
        streams: B.

    Attributes:
        output: (B, H) float64, what the LSTM said last; it is overwritten by the next step.
    """

    def __init__(self, network: LanguageNetwork, streams: int) -> None:
        self._network, self.streams = network, streams
        # Rows made once: taking one from a matrix costs as much as a small step.
        self._vectors = network.embedding.weight.detach().clone()
        self.output = np.zeros((streams, network.shape.hidden_size))

    @property
    @abc.abstractmethod
    def state(self) -> State:
        """A copy of what is remembered, (L, B, H) each; it may be set."""

    @state.setter
    @abc.abstractmethod
    def state(self, value: State) -> None: ...

    @abc.abstractmethod
    def read(self, tokens: np.ndarray) -> np.ndarray:
        """Read one token of each stream, (B,), and return (B, V) float64 logits of the next.

        The array is the reader's: it is the caller's to change, and the next call overwrites it.
        """

    @final
    def prime(self, ids: np.ndarray) -> Tensor:
        """Begin all streams with the same (N,) tokens; return the (N, H) outputs."""
        network, streams = self._network, self.streams
        h, c, places = network.begin(1)
        states = h[:0]
        if len(ids):
            with torch.inference_mode():
                states, (h, c) = network.lstm(network.embedding(torch.from_numpy(ids)[:, None]))
            if network.counted is not None:
                _, after = network.counted.read(ids[:, None], places.numpy(), last=0)
                places = torch.from_numpy(after)
        self.state = State(h.repeat(1, streams, 1), c.repeat(1, streams, 1), places.repeat(streams))
        return states[:, 0]

    @final
    def _adapted(self) -> np.ndarray:
        """(B, V) logits by a softmax that is no one matrix."""
        with torch.inference_mode():
            outputs = torch.from_numpy(self.output).to(self._vectors.dtype)
            return self._network.logits(outputs).double().numpy()


@final
class OneReader(AbstractReader):
    """One stream, by the core's own step: nothing is allocated but the step's output.

    Args:
        network: In evaluation.

    Example:
        >>> from gatework.models.language import LanguageShape
        >>> network = LanguageNetwork(LanguageShape(9, embedding_size=4, hidden_size=8)).eval()
        >>> one, many = OneReader(network), ManyReader(network, 2)
        >>> first = one.prime(np.array([3, 4])), many.prime(np.array([3, 4]))
        >>> alone, beside = one.read(np.array([5])), many.read(np.array([5, 6]))
        >>> np.allclose(alone[0], beside[0], atol=1e-6)
        True
    """

    def __init__(self, network: LanguageNetwork) -> None:
        super().__init__(network, 1)
        self._stream = Stream(network.lstm)
        self._rows = self._vectors.unbind(0)
        self._weight, self._bias = _output(network)
        self._said = np.empty(len(self._bias))
        self._logits = self._said[None, : network.shape.vocabulary]
        self._place = BEGINNING

    @property
    def state(self) -> State:
        h, c = self._stream.state
        return State(h.unsqueeze(1), c.unsqueeze(1), torch.tensor([self._place]))

    @state.setter
    def state(self, value: State) -> None:
        self._stream.state = (value.h[:, 0], value.c[:, 0])
        self._place = int(value.places[0])

    def read(self, tokens: np.ndarray) -> np.ndarray:
        """Read one token; see AbstractReader."""
        output, counted = self.output[0], self._network.counted
        output[:] = self._stream.step(self._rows[tokens[0]]).numpy()
        if self._network.shape.adaptive:
            return self._adapted()
        np.dot(self._weight, output, out=self._said)
        self._said += self._bias
        if counted is not None:
            self._place = counted.follow(self._place, int(tokens[0]))
            self._logits += self._said[-1] * counted.row(self._place)
        return self._logits


@final
class ManyReader(AbstractReader):
    """B streams at once, as one batch.

    Args:
        network: In evaluation.
        streams: B.
    """

    def __init__(self, network: LanguageNetwork, streams: int) -> None:
        super().__init__(network, streams)
        self._stream = BatchStream(network.lstm, streams)
        weight, self._bias = _output(network)
        self._across = np.ascontiguousarray(weight.T)
        groups, width = -(-streams // _ROWS), len(self._across)
        self._grouped = np.zeros((groups, _ROWS, width))
        self.output = self._grouped.reshape(-1, width)[:streams]
        self._logits = np.empty((groups, _ROWS, len(self._bias)))
        self._tokens, self._chosen = torch.zeros(2, streams, dtype=torch.int64)
        self._places = np.full(streams, BEGINNING)

    @property
    def state(self) -> State:
        h, c = self._stream.state
        return State(h, c, torch.from_numpy(self._places.copy()))

    @state.setter
    def state(self, value: State) -> None:
        self._stream.state = (value.h, value.c)
        self._places = value.places.numpy().copy()

    def read(self, tokens: np.ndarray) -> np.ndarray:
        """Read a token of each stream, or of the first C alone; see AbstractReader."""
        self._tokens.numpy()[: len(tokens)] = tokens
        inputs = self._vectors.index_select(0, self._tokens)
        self.output[:] = self._stream.step(inputs).numpy()
        counted, count = self._network.counted, len(tokens)
        if self._network.shape.adaptive:
            return self._adapted()[:count]
        np.matmul(self._grouped, self._across, out=self._logits)
        self._logits += self._bias
        logits = self._logits.reshape(-1, len(self._bias))[:count]
        if counted is None:
            return logits
        rows, self._places[:count] = counted.step(tokens, self._places[:count])
        logits[:, :-1] += logits[:, -1:] * rows
        return logits[:, :-1]

    def choose(self, streams: np.ndarray) -> None:
        """Go on with copies of these streams, (C,) with C at most B, in the first C places."""
        self._chosen.numpy()[: len(streams)] = streams
        h, c, places = self.state
        h, c = (part.index_select(1, self._chosen) for part in (h, c))
        self.state = State(h, c, places[self._chosen])


def _output(network: LanguageNetwork) -> tuple[np.ndarray, np.ndarray]:
    """(V, H) and (V,) float64: from an output of the LSTM to logits, as one matrix.

    Where n-grams are corrected, one row more: how far they are believed. Of a softmax in groups
    there is no such matrix.
    """
    if isinstance(network.output, AdaptiveSoftmax):
        return np.empty((0, network.shape.hidden_size)), np.empty(0)
    with torch.no_grad():
        weight, bias = network.output.weight.double(), network.output.bias.double()
        if network.project is not None:
            bias = bias + weight @ network.project.bias.double()
            weight = weight @ network.project.weight.double()
        if network.trust is not None:
            weight = torch.cat([weight, network.trust.weight.double()])
            bias = torch.cat([bias, network.trust.bias.double()])
        return weight.numpy(), bias.numpy()
