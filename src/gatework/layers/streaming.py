"""A layer fed step by step, as its samples arrive."""

import copy
from typing import Any, NoReturn, SupportsIndex, TypeVar, final

import numpy as np
import torch
from torch import Tensor, nn

from gatework.cells import State
from gatework.errors import InputError
from gatework.layers.accelerating import accelerate, survey
from gatework.layers.recurrent import AbstractRecurrent
from gatework.ops.stream import Opened, open_stepper

Hidden = TypeVar("Hidden")  # h, or (h, c), as the layer has it


@final
class Stream:
    """One sequence, taken a step at a time: the layer in evaluation, with the state kept in here.

    The weights are copied when a stream is made: `refresh` takes over what they have become since.
    No dropout acts, zoneout mixes by its probabilities, and no gradient flows. Calls of one stream
    from several threads take turns; streams of one layer are independent of each other.

    Args:
        layer: a gatework.LSTM, GRU or RNN, or torch.nn's; any num_layers, but not bidirectional.
        backend: "native" or "reference"; if None the layer's own choice, else the environment
            variable GATEWORK_BACKEND's, else the first that can.

    Attributes:
        layer: whose weights it copies.
        explanation: which backend takes the steps, and why not the other; `print` shows it.

    Raises:
        InputError: the layer cannot stream, or the backend asked for refuses.

    Example:
        >>> import gatework
        >>> layer, x = gatework.LSTM(3, 8), torch.randn(5, 3)
        >>> stream = gatework.Stream(layer)
        >>> outputs = [stream.step(sample) for sample in x]
        >>> torch.allclose(torch.stack(outputs), layer(x)[0], atol=1e-6)
        True
        >>> h, c = stream.state
        >>> h.shape
        torch.Size([1, 8])
    """

    def __init__(self, layer: nn.Module, backend: str | None = None) -> None:
        self.layer: nn.Module = layer
        self._ours = _ours(layer)
        self._backend = backend or self._ours.backend
        self._stepper, self.explanation = self._open()

    @property
    def backend(self) -> str:
        """Which backend takes the steps."""
        return str(self.explanation.chosen)

    def step(self, x: Any) -> Tensor:
        """Take one step.

        Args:
            x: (I,), a tensor like the weights; or a NumPy array or a sequence of numbers, which is
                converted.

        Returns:
            (P,), h of the highest layer after the step; a new tensor each time.

        Raises:
            InputError: its size, dtype or device does not fit, or it holds no numbers.
        """
        return self._stepper.step(x if isinstance(x, Tensor) else self._tensor(x))

    __call__ = step

    @property
    def state(self) -> Any:
        """The state, as the layer's hx for one sequence: h, or (h, c), each (num_layers, size).

        It is a copy. What is set is copied too; None stands for zeros. Setting what does not fit
        raises InputError.
        """
        state = self._stepper.get_state()
        return state[0] if len(state) == 1 else state

    @state.setter
    def state(self, value: Any) -> None:
        self._stepper.set_state(None if value is None else _parts(value))

    def reset(self) -> None:
        """Begin a new sequence: the state is zeros again."""
        self._stepper.set_state(None)

    def refresh(self) -> None:
        """Copy the layer's weights anew, and keep the state.

        Raises:
            InputError: as when it was made; then nothing has changed.
        """
        state = self._stepper.get_state()
        stepper, explanation = self._open()
        stepper.set_state(tuple(part.to(stepper.like) for part in state))
        self._stepper, self.explanation = stepper, explanation

    def __repr__(self) -> str:
        return f"Stream({self.layer}, backend={self.backend})"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise InputError(
            "a Stream holds memory of the native core and cannot be copied or pickled; make "
            "another with gatework.Stream(layer), and set its state to this one's."
        )

    def _open(self) -> Opened:
        return _open(self._ours, None, self._backend)

    def _tensor(self, x: Any) -> Tensor:
        like = self._stepper.like
        if isinstance(x, np.ndarray) and x.dtype.kind in "biuf":
            # torch.tensor takes several times as long; it is a copy, since torch warns of arrays
            # that must not be written.
            wide = like.dtype == torch.float64
            return torch.from_numpy(x.astype(np.float64 if wide else np.float32)).to(like)
        try:
            return torch.tensor(x, dtype=like.dtype, device=like.device)
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise InputError(
                f"x is a {type(x).__name__} that is no row of numbers ({error}); expected a "
                f"tensor, an array or a list of {self._ours.input_size} numbers."
            ) from error


