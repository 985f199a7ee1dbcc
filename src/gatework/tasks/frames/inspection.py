"""A fitted model of frames as something to look inside: its LSTM on some sequences."""

from collections.abc import Sequence
from typing import Final, final

import numpy as np
import torch
from torch import Tensor, nn

from gatework.data.ragged import Ragged
from gatework.errors import InputError
from gatework.inspector.inspection import Inspection, Labels
from gatework.models.frames import FrameNetwork
from gatework.tasks.frames.fitted import Fitted
from gatework.tasks.frames.outcome import frame_name

_STEPS: Final = 240  # frames of a sequence, at most
_HANDS: Final = ("sine", "cosine")


def inspection_of(fitted: Fitted, sequences: Sequence[np.ndarray], *, most: int) -> Inspection:
    """Put the beginnings of sequences before a fitted network.

    The loss of a step is how much the frame after it surprised the network.

    Args:
        fitted: The model.
        sequences: (T, D) frames.
        most: How many of them.

    Raises:
        InputError: There is no frame.
    """
    long = [each[:_STEPS] for each in sequences if len(each)][:most]
    if not long:
        raise InputError("nothing to look at: give a sequence of frames")
    network = fitted.network
    pieces = Ragged.of([torch.from_numpy(np.ascontiguousarray(each)) for each in long])
    batch = pieces.padded(torch.arange(len(long)))
    own, lengths = network.standardise(batch.values), batch.lengths
    foretelling = _Foretelling(network, own, lengths).eval()
    words = [
        ["(begin)", *(frame_name(frame, fitted.schema, most=3) for frame in each[:-1])]
        for each in long
    ]
    return Inspection(
        "Model of frames",
        foretelling,
        (network.inputs(torch.cat([torch.zeros_like(own[:1]), own[:-1]])),),
        score=lambda nats: -nats[lengths - 1, torch.arange(len(long))],
        score_name="log probability of the frame after the last step",
        labels=(Labels("lstm", words, _inputs(fitted), lambda nats: nats),),
        sequences=tuple(
            f"{place}: {frame_name(each[0], fitted.schema, most=3)} …"
            for place, each in enumerate(long, 1)
        ),
    )


@final
class _Foretelling(nn.Module):
    """From what the LSTM reads, (T, B, I), to the nats of the frame after each, (T, B).

    Args:
        network: Whose layers it shares.
        targets: (T, B, D) those frames, standardised.
        lengths: (B,).
    """

    def __init__(self, network: FrameNetwork, targets: Tensor, lengths: Tensor) -> None:
        super().__init__()
        self.lstm, self.head = network.lstm, network.head
        self.register_buffer("targets", targets)
        self.register_buffer("lengths", lengths)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return how much the frame after each step surprises; 0 past a length."""
        lengths, targets = self.get_buffer("lengths"), self.get_buffer("targets")
        states, _ = self.lstm(inputs, lengths=lengths)
        frames = inputs[..., : targets.shape[2]]
        inside = torch.arange(len(frames))[:, None] < lengths
        nats = self.head(states[inside], frames[inside], targets[inside])
        return nats.new_zeros(inside.shape).masked_scatter(inside, nats)


def _inputs(fitted: Fitted) -> tuple[str, ...]:
    """Names for what the LSTM reads: the columns, and the hands of the clock."""
    hands = (f"{hand} of {n} frames" for n in fitted.network.shape.periods for hand in _HANDS)
    return (*fitted.schema.columns, *hands)
