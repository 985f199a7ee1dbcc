"""What the recurrent layers share: stacking, directions, batches, packed sequences."""

import abc
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from gatework.cells import RNN, AbstractCell, State
from gatework.errors import InputError
from gatework.layers.initialisation import Initialisation
from gatework.layers.regularisers import Regularisers
from gatework.ops import Memory, Regularisation, scan_directions


@dataclass(frozen=True)
class Architecture:
    """The arguments that torch.nn's recurrent layers share; see torch.nn.LSTM."""

    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int = 0

    def __post_init__(self) -> None:
        for name in ("input_size", "hidden_size", "num_layers"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise InputError(f"{name} is {value!r}; expected a whole number of at least 1.")
        if not 0 <= self.dropout <= 1:
            raise InputError(f"dropout is {self.dropout}; expected a probability, 0 to 1.")
        if self.dropout and self.num_layers == 1:
            warnings.warn(  # not an error, since it is none in torch
                f"dropout is {self.dropout}, but it acts between layers and num_layers is 1; "
                "stack more layers, or put a torch.nn.Dropout after this one.",
                stacklevel=4,
            )
        if self.proj_size < 0:
            raise InputError(f"proj_size is {self.proj_size}; expected 0 (none) or more.")


class Pass(NamedTuple):
    """One layer in one direction: which attribute holds each of its cell's parameters."""

    index: int
    layer: int
    reverse: bool
    names: dict[str, str]


class PassRecord(NamedTuple):
    """What one layer in one direction did in one forward pass.

    Attributes:
        which: the layer and direction.
        x: (T, B, I) what it read.
        state: the initial state, a (B, size) tensor for each of the cell's states.
        lengths: (B,) the steps of each sequence; None if all have T.
        values: the trace of the scan, (T, B, size) by name.
    """

    which: Pass
    x: Tensor
    state: State
    lengths: Tensor | None
    values: dict[str, Tensor]


class AbstractRecurrent(nn.Module, abc.ABC):
    """A stack of one cell over a batch of sequences: the body of LSTM, GRU and RNN.

    Attributes:
        cell: the mathematics.
        initialisation: how the parameters start.
        regularisers: what disturbs it in training; another may take their place at any time.
        memory: what a backward pass may need, "tape" or "recompute".
        backend: the backend to use, or None for the first that can.
        listener: called in each forward pass with what each layer and direction did; usually None.
    """

    listener: Callable[[PassRecord], None] | None = None

    def __init__(  # noqa: PLR0913 (what a layer is made of)
        self,
        cell: AbstractCell,
        architecture: Architecture,
        *,
        initialisation: Initialisation,
        regularisers: Regularisers,
        memory: Memory,
        backend: str | None,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        initialisation.check(cell, has_bias=architecture.bias)
        regularisers.check(cell)
        self.cell = cell
        self.input_size = architecture.input_size
        self.hidden_size = architecture.hidden_size
        self.num_layers = architecture.num_layers
        self.bias = architecture.bias
        self.batch_first = architecture.batch_first
        self.dropout = architecture.dropout
        self.bidirectional = architecture.bidirectional
        self.proj_size = architecture.proj_size
        self.initialisation = initialisation
        self.regularisers = regularisers
        self.memory: Memory = memory
        self.backend = backend
        self._passes = tuple(
            self._add_pass(index, device, dtype)
            for index in range(self.num_layers * self._directions)
        )
        self.reset_parameters()

    def _add_pass(
        self,
        index: int,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> Pass:
        layer, direction = divmod(index, self._directions)
        reverse = direction == 1
        output_size = (self.proj_size or self.hidden_size) * self._directions
        shapes = self.cell.parameter_shapes(
            self.input_size if layer == 0 else output_size,
            self.hidden_size,
            bias=self.bias,
            proj_size=self.proj_size,
        )
        suffix = f"_l{layer}_reverse" if reverse else f"_l{layer}"
        for name, shape in shapes.items():
            tensor = torch.empty(shape, device=device, dtype=dtype)
            self.register_parameter(name + suffix, nn.Parameter(tensor))
        return Pass(index, layer, reverse, {name: name + suffix for name in shapes})

    @abc.abstractmethod
    def forward(
        self,
        input: Any,
        hx: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> tuple[Any, Any]:
        """Run the layer: torch's arguments and results, and `lengths`."""

    @final
    def reset_parameters(self) -> None:
        """Draw all parameters anew, as `init` says."""
        for each in self._passes:
            self.initialisation.apply(self.cell, self.params(each))

    @final
    def flatten_parameters(self) -> None:
        """Do nothing: torch's layers need it, and code written for them calls it."""

    @final
    def params(self, which: Pass) -> dict[str, Tensor]:
        """The parameters of one layer and direction, by the names of the cell."""
        # What a parametrization computes is not there; all else is found sooner than by getattr.
        own: dict[str, Any] = self._parameters
        return {
            name: own[attribute] if attribute in own else getattr(self, attribute)
            for name, attribute in which.names.items()
        }

    @final
    @property
    def passes(self) -> tuple[Pass, ...]:
        """Every layer and direction, in torch's order."""
        return self._passes

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @final
    @property
    def mode(self) -> str:
        """What torch's layers call their kind: "LSTM", "GRU", "RNN_TANH" or "RNN_RELU"."""
        kind = self.cell.name.upper()
        return f"{kind}_{self.cell.nonlinearity.upper()}" if isinstance(self.cell, RNN) else kind

    @final
    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction, as torch's layers list them."""
        return [list(self.params(each).values()) for each in self._passes]

    @final
    def extra_repr(self) -> str:
        """The sizes, and whatever is away from its default."""
        shown = [f"{self.input_size}, {self.hidden_size}"]
        defaults = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False}
        defaults |= {"dropout": 0.0, "bidirectional": False}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                shown.append(f"{name}={getattr(self, name)}")
        shown += [option for option in self.cell.options if option != "projection=True"]
        shown += self.regularisers.options
        if self.memory != "tape":
            shown.append(f"memory={self.memory}")
        if self.backend is not None:
            shown.append(f"backend={self.backend}")
        return ", ".join(shown)

    @final
    def _run(
        self,
        x: Tensor | PackedSequence,
        state: State | None,
        lengths: Tensor | Sequence[int] | None,
    ) -> tuple[Tensor | PackedSequence, State]:
        """Run the stack in the layout the caller uses: packed, unbatched, or batch first."""
        if isinstance(x, PackedSequence):
            if lengths is not None:
                raise InputError("lengths were given beside a PackedSequence, which has its own.")
            padded, lengths = pad_packed_sequence(x)
            output, state = self._stack(padded, state, lengths)
            return _packed_like(x, output, lengths), state

        if x.dim() == 2:
            if lengths is not None:
                raise InputError("lengths were given for one unbatched sequence; cut it instead.")
            if state is not None:
                state = tuple(part.unsqueeze(1) for part in state)
            output, state = self._stack(x.unsqueeze(1), state, None)
            return output.squeeze(1), tuple(part.squeeze(1) for part in state)

        if x.dim() != 3:
            layout = "(B, T, I)" if self.batch_first else "(T, B, I)"
            raise InputError(
                f"input has shape {tuple(x.shape)}; expected {layout}, or (T, I) for one sequence."
            )
        if lengths is not None:
            lengths = torch.as_tensor(lengths)
        if self.batch_first:
            output, state = self._stack(x.transpose(0, 1), state, lengths)
            return output.transpose(0, 1), state
        return self._stack(x, state, lengths)

    def _stack(
        self, x: Tensor, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, State]:
        """Run every layer and direction over x, (T, B, I)."""
        if x.shape[-1] != self.input_size:
            raise InputError(
                f"input has {x.shape[-1]} features; expected input_size = {self.input_size}."
            )
        if state is not None:
            self._check_state(state, x.shape[1])
        acts = self.regularisers.acts
        seed = self.regularisers.draw_seed(training=self.training) if acts else 0
        final: list[State] = []
        for layer in range(self.num_layers):
            if layer > 0 and self.dropout:
                x = functional.dropout(x, self.dropout, self.training)
            if acts:
                x = self.regularisers.drop_inputs(x, training=self.training)
            x, after = self._layer(layer, x, state, lengths, seed)
            final.append(after)
        return x, final[0] if len(final) == 1 else tuple(map(torch.cat, zip(*final, strict=True)))

    def _layer(
        self, layer: int, x: Tensor, state: State | None, lengths: Tensor | None, seed: int
    ) -> tuple[Tensor, State]:
        """Run one layer; `state` is that of all of them, `seed` the forward pass's.

        Returns:
            (T, B, D * P), and (D, B, size) for each of the cell's states.
        """
        directions = self._directions
        passes = self._passes[layer * directions : (layer + 1) * directions]
        params = [self.params(each) for each in passes]
        states: Sequence[State] | None = None
        noises: Sequence[Regularisation | None] = (None, None)
        if state is not None:
            states = [tuple([part[each.index] for part in state]) for each in passes]
        if self.regularisers.acts:
            disturb, training = self.regularisers, self.training
            params = [disturb.drop_weights(each, training=training) for each in params]
            noises = [
                disturb.of_scan(self.cell, seed, each.index, training=training) for each in passes
            ]
        listened = self.listener is not None
        output, final, traces = scan_directions(
            self.cell, params, x, states, lengths, trace=listened, regularisations=noises,
            memory=self.memory, backend=self.backend,
        )  # fmt: skip
        if listened:
            self._tell(passes, x, states, lengths, traces)
        return output, final

    def _tell(
        self,
        passes: Sequence[Pass],
        x: Tensor,
        states: Sequence[State] | None,
        lengths: Tensor | None,
        traces: Sequence[dict[str, Tensor]],
    ) -> None:
        """Tell the listener what each direction of a layer did."""
        assert self.listener is not None
        for place, (which, trace) in enumerate(zip(passes, traces, strict=True)):
            if states is not None:
                state = states[place]
            else:
                sizes = self.cell.state_sizes(self.params(which))
                state = tuple(x.new_zeros(x.shape[1], size) for size in sizes)
            self.listener(PassRecord(which, x, state, lengths, trace))

    def _check_state(self, state: State, batch: int) -> None:
        names = self.cell.states
        if len(state) != len(names):
            expected = ", ".join(f"{name}_0" for name in names)
            raise InputError(f"hx holds {len(state)} tensors; expected {len(names)}: {expected}.")
        for name, part in zip(names, state, strict=True):
            width = "proj_size" if name == "h" and self.proj_size else "hidden_size"
            expected = (len(self._passes), batch, getattr(self, width))
            if part.shape != expected:
                raise InputError(
                    f"{name}_0 has shape {tuple(part.shape)}; expected "
                    f"(num_layers * num_directions, B, {width}) = {expected}."
                )


def _packed_like(packed: PackedSequence, output: Tensor, lengths: Tensor) -> PackedSequence:
    """Pack (T, B, H) as `packed` is, to the order of ties."""
    if packed.sorted_indices is not None:
        order = packed.sorted_indices
        output, lengths = output.index_select(1, order), lengths[order.cpu()]
    data = pack_padded_sequence(output, lengths).data
    return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
