"""From a model and its inputs to a Trace, with torch's own layers replayed in our cells."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from gatework.errors import InputError
from gatework.inspector.trace import Array, PassTrace, Recording, Trace
from gatework.inspector.words import Words, label
from gatework.layers import (
    AbstractRecurrent,
    PassRecord,
    describe,
    recurrent_layers,
    replica,
)


def trace(
    model: nn.Module,
    *inputs: Any,
    lengths: Tensor | Sequence[int] | None = None,
    steps: Words | None = None,
    features: Sequence[str] | None = None,
    sequences: Sequence[str] | None = None,
    loss: Tensor | None = None,
) -> Trace:
    """Run `model(*inputs)` once, in evaluation mode, and keep all that its recurrent layers did.

    Layers of torch (nn.LSTM, nn.GRU, nn.RNN) are replayed in our cells with the same weights, and
    the largest difference of h is kept as `replay_error`.

    Args:
        model: any module that holds recurrent layers, or is one.
        inputs: what it is called with.
        lengths: (B,) the steps of each sequence; passed on to a model that is itself a recurrent
            layer of ours or of torch. Other models pass lengths to their layers themselves.
        steps: a word for each step of each sequence: tokens, times.
        features: a word for each input of the first layer.
        sequences: a name for each sequence.
        loss: the loss of each step, (T, B), or (B, T) if the model is batch first.

    Returns:
        One recording for each call of a recurrent layer. `steps`, `loss` and `features` belong to
        those whose sequences and inputs they fit.

    Raises:
        InputError: the model has no recurrent layer, one of them cannot be recorded, or words do
            not fit the sequences.

    Example:
        >>> import torch, gatework
        >>> theirs = torch.nn.LSTM(3, 8)
        >>> recorded = gatework.trace(theirs, torch.randn(10, 2, 3))
        >>> recorded[""].find(0).values["c"].shape, recorded[""].replay_error < 1e-5
        ((20, 8), True)
    """
    with recording(model) as recorder:
        _call(model, inputs, None if lengths is None else torch.as_tensor(lengths))
    return label(recorder.trace(sequences), steps=steps, features=features, loss=loss)


@contextlib.contextmanager
def recording(model: nn.Module) -> Iterator["Recorder"]:
    """Record whatever `model` is called with inside; ask the recorder for the trace afterwards.

    For models that are not simply called with their inputs. Gradients are off, the model is in
    evaluation mode, and both are put back.

    Raises:
        InputError: as `trace` does.

    Example:
        >>> import torch, gatework
        >>> from gatework.inspector import recording
        >>> decoder = gatework.GRU(3, 8)
        >>> with recording(decoder) as recorder:
        ...     _, h = decoder(torch.randn(1, 2, 3))
        ...     _, h = decoder(torch.randn(1, 2, 3), h)
        >>> recorder.trace()
        Trace(model: 2 sequences, 2 steps, model (call 2): 2 sequences, 2 steps)
    """
    layers = dict(recurrent_layers(model))
    if not layers:
        raise InputError(
            f"{type(model).__name__} has no recurrent layer to inspect: expected a gatework or "
            "torch.nn LSTM, GRU or RNN in it."
        )
    recorder = Recorder({path: _ours(path, module) for path, module in layers.items()}, layers)
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad(), recorder.listening():
            yield recorder
    finally:
        for module, mode in modes.items():
            module.training = mode


def _call(model: nn.Module, inputs: tuple[Any, ...], lengths: Tensor | None) -> None:
    if lengths is None:
        model(*inputs)
    elif isinstance(model, nn.RNNBase):
        x, *state = inputs
        packed = pack_padded_sequence(
            x, lengths.cpu(), batch_first=model.batch_first, enforce_sorted=False
        )
        model(packed, *state)
    elif isinstance(model, AbstractRecurrent):
        model(*inputs, lengths=lengths)
    else:
        raise InputError(
            f"lengths were given for a {type(model).__name__}, which is no recurrent layer itself: "
            "call it inside `with recording(model)`, in its own way."
        )


class _Heard(NamedTuple):
    """One call of one recurrent layer."""

    path: str
    records: tuple[PassRecord, ...]
    error: float | None


def _ours(path: str, module: nn.Module) -> AbstractRecurrent:
    """The layer itself, or ours with the weights of torch's."""
    if isinstance(module, AbstractRecurrent):
        return module
    try:
        return replica(module)
    except InputError as error:
        raise InputError(f"{path or 'the model'} cannot be recorded: {error}") from error


