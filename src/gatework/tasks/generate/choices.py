"""What is chosen from the data where the user chose nothing, each with its reason in words."""

from collections.abc import Callable
from typing import Final, NamedTuple

from gatework.errors import InputError
from gatework.models.ngrams import MOST_COUNTED
from gatework.tasks.generate.settings import LONGEST_NGRAM, GenerateSettings, Softmax
from gatework.tasks.precision import choose_precision
from gatework.tasks.settings import Choice, Precision

Choose = Callable[[str, object, str], None]
_READ: Final = 10_000_000  # tokens read in a fit, all epochs together
_MOST_EPOCHS: Final = 40
_MOST_SIGNS: Final = 1_024  # different tokens, where a network begins from n-grams
_ORDERS: Final = ((3e8, LONGEST_NGRAM), (1e9, 5))  # by tokens times different ones: memory
_MOST_EVENTS: Final = 300_000  # likewise, of music
_DECAY: Final = 0.1
_ASGD_RATE, _ASGD_DECAY = 30.0, 1.2e-6  # Merity et al. 2018
_MANY: Final = 20_000  # different tokens, from where rare ones share the work of a softmax
_WIDE: Final = 128  # from where products in bfloat16 gain more than rounding costs
_BATCHES: Final = 64  # of an epoch, at least, where the data allows


class Effort(NamedTuple):
    """How large a network is trained, how hard it is disturbed, and for how long."""

    hidden_size: int
    embedding_size: int
    tied: bool
    dropout: float
    weight_drop: float
    batch_size: int
    window: int
    learning_rate: float
    weight_decay: float
    epochs: int | None
    ngram: int
    softmax: Softmax
    precision: Precision


def choose_effort(
    tokens: int, signs: int, settings: GenerateSettings
) -> tuple[Effort, list[Choice]]:
    """Return the effort for a training part of so many tokens, of so many different ones.

    Raises:
        InputError: They are too few to train on, or settings do not go together.
    """
    choices: list[Choice] = []
    by_size = f"{tokens:,} training tokens"

    def choose(name: str, value: object, reason: str) -> None:
        if getattr(settings, name) is None:
            choices.append(Choice(name, value, reason))

    window = settings.window
    if tokens <= window:
        raise InputError(
            f"the training part has {tokens:,} tokens, less than one window of {window}: give more "
            "text, or a shorter window"
        )
    # As many weights as tokens, within a factor of a few (the advice of char-rnn's users).
    hidden = settings.hidden_size or next(
        width
        for least, width in ((2_000_000, 512), (200_000, 256), (30_000, 128), (0, 64))
        if tokens >= least
    )
    choose("hidden_size", hidden, by_size)
    wordy = settings.tokens in ("words", "subwords")
    embedding = settings.embedding_size or (min(hidden, 256) if wordy else 64)
    choose("embedding_size", embedding, f"tokens are {settings.tokens}")
    tied = wordy and signs < _MANY if settings.tied is None else settings.tied
    choose("tied", tied, f"tokens are {settings.tokens}")

    epochs = settings.epochs
    if epochs is None and settings.time_budget is None:
        epochs = max(1, min(_MOST_EPOCHS, round(_READ / tokens)))
        choose("epochs", epochs, by_size)
    dropout = settings.dropout
    if dropout is None:
        dropout = 0.4 if wordy else 0.1 if tokens >= 5_000_000 else 0.25
        choose("dropout", dropout, f"{by_size}, {settings.tokens}")
    weight_drop = dropout if settings.weight_drop is None else settings.weight_drop
    choose("weight_drop", weight_drop, "as the dropout")

    batch = settings.batch_size or max(1, min(32, tokens // (window * _BATCHES)))
    choose("batch_size", batch, by_size)
    if batch * window > tokens:
        raise InputError(
            f"the training part has {tokens:,} tokens, less than one window of {window} for each "
            f"of {batch} streams: lower batch_size or window"
        )
    ngram = _choose_ngram(tokens, signs, settings, choose)
    softmax = settings.softmax
    if softmax is None:
        softmax = "adaptive" if signs >= _MANY and not tied else "full"
        choose("softmax", softmax, f"{signs:,} different tokens")
    rate, decay = _choose_descent(hidden, settings, choose)
    precision = _choose_precision(hidden, settings, choose)
    effort = Effort(
        hidden,
        embedding,
        tied,
        dropout,
        weight_drop,
        batch,
        window,
        rate,
        decay,
        epochs,
        ngram,
        softmax,
        precision,
    )
    return effort, choices


def _choose_ngram(tokens: int, signs: int, settings: GenerateSettings, choose: Choose) -> int:
    """Which n-grams the network begins from."""
    ngram = settings.ngram
    if ngram is None:
        is_text = settings.tokens in ("characters", "bytes") and signs <= _MOST_SIGNS
        # Pieces are counted in all keys, which takes its time.
        can_be = is_text or (settings.tokens == "events" and tokens <= _MOST_EVENTS)
        fitting = (order for most, order in _ORDERS if can_be and tokens * signs <= most)
        ngram = next(fitting, 0)
        choose("ngram", ngram, f"{tokens:,} training tokens, {signs:,} different")
    if ngram and (signs > _MOST_SIGNS or tokens > MOST_COUNTED):
        raise InputError(
            f"ngram is {ngram}, but there are {tokens:,} tokens, {signs:,} of them different: what "
            f"n-grams say of each of them at each step is kept for at most {MOST_COUNTED:,}, "
            f"{_MOST_SIGNS:,} of them different; use ngram=0"
        )
    return ngram


def _choose_precision(hidden: int, settings: GenerateSettings, choose: Choose) -> Precision:
    """What the operands of products are rounded to in training."""
    precision = settings.precision
    if precision is None:
        precision = choose_precision(gains=hidden >= _WIDE)
        choose("precision", precision, f"width {hidden}, this processor")
    return precision


def _choose_descent(hidden: int, settings: GenerateSettings, choose: Choose) -> tuple[float, float]:
    """The learning rate and the weight decay."""
    is_asgd = settings.optimizer == "asgd"
    rate, decay = settings.learning_rate, settings.weight_decay
    if rate is None:
        rate = _ASGD_RATE if is_asgd else min(1e-2, 1e-2 * (256 / hidden) ** 0.5)
        choose("learning_rate", rate, f"width {hidden}, {settings.optimizer}")
    if decay is None:
        decay = _ASGD_DECAY if is_asgd else _DECAY
        choose("weight_decay", decay, settings.optimizer)
    return rate, decay
