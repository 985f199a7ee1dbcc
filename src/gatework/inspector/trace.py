"""What a recurrent model did: one value that holds every gate and state of every step.

Steps of all sequences lie one after another, sequence by sequence, each in the order of time: row
`offsets[b] + t` is step t of sequence b. N is the number of all real steps; nothing is padded.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray

from gatework.cells import AbstractCell
from gatework.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gatework.inspector.page.shown import Shown

Array = NDArray[np.floating]


def pass_name(layer: int, *, reverse: bool) -> str:
    """The suffix that torch gives the parameters of a layer and direction.

    Example:
        >>> pass_name(1, reverse=True)
        'l1_reverse'
    """
    return f"l{layer}_reverse" if reverse else f"l{layer}"


class MemoryRoles(NamedTuple):
    """What each step did to the memory: m' = keep * m + write * candidate; read, what it showed."""

    keep: Array
    write: Array
    read: Array


@final
@dataclass(frozen=True, eq=False)
class SequencePass:
    """One sequence in one layer and direction; every array is in the order of time.

    Attributes:
        cell: the mathematics.
        reverse: whether the layer read the sequence from its end.
        values: by name the row blocks after their activation and the new states, (T, size).
        initial: the state before the first step that was read, (size,).
        params: the layer's weights.
        inputs: what the layer read, (T, I).
        zoneout: how much of its old value the memory kept beside the gates.
    """

    cell: AbstractCell
    reverse: bool
    values: Mapping[str, Array]
    initial: Mapping[str, Array]
    params: Mapping[str, Array]
    inputs: Array
    zoneout: float = 0.0

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def memory(self) -> Array:
        """The memory after each step, (T, H): c for an LSTM, h for a GRU or RNN."""
        return self.values[self.cell.memory]

    @property
    def candidate(self) -> Array:
        """What each step offered to the memory, (T, H)."""
        return self.values[self.cell.candidate]

    @cached_property
    def roles(self) -> MemoryRoles:
        """Keep, write and read of each step, (T, H): exact but for a cell clip."""
        return _roles(self.cell, self.values, self.zoneout)

    def before(self, state: str) -> Array:
        """The value that `state` had when each step began, (T, size)."""
        after, first = self.values[state], self.initial[state][None]
        if self.reverse:
            return np.concatenate([after[1:], first])[: len(after)]
        return np.concatenate([first, after[:-1]])[: len(after)]

    def in_scan_order(self, array: Array) -> Array:
        """A view of an array (T, ...) in the order in which the layer took the steps, or back."""
        return array[::-1] if self.reverse else array


def _roles(cell: AbstractCell, values: Mapping[str, Array], zoneout: float) -> MemoryRoles:
    """The cell's own, with what zoneout keeps in evaluation: m' = z m + (1 - z) (keep m + ...)."""
    tensors = {name: torch.from_numpy(value) for name, value in values.items()}
    keep, write, read = (part.numpy() for part in cell.roles(tensors))
    if zoneout:
        keep, write = zoneout + (1 - zoneout) * keep, (1 - zoneout) * write
    return MemoryRoles(keep, write, read)


@final
@dataclass(frozen=True, eq=False)
class PassTrace:
    """One layer in one direction over all sequences.

    Attributes:
        layer: which layer of the stack, from 0.
        reverse: whether it reads sequences from their ends.
        cell: the mathematics; it names the gates and says what they do to the memory.
        offsets: (B + 1,) where each sequence begins; the last is N.
        values: by name the row blocks after their activation and the new states, (N, size).
        initial: the states before the first step, (B, size).
        params: the layer's weights by the names of the cell.
        inputs: what this layer read, (N, I).
        zoneout: the probability with which the memory kept its old value in training; here it keeps
            that much of it at every step, beside the gates.
    """

    layer: int
    reverse: bool
    cell: AbstractCell
    offsets: NDArray[np.int64]
    values: Mapping[str, Array]
    initial: Mapping[str, Array]
    params: Mapping[str, Array]
    inputs: Array
    zoneout: float = 0.0

    @property
    def name(self) -> str:
        """`l0`, or `l0_reverse`: the suffix of its parameters' names."""
        return pass_name(self.layer, reverse=self.reverse)

    @property
    def hidden_size(self) -> int:
        """H, the width of the memory."""
        return self.values[self.cell.memory].shape[1]

    def sequence(self, index: int) -> SequencePass:
        """The part of one sequence; arrays are views."""
        count = len(self.offsets) - 1
        if not 0 <= index < count:
            raise InputError(f"sequence {index} was asked for; the trace holds {count}, from 0.")
        rows = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
        return SequencePass(
            self.cell,
            self.reverse,
            {name: value[rows] for name, value in self.values.items()},
            {name: value[index] for name, value in self.initial.items()},
            self.params,
            self.inputs[rows],
            self.zoneout,
        )

    @cached_property
    def roles(self) -> MemoryRoles:
        """Keep, write and read of every step, (N, H)."""
        return _roles(self.cell, self.values, self.zoneout)


