"""What a user can choose about a classifier."""

from dataclasses import dataclass
from typing import Literal, get_args

from gatework.errors import InputError
from gatework.tasks.settings import Precision

Tokens = Literal["words", "characters", "bytes", "subwords"]
Pooling = Literal["last", "mean", "max", "attention"]
ClassWeights = Literal["none", "balanced"]
Threshold = Literal["half", "f1"]

_COUNTS = (
    "least", "max_length", "embedding_size", "hidden_size", "num_layers", "members", "epochs",
    "batch_size", "seeds",
)  # fmt: skip


@dataclass(frozen=True)
class ClassifySettings:
    """Settings of a classifier. None means chosen from the data; the choice is recorded with its
    reason.

    Args:
        tokens: What a text is cut into. None: words, or characters where texts hold few words, or
            subwords where there are very many different words.
        lower: Whether the capitals of words are read as small letters.
        least: How often a token must be seen to have a vector of its own. None: 1 or 2, by the
            amount of text.
        max_length: Steps that a longer sequence is cut to, at its end. None: 1,000 tokens of a
            text, 5,000 steps of a recording.
        step: Times of a recording that are averaged into one step, in the units of its times, or
            steps where it has none. None: every time is a step; but long, regular, smooth series
            are averaged down to 64 steps.
        summaries: Whether a network also reads the summaries of a recording that logistic
            regression does. None: where values are missing or times irregular.
        vectors: A text file of word vectors from outside (word2vec's or GloVe's), from which those
            of known words start. None: they start at random.
        pretrain: Epochs in which the network learns to guess the tokens of the texts, those without
            a label too, before it learns labels; 0 is none.
        embedding_size: Width of a token's vector. None: that of the vectors from outside, or 32 to
            128 by the amount of text.
        hidden_size: Width of the LSTM in each direction. None: 32 to 128 by the amount of data; 32
            beside summaries.
        num_layers: Layers of the LSTM.
        bidirectional: Whether the LSTM also reads backwards.
        pooling: How the outputs of all steps become one. None: max of texts, mean of
            recordings, last of those with missing values or irregular times.
        convolution: Width of the convolutions beside the LSTM, 0 for none. None: 48 for regular
            series of 8 steps or more, else none.
        members: Networks whose scores are averaged. None: 3 for less than 20,000 sequences, else 1.
        dropout: Part of the values dropped around the LSTM in training, and of the summaries.
        embedding_dropout: Part of the features of all a text's tokens dropped in training; of a
            recording with missing values, of its features.
        word_dropout: Part of the tokens read as unknown in training.
        label_smoothing: Part of the target spread evenly over the classes. None: 0.1 with
            convolutions, else 0.
        class_weights: balanced makes rare classes weigh as much as frequent ones in training.
        learning_rate: Peak of the learning rate. None: 0.001 of recordings with missing values or
            irregular times, else 0.003.
        weight_decay: Decoupled weight decay.
        epochs: Passes over the data. None: 8 to 1,000 by the amount of data.
        batch_size: Sequences in a step. None: 16 to 64 by their number.
        validation_share: Part that each of several networks leaves out, another one each, to choose
            the weights and to calibrate. A single network spares it, if there are 300 or more.
        test_share: Part kept back to judge the method before the final training; 0 judges nothing.
        folds: Judge by cross-validation in that many parts instead; 0 is one hold-out.
        seeds: Judge with that many seeds and give mean and spread.
        blend: Whether the scores of the simple baseline are mixed in, as far as that helps, by
            more than chance, on the validation part. The network alone is judged beside it.
        threshold: From which probability a rare class is the answer, of two classes: half, or where
            F1 is best on the validation part. None: f1 if one class is rarer than 1 in 5.
        time_budget: Seconds to train at most; with it a run is not reproducible. None is no limit.
        precision: Of the operands of products in training; bfloat16 is faster where the processor
            has it.
        seed: Seed of everything random.

    Raises:
        InputError: A value is out of its range.

    Example:
        >>> ClassifySettings(epochs=5).validation_share
        0.1
    """

    tokens: Tokens | None = None
    lower: bool = True
    least: int | None = None
    max_length: int | None = None
    step: float | None = None
    summaries: bool | None = None
    vectors: str | None = None
    pretrain: int = 0
    embedding_size: int | None = None
    hidden_size: int | None = None
    num_layers: int = 1
    bidirectional: bool = True
    pooling: Pooling | None = None
    convolution: int | None = None
    members: int | None = None
    dropout: float = 0.5
    embedding_dropout: float = 0.2
    word_dropout: float = 0.1
    label_smoothing: float | None = None
    class_weights: ClassWeights = "none"
    learning_rate: float | None = None
    weight_decay: float = 0.01
    epochs: int | None = None
    batch_size: int | None = None
    validation_share: float = 0.1
    test_share: float = 0.2
    folds: int = 0
    seeds: int = 1
    blend: bool = True
    threshold: Threshold | None = None
    time_budget: float | None = None
    precision: Precision = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for names, least in ((_COUNTS, 1), (("convolution", "pretrain"), 0)):
            for name in names:
                self._at_least(name, least)
        self._check_shares()
        if self.folds < 0 or self.folds == 1:
            raise InputError(f"folds is {self.folds}; expected 0 for none, or 2 or more")
        for name in ("time_budget", "step", "learning_rate"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"{name} is {value}; expected above 0")
        if self.precision not in get_args(Precision):
            raise InputError(f"precision is {self.precision!r}; expected float32 or bfloat16")
        if not self.weight_decay >= 0:
            raise InputError(f"weight_decay is {self.weight_decay}; expected 0 or above")

    def _check_shares(self) -> None:
        for name in ("dropout", "embedding_dropout", "word_dropout", "label_smoothing"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise InputError(f"{name} is {value}; expected from 0 to below 1")
        if not 0 < self.validation_share < 0.5 or not 0 <= self.test_share < 1:
            raise InputError(
                f"validation_share is {self.validation_share} and test_share {self.test_share}; "
                "expected above 0 and below 0.5, and from 0 to below 1"
            )

    def _at_least(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if value is not None and value < least:
            raise InputError(f"{name} is {value}; expected {least} or more")
