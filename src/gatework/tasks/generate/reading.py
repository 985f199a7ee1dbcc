"""A network that reads token by token: one stream with no work around it, or many side by side."""

import abc
from typing import final

import numpy as np
import torch
from torch import Tensor

from gatework.errors import InputError
from gatework.layers import Stream
from gatework.models.language import LanguageNetwork, State


class AbstractReader(abc.ABC):
    """B streams that a network has read so far, and what it says of their next tokens.

    Args:
        network: In evaluation; its weights are copied.
    """

    def __init__(self, network: LanguageNetwork) -> None:
        self._network = network

    @abc.abstractmethod
    def read(self, tokens: np.ndarray) -> np.ndarray:
        """Read one token of each stream, (B,), and return (B, V) float64 logits of the next.

        The array is the reader's: it is the caller's to change, and the next call overwrites it.
        """

    @final
    def prime(self, ids: np.ndarray) -> np.ndarray:
        """Begin all streams with the same (N,) tokens, at least one; return as `read` does."""
        with torch.inference_mode():
            states, state = self._network.lstm(
                self._network.embedding(torch.from_numpy(ids)[:, None])
            )
        return self.resume(states[-1], state)

    @abc.abstractmethod
    def resume(self, output: Tensor, state: State) -> np.ndarray:
        """Go on from an output, (1, H), and a state, (L, 1, H) each; return as `read` does."""


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
        super().__init__(network)
        self._stream = Stream(network.lstm)
        # Rows made once: taking one from a matrix costs as much as a small step.
        self._rows = network.embedding.weight.detach().clone().unbind(0)
        weight, bias = _output(network)
        self._weight, self._bias = weight.numpy(), bias.numpy()
        self._h = np.empty(self._weight.shape[1])
        self._logits = np.empty((1, len(self._bias)))

    def read(self, tokens: np.ndarray) -> np.ndarray:
        """Read one token; see AbstractReader."""
        return self._say(self._stream.step(self._rows[tokens[0]]))

    def resume(self, output: Tensor, state: State) -> np.ndarray:
        """Go on from a state; see AbstractReader."""
        self._stream.state = tuple(part.squeeze(1) for part in state)
        return self._say(output[0])

    def _say(self, output: Tensor) -> np.ndarray:
        self._h[:] = output.numpy()
        logits = self._logits[0]
        np.dot(self._weight, self._h, out=logits)
        logits += self._bias
        return self._logits


@final
class ManyReader(AbstractReader):
    """B streams at once, as one batch.

    Args:
        network: In evaluation.
        streams: B.

    Attributes:
        state: What it remembers, (L, B, H) each; None before anything was read. It may be set to
            one that it had before.
    """

    def __init__(self, network: LanguageNetwork, streams: int) -> None:
        super().__init__(network)
        self._streams = streams
        weight, self._bias = _output(network)
        self._weight = weight.T.contiguous()
        self.state: State | None = None

    def read(self, tokens: np.ndarray) -> np.ndarray:
        """Read a token of each stream; see AbstractReader."""
        with torch.inference_mode():
            inputs = self._network.embedding(torch.from_numpy(tokens))
            states, self.state = self._network.lstm(inputs[None], self.state)
            return self._say(states[0])

    def resume(self, output: Tensor, state: State) -> np.ndarray:
        """Go on from a state; see AbstractReader."""
        with torch.inference_mode():
            h, c = (part.expand(-1, self._streams, -1).contiguous() for part in state)
            self.state = (h, c)
            return self._say(output.expand(self._streams, -1))

    def choose(self, streams: np.ndarray) -> None:
        """Go on with copies of these streams, (C,), in place of all there were."""
        if self.state is None:
            raise InputError("nothing was read yet: prime the reader first")
        where = torch.from_numpy(streams)
        h, c = (part.index_select(1, where) for part in self.state)
        self.state = (h, c)

    def _say(self, output: Tensor) -> np.ndarray:
        return torch.addmm(self._bias, output.double(), self._weight).numpy()


def _output(network: LanguageNetwork) -> tuple[Tensor, Tensor]:
    """(V, H) and (V,) float64: from an output of the LSTM to logits, as one matrix."""
    with torch.no_grad():
        weight, bias = network.output.weight.double(), network.output.bias.double()
        if network.project is not None:
            bias = bias + weight @ network.project.bias.double()
            weight = weight @ network.project.weight.double()
        return weight.detach(), bias.detach()
