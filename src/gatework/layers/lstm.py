"""The LSTM layer."""

from collections.abc import Sequence
from typing import final, overload

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatework import cells
from gatework.layers.initialisation import Initialisation
from gatework.layers.recurrent import AbstractRecurrent, Architecture
from gatework.layers.regularisers import Regularisers
from gatework.ops import Memory


@final
class LSTM(AbstractRecurrent):
    """torch.nn.LSTM's arguments, parameters, state dict and results, and the LSTM's whole family.

    Ragged batches need no sorting and no packing: pass `lengths`. Work is proportional to the real
    steps; outputs past a length are zero.

    Args:
        input_size: I, the features of each step.
        hidden_size: H, the width of the memory c.
        num_layers: how many LSTMs are stacked.
        bias: whether there are biases.
        batch_first: input and output are (B, T, .) rather than (T, B, .).
        dropout: the probability of dropping each value between layers, in training.
        bidirectional: run each layer forwards and backwards, and join the two outputs.
        proj_size: P, the width of h, if it is projected.
        device: where the parameters are made.
        dtype: what they are.
        peephole: the gates also see the memory (Gers et al. 2002).
        coupled: i = 1 - f (Greff et al. 2017).
        layer_norm: layer normalisation (Ba et al. 2016).
        input_gate: whether there is one; so with the next two.
        forget_gate: False makes the LSTM of 1997.
        output_gate: as above.
        full_recurrence: the gates also see the gates of the step before; they join hx.
        cell_clip: c stays within -cell_clip and cell_clip (Sak et al. 2014).
        zoneout: the probability that a unit of h or of c keeps its old value at a step, in training
            (Krueger et al. 2017), or a pair: one for h, one for c. In evaluation old and new are
            mixed by it.
        recurrent_dropout: the recurrent weights do not see some units of h, the same at all steps
            (Gal & Ghahramani 2016).
        input_dropout: no layer of the stack sees some features of its input, likewise.
        weight_drop: some recurrent weights are zero in a forward pass (Merity et al. 2018).
        init: "torch", "orthogonal" or "chrono"; see gatework.layers.initialisation.
        forget_bias: the forget gate's whole bias; None leaves it to `init`.
        longest_lag: the longest dependency, in steps, for init="chrono".
        memory: "tape" keeps what the backward pass needs; "recompute", where the backend can, saves
            memory and makes it again, more slowly. The results are the same.
        backend: "native", "aten", "reference", or None for the first that can; see `explain`.

    Raises:
        InputError: an argument is out of range, or two contradict each other.

    Example:
        >>> lstm = LSTM(3, 8, peephole=True)
        >>> y, (h, c) = lstm(torch.randn(10, 2, 3), lengths=torch.tensor([4, 10]))
        >>> y.shape, bool(y[4:, 0].any())
        (torch.Size([10, 2, 8]), False)
    """

    def __init__(  # noqa: PLR0913 (torch's signature)
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,  # noqa: FBT001
        batch_first: bool = False,  # noqa: FBT001
        dropout: float = 0.0,
        bidirectional: bool = False,  # noqa: FBT001
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        peephole: bool = False,
        coupled: bool = False,
        layer_norm: bool = False,
        forget_gate: bool = True,
        input_gate: bool = True,
        output_gate: bool = True,
        full_recurrence: bool = False,
        cell_clip: float | None = None,
        zoneout: float | tuple[float, float] = 0.0,
        recurrent_dropout: float = 0.0,
        input_dropout: float = 0.0,
        weight_drop: float = 0.0,
        init: str = "torch",
        forget_bias: float | None = None,
        longest_lag: int | None = None,
        memory: Memory = "tape",
        backend: str | None = None,
    ) -> None:
        cell = cells.LSTM(
            input_gate=input_gate,
            forget_gate=forget_gate,
            output_gate=output_gate,
            peephole=peephole,
            coupled=coupled,
            full_recurrence=full_recurrence,
            layer_norm=layer_norm,
            projection=proj_size > 0,
            cell_clip=cell_clip,
        )
        super().__init__(
            cell,
            Architecture(
                input_size,
                hidden_size,
                num_layers,
                bias,
                batch_first,
                dropout,
                bidirectional,
                proj_size,
            ),
            initialisation=Initialisation(init, forget_bias, longest_lag),
            regularisers=Regularisers(zoneout, recurrent_dropout, input_dropout, weight_drop),
            memory=memory,
            backend=backend,
            device=device,
            dtype=dtype,
        )

    @overload
    def forward(
        self,
        input: Tensor,
        hx: tuple[Tensor, ...] | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]: ...
    @overload
    def forward(
        self, input: PackedSequence, hx: tuple[Tensor, ...] | None = None
    ) -> tuple[PackedSequence, tuple[Tensor, ...]]: ...
    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: tuple[Tensor, ...] | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, ...]]:
        """Run the layer.

        Args:
            input: (T, B, I), or (B, T, I) if batch_first, or (T, I), or a PackedSequence.
            hx: (h_0, c_0), each (num_layers * num_directions, B, P or H); zeros if None. With
                full_recurrence the gates' activations follow.
            lengths: (B,) the steps of each sequence, 0 to T, in any order; all T if None.

        Returns:
            output, shaped as the input with D * P features, zero past a length, and (h_n, c_n),
            each sequence's state after its own last step.

        Raises:
            InputError: a shape, dtype, device or length does not fit.
        """
        return self._run(input, hx, lengths)