@final
@dataclass(frozen=True, eq=False)
class Recording:
    """One call of one recurrent layer of a model.

    Attributes:
        path: where the layer is, as in the keys of the state dict; "" for the model itself.
        call: which call of it in the forward pass, from 0.
        kind: what it is, as its repr says.
        passes: every layer and direction, in torch's order.
        steps: (N,) a word for each step (a token, a time), or None.
        features: (I,) a word for each input, or None.
        loss: (N,) the loss of each step, or None; NaN where there is none.
        outputs: (N, O) what the model answered at each step, or None.
        attention: (N, S) how much each step looked at each of S places, or None.
        replay_error: the largest difference of h from that of torch's own layer, where it was
            torch's and has been replayed in our cell; None where it was ours.
    """

    path: str
    call: int
    kind: str
    passes: tuple[PassTrace, ...]
    steps: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    loss: Array | None = None
    outputs: Array | None = None
    attention: Array | None = None
    replay_error: float | None = None

    @property
    def name(self) -> str:
        """The path, and which call it was if not the first."""
        path = self.path or "model"
        return path if self.call == 0 else f"{path} (call {self.call + 1})"

    @property
    def offsets(self) -> NDArray[np.int64]:
        """(B + 1,) where each sequence begins."""
        return self.passes[0].offsets

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(B,) the steps of each sequence."""
        return np.diff(self.offsets)

    @property
    def inputs(self) -> Array:
        """(N, I) what the first layer read."""
        return self.passes[0].inputs

    @property
    def hidden(self) -> Array:
        """(N, D * P) what the last layer gave."""
        last = self.passes[-1].layer
        return np.concatenate([p.values["h"] for p in self.passes if p.layer == last], axis=1)

    def rows(self, sequence: int) -> slice:
        """Where the steps of a sequence are in every (N, ...) array."""
        return slice(int(self.offsets[sequence]), int(self.offsets[sequence + 1]))

    def find(self, layer: int = 0, *, reverse: bool = False) -> PassTrace:
        """The pass of a layer and direction.

        Raises:
            InputError: there is none.
        """
        for each in self.passes:
            if each.layer == layer and each.reverse == reverse:
                return each
        there = ", ".join(each.name for each in self.passes)
        wanted = pass_name(layer, reverse=reverse)
        raise InputError(f"{self.name} has no pass {wanted}; it has {there}.")

    def step_names(self, sequence: int) -> tuple[str, ...]:
        """The words of a sequence's steps; their numbers, from 0, where it has none."""
        rows = self.rows(sequence)
        if self.steps is None:
            return tuple(str(t) for t in range(rows.stop - rows.start))
        return self.steps[rows]

    def feature_names(self) -> tuple[str, ...]:
        """The words of the inputs; x0, x1, ... where they have none."""
        if self.features is not None:
            return self.features
        return tuple(f"x{i}" for i in range(self.inputs.shape[1]))


@final
@dataclass(frozen=True, eq=False)
class Trace:
    """Everything that the recurrent layers of a model did in one forward pass.

    `gatework.trace` makes one, `save` writes it to one file and `load` reads it back; `plot` and
    `show` draw it.

    Attributes:
        recordings: one for each call of a recurrent layer, in the order of the calls.
        sequences: (B,) a name for each sequence, or None.

    Example:
        >>> import torch, gatework
        >>> lstm = gatework.LSTM(3, 8)
        >>> trace = gatework.trace(lstm, torch.randn(10, 2, 3), lengths=[10, 4])
        >>> trace[""].find(layer=0).sequence(1).values["f"].shape
        (4, 8)
    """

    recordings: tuple[Recording, ...]
    sequences: tuple[str, ...] | None = None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the recorded layers' weights: which model the trace is of."""
        digest = hashlib.sha256()
        for recording in self.recordings:
            for each in recording.passes:
                for name, value in sorted(each.params.items()):
                    digest.update(f"{recording.path}.{name}_{each.name}".encode())
                    digest.update(np.ascontiguousarray(value).data)
        return digest.hexdigest()

    def __getitem__(self, path: str) -> Recording:
        """The first call of the layer at `path`.

        Raises:
            InputError: the trace holds no such layer.
        """
        for recording in self.recordings:
            if recording.path == path:
                return recording
        there = ", ".join(repr(each.path) for each in self.recordings)
        raise InputError(f"the trace holds no layer {path!r}; it holds {there}.")

    def sequence_name(self, index: int) -> str:
        """The name of a sequence; its number, from 0, where it has none."""
        return str(index) if self.sequences is None else self.sequences[index]

    def show(self, title: str = "What the memory did") -> "Shown":
        """The page of the trace: a notebook shows it; `.open()` and `.save(path)` are for scripts.

        Example:
            >>> import pathlib, tempfile, torch, gatework
            >>> trace = gatework.trace(gatework.LSTM(3, 8), torch.randn(10, 2, 3))
            >>> trace.show().save(pathlib.Path(tempfile.mkdtemp()) / "memory.html").name
            'memory.html'
        """
        from gatework.inspector.page.shown import Shown

        return Shown(self, title)

    def plot(
        self, *, path: str | None = None, sequence: int = 0, layer: int = 0, reverse: bool = False
    ) -> "Figure":
        """Draw the ledger, the memory and the gates of one sequence with matplotlib.

        Args:
            path: which recurrent layer of the model; the first that was recorded if None.
            sequence: which sequence, from 0.
            layer: which layer of the stack.
            reverse: which direction.

        Raises:
            InputError: there is no such layer or sequence.
        """
        from gatework.inspector.plots import trace_figure

        return trace_figure(self, path=path, sequence=sequence, layer=layer, reverse=reverse)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to one safetensors file, whole or not at all."""
        from gatework.inspector.storage import save_trace

        save_trace(self, Path(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Trace":
        """Read a file that `save` wrote. Nothing in it is executed.

        Raises:
            InputError: it is missing, is no trace, is damaged, or is of a later version.
        """
        from gatework.inspector.storage import load_trace

        return load_trace(Path(path))

    def __repr__(self) -> str:
        parts = ", ".join(
            f"{each.name}: {len(each.lengths)} sequences, {each.offsets[-1]} steps"
            for each in self.recordings
        )
        return f"Trace({parts})"
