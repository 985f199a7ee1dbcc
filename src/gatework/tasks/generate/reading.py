"""A network that reads token by token: one stream with no work around it, or many side by side."""

import abc
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from gatework.layers import BatchStream, Stream
from gatework.models.language import LanguageNetwork, State

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
        if not len(ids):
            shape = self._network.shape
            zeros = torch.zeros(shape.num_layers, self.streams, shape.hidden_size)
            self.state = (zeros, zeros)
            return torch.zeros(0, shape.hidden_size)
        with torch.inference_mode():
            states, (h, c) = self._network.lstm(
                self._network.embedding(torch.from_numpy(ids)[:, None])
            )
            self.state = (h.repeat(1, self.streams, 1), c.repeat(1, self.streams, 1))
        return states[:, 0]


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
        self._logits = np.empty((1, len(self._bias)))

    @property
    def state(self) -> State:
        h, c = self._stream.state
        return h.unsqueeze(1), c.unsqueeze(1)

    @state.setter
    def state(self, value: State) -> None:
        self._stream.state = tuple(part[:, 0] for part in value)

    def read(self, tokens: np.ndarray) -> np.ndarray:
        """Read one token; see AbstractReader."""
        output, logits = self.output[0], self._logits[0]
        output[:] = self._stream.step(self._rows[tokens[0]]).numpy()
        np.dot(self._weight, output, out=logits)
        logits += self._bias
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

    @property
    def state(self) -> State:
        return self._stream.state

    @state.setter
    def state(self, value: State) -> None:
        self._stream.state = value

    def read(self, tokens: np.ndarray) -> np.ndarray:
        """Read a token of each stream, or of the first C alone; see AbstractReader."""
        self._tokens.numpy()[: len(tokens)] = tokens
        inputs = self._vectors.index_select(0, self._tokens)
        self.output[:] = self._stream.step(inputs).numpy()
        np.matmul(self._grouped, self._across, out=self._logits)
        self._logits += self._bias
        return self._logits.reshape(-1, len(self._bias))[: len(tokens)]

    def choose(self, streams: np.ndarray) -> None:
        """Go on with copies of these streams, (C,) with C at most B, in the first C places."""
        self._chosen.numpy()[: len(streams)] = streams
        h, c = (part.index_select(1, self._chosen) for part in self.state)
        self.state = (h, c)


def _output(network: LanguageNetwork) -> tuple[np.ndarray, np.ndarray]:
    """(V, H) and (V,) float64: from an output of the LSTM to logits, as one matrix."""
    with torch.no_grad():
        weight, bias = network.output.weight.double(), network.output.bias.double()
        if network.project is not None:
            bias = bias + weight @ network.project.bias.double()
            weight = weight @ network.project.weight.double()
        return weight.numpy(), bias.numpy()
