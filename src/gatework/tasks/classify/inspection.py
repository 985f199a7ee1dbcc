"""A fitted classifier as something to look inside: its first network's LSTM, on some sequences."""

from typing import Final, NamedTuple, final

import torch
from torch import Tensor, nn

from gatework.data.labelled import Sequences, Texts
from gatework.errors import InputError
from gatework.inspector.inspection import Inspection, Labels
from gatework.models.classifier import Inputs, SequenceClassifier
from gatework.tasks.classify.encoding import TextEncoder
from gatework.tasks.classify.fitted import Fitted, inputs_of
from gatework.tasks.classify.recordings import RecordingEncoder

_SHOWN: Final = 40  # characters of a text that stand for it


class Read(NamedTuple):
    """What a network says of (B,) sequences: scores (B, K); and, where its pooling is attention,
    how much of the answer each step is, (T, B, 1)."""

    scores: Tensor
    attention: Tensor | None


@final
class Reader(nn.Module):
    """A network from the LSTM's inputs on: they are numbers, so one can ask what moves the answer.

    Args:
        network: Whose layers these are.
    """

    def __init__(self, network: SequenceClassifier) -> None:
        super().__init__()
        self.lstm, self.network = network.lstm, network

    def forward(self, x: Tensor, inputs: Inputs) -> Read:
        """Answer from (T, B, F) what the LSTM reads."""
        output, _ = self.lstm(x, lengths=inputs.lengths)
        scores, pooling = self.network.answer(x, output, inputs), self.network.pooling
        if pooling.kind != "attention":
            return Read(scores, None)
        return Read(scores, pooling.weights(output, inputs.lengths)[..., None])


class Examples(NamedTuple):
    """What there is to look at in some sequences, as plain values.

    x (T, B, F) is what the LSTM of the first network reads; lengths (B,); inputs are what the whole
    network reads; steps names each step of each sequence; features names the F; targets (B,) are
    the classes given, numbers of `Fitted.classes`; names stand for the sequences.
    """

    x: Tensor
    lengths: Tensor
    inputs: Inputs
    steps: list[list[str]]
    features: tuple[str, ...]
    targets: Tensor
    names: tuple[str, ...]


def examples_for_inspection(fitted: Fitted, sequences: Sequences, *, most: int) -> Examples:
    """Make the first sequences that have steps ready to be looked at.

    Raises:
        InputError: No sequence has a step, or they are not like those of the fit.
    """
    encoded = fitted.encoder.encode(sequences)
    chosen = torch.nonzero(encoded.steps.lengths).flatten()[:most]
    if not len(chosen):
        raise InputError("nothing to look at: no sequence has a step in it")
    network = _first(fitted)
    inputs = inputs_of(encoded, chosen)
    with torch.no_grad():
        x = network.front(inputs)
        targets = network.answer(x, network.lstm(x, lengths=inputs.lengths)[0], inputs).argmax(1)
    return Examples(
        x,
        inputs.lengths,
        inputs,
        [fitted.encoder.step_names(sequences, place) for place in chosen.tolist()],
        _features(fitted, x.shape[-1]),
        targets,
        tuple(_name(sequences, place) for place in chosen.tolist()),
    )


def inspection_of(fitted: Fitted, sequences: Sequences, *, most: int, title: str) -> Inspection:
    """Put sequences before the first network of a fitted classifier.

    The score explained is the log-probability of the class that this network gives.

    Args:
        fitted: The classifier.
        sequences: The first of them that have steps are taken.
        most: How many.
        title: What the page is called.

    Raises:
        InputError: No sequence has a step.
    """
    examples = examples_for_inspection(fitted, sequences, most=most)

    network = _first(fitted)
    looks = network.pooling.kind == "attention"

    def score(answer: Read) -> Tensor:
        logs = answer.scores.log_softmax(1)
        return logs.gather(1, examples.targets[:, None]).squeeze(1)

    return Inspection(
        title,
        Reader(network).eval(),
        (examples.x, examples.inputs),
        score=score,
        score_name="log-probability of the class given",
        labels=(
            Labels(
                "lstm",
                examples.steps,
                examples.features,
                attention=(lambda answer: answer.attention) if looks else None,
            ),
        ),
        sequences=examples.names,
    )


def _first(fitted: Fitted) -> SequenceClassifier:
    network = fitted.model.members[0]
    assert isinstance(network, SequenceClassifier)
    return network


def _features(fitted: Fitted, size: int) -> tuple[str, ...]:
    if isinstance(fitted.encoder, TextEncoder):
        return tuple(f"embedding {place}" for place in range(size))
    assert isinstance(fitted.encoder, RecordingEncoder)
    return tuple(fitted.encoder.feature_names())


def _name(sequences: Sequences, place: int) -> str:
    if isinstance(sequences, Texts):
        text = " ".join(sequences.texts[place].split())
        text = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
        return f"{place + 1}: {text}"
    return sequences.ids[place] if sequences.ids is not None else f"sequence {place + 1}"
