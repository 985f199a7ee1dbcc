"""How large a network is made and how long it is trained, chosen from the data, with reasons."""

import math
from typing import Any, Final, NamedTuple

from gatework.data.labelled import Sequences
from gatework.models.classifier import ClassifierShape
from gatework.tasks.classify.encoding import Encoded, Encoder, TextEncoder
from gatework.tasks.classify.recordings import RecordingEncoder
from gatework.tasks.classify.settings import ClassifySettings
from gatework.tasks.settings import Choice

_MANY: Final = 20_000
_STEPS: Final = 1_000  # of training, where the data is little
_STATIC_SIZE: Final = 64
_SHORT: Final = 8  # steps under which convolutions have little to slide over


class Effort(NamedTuple):
    """How a network is trained: the settings of these names, none of them open any more."""

    epochs: int
    batch_size: int
    learning_rate: float
    label_smoothing: float


def choose_members(count: int, settings: ClassifySettings) -> tuple[int, list[Choice]]:
    """Return how many networks to train on so many sequences, and why."""
    if settings.members is not None:
        return settings.members, []
    members = 1 if count >= _MANY else 3
    return members, [Choice("members", members, f"{count:,} sequences")]


def choose_shape(
    encoder: Encoder, encoded: Encoded, classes: int, members: int, settings: ClassifySettings
) -> tuple[ClassifierShape, list[Choice]]:
    """Return the shape of the networks, and why."""
    choices: list[Choice] = []

    def chosen(name: str, value: Any, reason: str) -> Any:
        given = getattr(settings, name)
        if given is not None:
            return given
        choices.append(Choice(name, value, reason))
        return value

    count, total = len(encoded.steps), len(encoded.steps.values)
    if isinstance(encoder, TextEncoder):
        size = 32 if total < 5_000 else 64 if total < 500_000 else 128
        why = f"{total:,} tokens"
        return (
            ClassifierShape(
                classes=classes,
                vocabulary=encoder.known,
                embedding_size=chosen("embedding_size", size, why),
                hidden_size=chosen("hidden_size", size, why),
                num_layers=settings.num_layers,
                bidirectional=settings.bidirectional,
                pooling=chosen("pooling", "max", "texts"),
                convolution=chosen("convolution", 0, "texts"),
                members=members,
                dropout=settings.dropout,
                embedding_dropout=settings.embedding_dropout,
                word_dropout=settings.word_dropout,
            ),
            choices,
        )
    features = encoded.steps.values.shape[1]
    assert isinstance(encoder, RecordingEncoder)
    decays = encoder.decays
    typical = total / max(count, 1)
    regular = not decays and typical >= _SHORT
    why = f"{typical:.0f} steps a recording" + (", irregular or with gaps" if decays else "")
    many = total >= 50_000 and not encoder.summaries  # beside these a wide LSTM learns by heart
    read = f"{total:,} steps" + (", with their summaries" if encoder.summaries else "")
    return (
        ClassifierShape(
            classes=classes,
            features=features,
            decays=decays,
            statics=encoded.statics.shape[1],
            static_size=_STATIC_SIZE if encoder.summaries else 0,
            hidden_size=chosen("hidden_size", 64 if many else 32, read),
            num_layers=settings.num_layers,
            bidirectional=settings.bidirectional,
            pooling=chosen("pooling", "last" if decays else "mean", why),
            convolution=chosen("convolution", 48 if regular else 0, why),
            kernel=max(7, min(15, round(typical / 4))),
            members=members,
            dropout=settings.dropout,
            embedding_dropout=settings.embedding_dropout if decays else 0.0,
        ),
        choices,
    )


def choose_effort(
    sequences: Sequences, shape: ClassifierShape, settings: ClassifySettings
) -> tuple[Effort, list[Choice]]:
    """Return how to train on so many sequences, and why."""
    count = max(len(sequences), 1)
    most = 16 if count < 1_000 else 32 if count < 5_000 else 64
    batch_size = math.ceil(count / math.ceil(count / most))  # all batches of one size
    by_data = Effort(
        epochs=max(8, min(1_000, _STEPS // math.ceil(count / batch_size))),
        batch_size=batch_size,
        learning_rate=1e-3 if shape.decays else 3e-3,
        label_smoothing=0.1 if shape.convolution else 0.0,
    )
    given = {name: getattr(settings, name) for name in Effort._fields}
    given = {name: value for name, value in given.items() if value is not None}
    effort = by_data._replace(**given)
    trained = f"{count:,} sequences to train on"
    reasons = {
        "learning_rate": "values missing or times irregular" if shape.decays else "the usual",
        "label_smoothing": "convolutions" if shape.convolution else "no convolutions",
    }
    free = [name for name in Effort._fields if name not in given]
    return effort, [
        Choice(name, getattr(effort, name), reasons.get(name, trained)) for name in free
    ]
