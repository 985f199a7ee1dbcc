"""The vanilla RNN layer."""

from typing import final

import torch

from gatework import cells
from gatework.layers.initialisation import Initialisation
from gatework.layers.recurrent import Architecture
from gatework.layers.regularisers import Regularisers
from gatework.layers.single_state import AbstractSingleState
from gatework.ops import Memory


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
        zoneout: the probability that a unit of h keeps its old value at a step, in training
            (Krueger et al. 2017); in evaluation old and new are mixed by it.
        recurrent_dropout: the recurrent weights do not see some units of h, the same at all steps
            (Gal & Ghahramani 2016).
        input_dropout: no layer of the stack sees some features of its input, likewise.
        weight_drop: some recurrent weights are zero in a forward pass (Merity et al. 2018).
        init: "torch" or "orthogonal"; see gatework.layers.initialisation.
        memory: "tape" keeps what the backward pass needs; "recompute", where the backend can, saves
            memory and makes it again, more slowly. The results are the same.
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
        zoneout: float = 0.0,
        recurrent_dropout: float = 0.0,
        input_dropout: float = 0.0,
        weight_drop: float = 0.0,
        init: str = "torch",
        memory: Memory = "tape",
        backend: str | None = None,
    ) -> None:
        super().__init__(
            cells.RNN(nonlinearity),
            Architecture(
                input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional
            ),
            initialisation=Initialisation(init),
            regularisers=Regularisers(zoneout, recurrent_dropout, input_dropout, weight_drop),
            memory=memory,
            backend=backend,
            device=device,
            dtype=dtype,
        )

    @property
    def nonlinearity(self) -> str:
        """ "tanh" or "relu", as in torch."""
        assert isinstance(self.cell, cells.RNN), "made so"
        return self.cell.nonlinearity
