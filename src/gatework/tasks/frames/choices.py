"""What is chosen from the data where the user chose nothing, each with its reason in words."""

from typing import Final, NamedTuple

from gatework.data.ragged import Ragged
from gatework.errors import InputError
from gatework.models.frames import Kind
from gatework.tasks.frames.sequences import FrameSchema
from gatework.tasks.frames.settings import FrameSettings
from gatework.tasks.frames.transposing import share_of_one_key
from gatework.tasks.settings import Choice

_READ: Final = 5_000_000  # frames read in a fit, all epochs together
_MOST_EPOCHS: Final = 50
_LARGE: Final = 100_000  # frames
_STEP: Final = 1_500  # frames of a batch
_MOST_BATCH: Final = 16  # sequences
_ONE_KEY: Final = 0.5  # of the pieces


class Effort(NamedTuple):
    """What is trained, how hard it is disturbed, and for how long."""

    head: Kind
    transpose: int
    hidden_size: int
    dropout: float
    weight_drop: float
    batch_size: int
    learning_rate: float
    epochs: int | None


def choose_effort(
    schema: FrameSchema, pieces: Ragged, settings: FrameSettings
) -> tuple[Effort, list[Choice]]:
    """Return the effort for a training part.

    Raises:
        InputError: The head does not fit what the numbers of a frame are.
    """
    choices: list[Choice] = []
    frames, sequences = len(pieces.values), len(pieces)
    by_size = f"{frames:,} training frames"

    def choose(name: str, value: object, reason: str) -> None:
        if getattr(settings, name) is None:
            choices.append(Choice(name, value, reason))

    head = settings.head or ("joint" if schema.keys else "mdn")
    choose("head", head, f"{schema}")
    if head != "mdn" and not schema.keys:
        raise InputError(f"the head {head} is for keys; this data holds numbers: take mdn")
    large = frames >= _LARGE
    transpose = settings.transpose
    if transpose is None:
        share = share_of_one_key(pieces) if schema.keys else 1.0
        transpose = 0 if share >= _ONE_KEY else 6
        if schema.keys:
            choose("transpose", transpose, f"{share:.0%} of the pieces end on one tone")
    if transpose and not schema.keys:
        raise InputError("transpose moves keys; this data holds numbers")
    hidden = settings.hidden_size or (256 if frames >= 10_000 else 128)
    choose("hidden_size", hidden, by_size)
    epochs = settings.epochs
    if epochs is None and settings.time_budget is None:
        epochs = max(1, min(_MOST_EPOCHS, round(_READ / frames)))
        choose("epochs", epochs, by_size)
    dropout = settings.dropout
    if dropout is None:
        small = 0.5 if head == "joint" else 0.4
        dropout = 0.15 if large or head == "mdn" else small
        choose("dropout", dropout, f"{by_size}, head {head}")
    weight_drop = dropout if settings.weight_drop is None else settings.weight_drop
    choose("weight_drop", weight_drop, "as the dropout")
    fits = round(_STEP * sequences / frames)
    batch = settings.batch_size or max(1, min(_MOST_BATCH, sequences // 10, fits))
    choose("batch_size", batch, f"{sequences:,} training sequences, {frames // sequences} long")
    rate = settings.learning_rate or min(1e-2, 1e-2 * (256 / hidden) ** 0.5)
    choose("learning_rate", rate, f"width {hidden}")
    return (
        Effort(head, transpose, hidden, dropout, weight_drop, batch, rate, epochs),
        choices,
    )
