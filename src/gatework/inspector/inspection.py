"""What gets inspected: a trained model, with data to look at it with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

from torch import Tensor, nn

from gatework.inspector.record import recording
from gatework.inspector.trace import Trace
from gatework.inspector.words import Words, label


class Labels(NamedTuple):
    """Words for one recurrent layer of a model.

    Attributes:
        path: where the layer is, as in the keys of the state dict.
        steps: a word for each step of each sequence, or None.
        features: a word for each input of the layer, or None.
        loss: from the model's answer to the loss of each step, (T, B) or (B, T); None is none.
        outputs: from it to what was answered at each step, (T, B, O) or (B, T, O); None is none.
        attention: from it to how much each step looked at each of S places, or S places at it,
            (T, B, S) or (B, T, S); None is none.
    """

    path: str
    steps: Words | None = None
    features: Sequence[str] | None = None
    loss: Callable[[Any], Tensor] | None = None
    outputs: Callable[[Any], Tensor] | None = None
    attention: Callable[[Any], Tensor] | None = None


@final
@dataclass(frozen=True, eq=False)
class Inspection:
    """A trained model and what to ask it: a task makes one of a run and a file.

    Attributes:
        title: what the page is called.
        model: holds recurrent layers.
        inputs: what it is called with.
        score: from its answer to one number for each sequence, (B,): what attributions and
            gradients explain.
        score_name: what that number is, in words.
        labels: words for the layers.
        sequences: (B,) a name for each sequence.
        lesson: gives the loss of a model of the same shape, for twins of it that are trained for
            a moment; None trains none.

    Example:
        >>> import torch, gatework
        >>> gru = gatework.GRU(3, 8)
        >>> words = Labels("", steps=[["to", "be"]])
        >>> shown = Inspection(
        ...     "a model", gru, (torch.randn(2, 1, 3),), lambda y: y[0][-1].sum(-1),
        ...     "sum of the last h", (words,), ("one",),
        ... )
        >>> shown.trace()[""].step_names(0)
        ('to', 'be')
    """

    title: str
    model: nn.Module
    inputs: tuple[Any, ...]
    score: Callable[[Any], Tensor]
    score_name: str
    labels: tuple[Labels, ...]
    sequences: tuple[str, ...]
    lesson: Callable[[nn.Module], Tensor] | None = None

    def trace(self) -> Trace:
        """Run the model once and keep what its recurrent layers did, with words beside it."""
        with recording(self.model) as recorder:
            answer = self.model(*self.inputs)
        trace = recorder.trace(self.sequences)
        for each in self.labels:
            loss = None if each.loss is None else each.loss(answer)
            outputs = None if each.outputs is None else each.outputs(answer)
            attention = None if each.attention is None else each.attention(answer)
            trace = label(
                trace,
                path=each.path,
                steps=each.steps,
                features=each.features,
                loss=loss,
                outputs=outputs,
                attention=attention,
            )
        return trace