@final
class BatchStream:
    """B sequences side by side, a step at a time, by weights that do not change.

    As `Stream`, for many at once: the weights are copied, nothing is packed or bound again at a
    step, and rows are shared out among torch's number of threads. No row depends on the others, nor
    on the number of threads.

    Args:
        layer: as for `Stream`.
        batch_size: B.
        backend: as for `Stream`.

    Attributes:
        explanation: which backend takes the steps, and why not the other.

    Raises:
        InputError: as for `Stream`, or batch_size is below 1.

    Example:
        >>> import gatework
        >>> layer, x = gatework.LSTM(3, 8), torch.randn(5, 2, 3)
        >>> stream = BatchStream(layer, 2)
        >>> outputs = [stream.step(samples) for samples in x]
        >>> torch.allclose(torch.stack(outputs), layer(x)[0], atol=1e-6)
        True
        >>> stream.state[0].shape
        torch.Size([1, 2, 8])
    """

    def __init__(self, layer: nn.Module, batch_size: int, backend: str | None = None) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; expected 1 or more")
        ours = _ours(layer)
        self._stepper, self.explanation = _open(ours, batch_size, backend or ours.backend)

    def step(self, x: Tensor) -> Tensor:
        """Take one step: (B, I) to (B, P), h of the highest layer; a new tensor each time.

        Raises:
            InputError: x does not fit.
        """
        return self._stepper.step(x)

    @property
    def state(self) -> Any:
        """The state, as the layer's hx: h, or (h, c), each (num_layers, B, size); as `Stream`'s."""
        state = self._stepper.get_state()
        return state[0] if len(state) == 1 else state

    @state.setter
    def state(self, value: Any) -> None:
        self._stepper.set_state(None if value is None else _parts(value))


def _open(ours: AbstractRecurrent, batch: int | None, backend: str | None) -> Opened:
    return open_stepper(
        ours.cell,
        [ours.params(each) for each in ours.passes],
        ours.regularisers.of_scan(ours.cell, 0, 0, training=False),
        batch=batch,
        backend=backend,
    )


def step(layer: nn.Module, x: Tensor, state: Hidden | None = None) -> tuple[Tensor, Hidden]:
    """Run `layer` for one step of a batch: differentiable, on any backend, device and dtype.

    In training every call draws dropout, zoneout and the like anew, also those masks that a whole
    sequence would share.

    Args:
        layer: a gatework.LSTM, GRU or RNN, or torch.nn's; not bidirectional.
        x: (B, I), or (I,) for one sequence.
        state: as the layer's hx: h, or (h, c), each (num_layers, B, size), without B for one
            sequence; zeros if None.

    Returns:
        y, (B, P) or (P,), and the state after the step.

    Raises:
        InputError: the layer is bidirectional, or a shape, dtype or device does not fit.

    Example:
        >>> from gatework.layers import GRU, step
        >>> layer, x = GRU(3, 8), torch.randn(5, 2, 3)
        >>> state = None
        >>> for t in range(5):
        ...     y, state = step(layer, x[t], state)
        >>> torch.allclose(y, layer(x)[0][-1], atol=1e-6)
        True
    """
    _check_direction(layer)
    if x.dim() not in (1, 2):
        raise InputError(f"x has shape {tuple(x.shape)}; expected one step, (B, I) or (I,).")
    time = 1 if x.dim() == 2 and getattr(layer, "batch_first", False) else 0
    y, state = layer(x.unsqueeze(time), state)
    return y.squeeze(time), state  # type: ignore[return-value]


def _ours(layer: nn.Module) -> AbstractRecurrent:
    """The layer itself; or, for torch's, one of ours with the very same parameters."""
    _check_direction(layer)
    if isinstance(layer, AbstractRecurrent):
        return layer
    [found, *_] = survey(layer).layers
    if found.obstacle is not None:
        raise InputError(f"{found.layer} cannot be streamed: {found.obstacle}.")
    twin = accelerate(copy.copy(layer))  # the layer that was given stays torch's
    assert isinstance(twin, AbstractRecurrent)
    return twin


def _check_direction(layer: object) -> None:
    if not isinstance(layer, (AbstractRecurrent, nn.RNNBase)):
        raise InputError(
            f"layer is a {type(layer).__name__}; expected a gatework.LSTM, GRU or RNN, or one of "
            "torch.nn's."
        )
    if layer.bidirectional:
        raise InputError(
            "the layer is bidirectional: its backward direction starts at the last step of a "
            "sequence, which has not come yet. Expected one with bidirectional=False."
        )


def _parts(state: Any) -> State:
    """A state as a tuple of tensors."""
    parts = tuple(state) if isinstance(state, (tuple, list)) else (state,)
    for part in parts:
        if not isinstance(part, Tensor):
            raise InputError(f"state holds a {type(part).__name__}; expected tensors, h or (h, c).")
    return parts
