"""The vanilla RNN layer."""

from typing import final

import torch

from gatework import cells
from gatework.layers.initialisation import Initialisation
from gatework.layers.recurrent import Architecture
from gatework.layers.single_state import AbstractSingleState


@final
class RNN(AbstractSingleState):
    """torch.nn.RNN's arguments, parameters, state dict and results; ragged batches by `lengths`.

    Args:
        input_size: I, the features of each step.
        hidden_size: H, the width of h.
        num_layers: how many RNNs are stacked.
        nonlinearity: "tanh" or "relu".
        bias: whether there are biases.
        batch_first: input and output are (B, T, .) rather than (T, B, .).
        dropout: the probability of dropping each value between layers, in training.
        bidirectional: run each layer forwards and backwards, and join the two outputs.
        device: where the parameters are made.
        dtype: what they are.
        init: "torch" or "orthogonal"; see gatework.layers.initialisation.
        backend: "native", "aten", "reference", or None for the first that can; see `explain`.

    Raises:
        InputError: an argument is out of range.

    Example:
        >>> rnn = RNN(3, 8, batch_first=True)
        >>> y, h = rnn(torch.randn(2, 10, 3), lengths=[4, 10])
        >>> bool(y[0, 3].equal(h[0, 0]))
        True
    """

    def __init__(  # noqa: PLR0913 (torch's signature)
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,  # noqa: FBT001
        batch_first: bool = False,  # noqa: FBT001
        dropout: float = 0.0,
        bidirectional: bool = False,  # noqa: FBT001
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        init: str = "torch",
        backend: str | None = None,
    ) -> None:
        super().__init__(
            cells.RNN(nonlinearity),
            Architecture(
                input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional
            ),
            initialisation=Initialisation(init),
            backend=backend,
            device=device,
            dtype=dtype,
        )
