"""What a user can choose about a tagger, and what is chosen for them from the data."""

from dataclasses import dataclass
from typing import Literal, get_args

from gatework.errors import InputError
from gatework.tasks.settings import Precision


@dataclass(frozen=True)
class TagSettings:
    """Settings of a tagger. None means chosen from the data; the choice is recorded with its
    reason.

    Args:
        hidden_size: Width of each direction of the LSTM over words. None: by the amount of data.
        num_layers: Layers of the LSTM over words.
        word_size: Width of a word's own vector.
        spelling_size: Width of each direction of the LSTM over a word's characters.
        crf: Whether the tags of a sentence are decided together, or each for itself.
        scheme: How spans are written for the network: BIO or IOBES. Answers are in the data's own.
        members: Networks whose scores are averaged. None: 3 for less than 100,000 words, else 1.
        least: How often a word must have been seen to have a vector of its own.
        unknown: How often a word is taken for unknown in training: once seen, unknown / (1 +
            unknown) of the time, and less the more it was seen.
        vectors: A text file of word vectors from outside (word2vec's or GloVe's); they stay fixed.
        dropout: Part of the features dropped in training.
        learning_rate: Peak of the learning rate.
        weight_decay: Decoupled weight decay.
        epochs: Passes over the training sentences. None: by the amount of data.
        batch_size: Sentences in a step. None: by the number of sentences.
        validation_share: Part of the training sentences held out to choose the best weights,
            where no validation file is given.
        time_budget: Seconds to train at most; with it a run is not reproducible. None is no limit.
        precision: Of the operands of products in training: float32, or bfloat16. None: bfloat16
            from 100,000 words on where the processor has it, or else float32.
        seed: Seed of everything random.

    Raises:
        InputError: A value is out of its range.

    Example:
        >>> TagSettings(epochs=5).word_size
        100
    """

    hidden_size: int | None = None
    num_layers: int = 1
    word_size: int = 100
    spelling_size: int = 48
    crf: bool = True
    scheme: Literal["BIO", "IOBES"] = "BIO"
    members: int | None = None
    least: int = 1
    unknown: float = 0.25
    vectors: str | None = None
    dropout: float = 0.4
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    epochs: int | None = None
    batch_size: int | None = None
    validation_share: float = 0.1
    time_budget: float | None = None
    precision: Precision | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for name in ("hidden_size", "num_layers", "word_size", "spelling_size", "members"):
            self._at_least_one(name)
        for name in ("least", "epochs", "batch_size"):
            self._at_least_one(name)
        for name in ("dropout", "validation_share"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise InputError(f"{name} is {value}; expected from 0 to below 1")
        if self.validation_share == 0:
            raise InputError("validation_share is 0; expected above 0: the best weights need one")
        if self.precision not in (None, *get_args(Precision)):
            raise InputError(f"precision is {self.precision!r}; expected float32 or bfloat16")
        if self.scheme not in ("BIO", "IOBES"):
            raise InputError(f"scheme is {self.scheme!r}; expected BIO or IOBES")
        if self.time_budget is not None and not self.time_budget > 0:
            raise InputError(f"time_budget is {self.time_budget}; expected seconds above 0")
        if not self.learning_rate > 0 or not self.weight_decay >= 0 or not self.unknown >= 0:
            raise InputError(
                f"learning_rate is {self.learning_rate}, weight_decay {self.weight_decay} and "
                f"unknown {self.unknown}; expected above 0, and 0 or above"
            )

    def _at_least_one(self, name: str) -> None:
        value = getattr(self, name)
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}; expected 1 or more")
