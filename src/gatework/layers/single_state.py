"""The layers whose only state is h: the GRU and the RNN."""

from collections.abc import Sequence
from typing import final, overload

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatework.layers.recurrent import AbstractRecurrent


class AbstractSingleState(AbstractRecurrent):
    """A recurrent layer that takes and gives h alone, not a tuple of states."""

    @overload
    def forward(
        self,
        input: Tensor,
        hx: Tensor | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> tuple[Tensor, Tensor]: ...
    @overload
    def forward(
        self, input: PackedSequence, hx: Tensor | None = None
    ) -> tuple[PackedSequence, Tensor]: ...
    @final
    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Tensor | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        """Run the layer.

        Args:
            input: (T, B, I), or (B, T, I) if batch_first, or (T, I), or a PackedSequence.
            hx: h_0, (num_layers * num_directions, B, H); zeros if None.
            lengths: (B,) the steps of each sequence, 0 to T, in any order; all T if None.

        Returns:
            output, shaped as the input with D * H features, zero past a length, and h_n, each
            sequence's state after its own last step.

        Raises:
            InputError: a shape, dtype, device or length does not fit.
        """
        output, (h_n,) = self._run(input, None if hx is None else (hx,), lengths)
        return output, h_n