@final
@dataclass(eq=False)
class Recorder:
    """Listens to the recurrent layers of a model; `recording` makes one.

    Attributes:
        ours: by path, each layer, or ours with the weights of torch's.
        layers: by path, the layers as they are in the model.
        calls: what was heard.
    """

    ours: dict[str, AbstractRecurrent]
    layers: dict[str, nn.Module]
    calls: list[_Heard] = field(default_factory=list)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hear every call of every recurrent layer."""
        with contextlib.ExitStack() as stack:
            for path, module in self.layers.items():
                hear = self._hearing if module is self.ours[path] else self._replaying
                stack.enter_context(hear(path, module))
            yield

    @contextlib.contextmanager
    def _hearing(self, path: str, module: nn.Module) -> Iterator[None]:
        """Take down what one of our layers does."""
        assert isinstance(module, AbstractRecurrent)
        heard: list[PassRecord] = []

        def close(*_: object) -> None:
            self.calls.append(_Heard(path, tuple(heard), None))
            heard.clear()

        module.listener = heard.append
        hook = module.register_forward_hook(close)
        try:
            yield
        finally:
            hook.remove()
            del module.listener

    @contextlib.contextmanager
    def _replaying(self, path: str, module: nn.Module) -> Iterator[None]:
        """Let torch's layer answer, and ours do the same beside it."""
        ours, heard = self.ours[path], list[PassRecord]()
        ours.listener = heard.append

        def replay(_: nn.Module, arguments: tuple[Any, ...], given: dict[str, Any],
                   answer: tuple[Any, Any]) -> None:  # fmt: skip
            output, _state = ours(*arguments, **given)
            self.calls.append(_Heard(path, tuple(heard), _difference(output, answer[0])))
            heard.clear()

        hook = module.register_forward_hook(replay, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()

    def trace(self, sequences: Sequence[str] | None = None) -> Trace:
        """What was recorded; `label` puts words beside it.

        Args:
            sequences: A name for each sequence.

        Raises:
            InputError: nothing was recorded, or there are more or fewer names than sequences.
        """
        if not self.calls:
            raise InputError("no recurrent layer ran: call the model inside `with recording(...)`.")
        counts: dict[str, int] = {}
        recordings = []
        for call in self.calls:
            number = counts.get(call.path, 0)
            counts[call.path] = number + 1
            recordings.append(self._recording(call, number))
        if sequences is not None and len(sequences) != len(recordings[0].lengths):
            raise InputError(
                f"sequences names {len(sequences)}; the batch holds {len(recordings[0].lengths)}."
            )
        names = None if sequences is None else tuple(sequences)
        return Trace(tuple(recordings), names)

    def _recording(self, call: _Heard, number: int) -> Recording:
        passes = tuple(_pass(self.ours[call.path], record) for record in call.records)
        kind = describe(self.layers[call.path])
        return Recording(call.path, number, kind, passes, replay_error=call.error)


def require_same_model(trace: Trace, model: nn.Module) -> None:
    """Refuse a trace that another model made.

    Raises:
        InputError: it did: a layer is not there, or has other weights.
    """
    layers = dict(recurrent_layers(model))
    for recording in trace.recordings:
        layer = layers.get(recording.path)
        own = {} if layer is None else dict(layer.named_parameters())
        for each in recording.passes:
            for name, value in each.params.items():
                mine = own.get(f"{name}_{each.name}")
                if mine is None or not np.array_equal(_array(mine), value):
                    raise InputError(
                        f"the trace is of another model: {recording.name} differs in "
                        f"{name}_{each.name}. Record this one with gatework.trace(model, ...)."
                    )


def _pass(layer: AbstractRecurrent, record: PassRecord) -> PassTrace:
    time, batch = record.x.shape[:2]
    lengths = torch.full((batch,), time) if record.lengths is None else record.lengths
    offsets = np.concatenate([[0], np.cumsum(lengths.numpy())]).astype(np.int64)
    real = None if record.lengths is None else torch.arange(time) < lengths.unsqueeze(1)
    states = zip(layer.cell.states, record.state, strict=True)
    return PassTrace(
        layer=record.which.layer,
        reverse=record.which.reverse,
        cell=layer.cell,
        offsets=offsets,
        values={name: _rows(value, real) for name, value in record.values.items()},
        initial={name: _array(part).copy() for name, part in states},
        params={name: _array(value).copy() for name, value in layer.params(record.which).items()},
        inputs=_rows(record.x, real),
        zoneout=_zoneout(layer, record.which.index),
    )


def _zoneout(layer: AbstractRecurrent, index: int) -> float:
    """How much of its old value the memory keeps at a step, in evaluation."""
    noise = layer.regularisers.of_scan(layer.cell, 0, index, training=False)
    return 0.0 if noise is None else noise.zoneout[layer.cell.states.index(layer.cell.memory)]


def _rows(values: Tensor, real: Tensor | None) -> Array:
    """The real steps of (T, B, size), sequence by sequence; `real` (B, T) marks them."""
    by_sequence = values.detach().cpu().transpose(0, 1)
    rows = by_sequence.flatten(0, 1) if real is None else by_sequence[real]
    return np.ascontiguousarray(_array(rows))


def _array(values: Tensor) -> Array:
    plain = values.detach().cpu()
    return (plain if plain.dtype == torch.float64 else plain.float()).numpy()


def _difference(ours: Tensor | PackedSequence, theirs: Tensor | PackedSequence) -> float:
    """The largest absolute difference of two outputs of a layer."""
    pair = [part.data if isinstance(part, PackedSequence) else part for part in (ours, theirs)]
    return float((pair[0] - pair[1]).abs().max()) if pair[0].numel() else 0.0
