"""What a user can choose about a language model, and about what it writes."""

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

from gatework.errors import InputError
from gatework.tasks.settings import Precision

Softmax = Literal["full", "adaptive"]
Optimizer = Literal["adamw", "asgd"]
LONGEST_NGRAM: Final = 7


@dataclass(frozen=True)
class GenerateSettings:
    """Settings of a language model. None means chosen from the data; the choice is recorded with
    its reason.

    Args:
        tokens: What is predicted one after the other. Bytes take any file, events are of music.
            None: events for files of MIDI or ABC, or else characters.
        vocabulary_size: Words or subwords with a number of their own, at most.
        hidden_size: Width of each LSTM. None: by the amount of data.
        num_layers: LSTMs, one on top of the other.
        layer_norm: Whether the LSTM normalises its sums (Ba et al. 2016).
        embedding_size: Width of a token's vector. None: by the kind of tokens.
        tied: Whether a token's vector weighs the output too. None: for words and subwords.
        ngram: Longest n-gram whose log chances the network corrects; 0: it begins from nothing.
            None: 7 for characters and bytes, or else 0.
        softmax: Over all tokens (full), or with rare ones in groups (adaptive), for very many.
            None: adaptive from 20,000 on.
        dropout: Part of the features dropped in training, the same throughout a window. None: by
            the amount of data and the kind of tokens.
        weight_drop: Part of the recurrent weights dropped in training. None: as the dropout.
        embedding_dropout: Part of the tokens whose vector is dropped in training.
        activation: Weight of large outputs in the loss.
        temporal: Weight of changes of the output from step to step in the loss.
        batch_size: Streams read side by side. None: by the amount of data.
        window: Steps that gradients go back. The state goes on through all of a stream.
        optimizer: adamw, with a rate that falls to zero; or asgd, plain gradient descent at one
            rate that averages the weights from when validation gains no more (Merity et al. 2018).
        learning_rate: Peak of the learning rate. None: by the width and the optimizer.
        weight_decay: Decoupled weight decay. None: by the optimizer.
        average: Decay of a moving average of the weights, which is kept then. None is no average.
        epochs: Passes over the training part. None: by its size; with a time budget, what fits.
        test_share: The last part of the data, scored once after training, where there is no test
            file.
        validation_share: The last part of what is left, which chooses the best weights, where
            there is no validation file.
        time_budget: Seconds to train at most; with it a run is not reproducible. None is no limit.
        steps_per_quarter: Of music, steps of time in a quarter note. None: the fewest that nearly
            all notes begin on.
        loudnesses: Of music, how many kinds of loudness are told apart. None: 8, or 1 where all
            notes are equally loud.
        transpose: Of music, semitones that a piece is moved by in training at most, another way
            each time; 6 is all twelve keys. None: 6 for events, by the data for frames.
        precision: Of the operands of products in training: float32, or bfloat16, which is up to
            twice as fast where the processor has it. None: bfloat16 there, or else float32.
        seed: Seed of everything random.

    Raises:
        InputError: A value is out of its range.

    Example:
        >>> GenerateSettings(tokens="words").window
        64
    """

    tokens: Literal["characters", "bytes", "words", "subwords", "events"] | None = None
    vocabulary_size: int = 8_000
    hidden_size: int | None = None
    num_layers: int = 1
    layer_norm: bool = False
    embedding_size: int | None = None
    tied: bool | None = None
    ngram: int | None = None
    softmax: Softmax | None = None
    dropout: float | None = None
    weight_drop: float | None = None
    embedding_dropout: float = 0.0
    activation: float = 0.0
    temporal: float = 0.0
    batch_size: int | None = None
    window: int = 64
    optimizer: Optimizer = "adamw"
    learning_rate: float | None = None
    weight_decay: float | None = None
    average: float | None = None
    epochs: int | None = None
    test_share: float = 0.1
    validation_share: float = 0.05
    time_budget: float | None = None
    steps_per_quarter: int | None = None
    loudnesses: int | None = None
    transpose: int | None = None
    precision: Precision | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        ngram = self.ngram
        self._require(
            "ngram", ngram is None or 0 <= ngram <= LONGEST_NGRAM, f"from 0 to {LONGEST_NGRAM}"
        )
        optimizers = get_args(Optimizer)
        self._require("optimizer", self.optimizer in optimizers, "adamw or asgd")
        self._require("softmax", self.softmax in (None, *get_args(Softmax)), "full or adaptive")
        self._require(
            "precision", self.precision in (None, *get_args(Precision)), "float32 or bfloat16"
        )
        self._require("transpose", 0 <= (self.transpose or 0) <= 6, "0 to 6")
        for name in ("vocabulary_size", "hidden_size", "num_layers", "embedding_size"):
            self._at_least_one(name)
        for name in ("batch_size", "window", "epochs", "steps_per_quarter", "loudnesses"):
            self._at_least_one(name)
        for name in ("dropout", "weight_drop", "embedding_dropout", "test_share"):
            self._require(name, 0 <= (getattr(self, name) or 0) < 1, "from 0 to below 1")
        for name in ("validation_share", "average"):
            value = getattr(self, name)
            self._require(name, value is None or 0 < value < 1, "between 0 and 1")
        for name in ("learning_rate", "time_budget"):
            value = getattr(self, name)
            self._require(name, value is None or value > 0, "above 0")
        for name in ("weight_decay", "activation", "temporal"):
            self._require(name, (getattr(self, name) or 0) >= 0, "0 or above")

    def _at_least_one(self, name: str) -> None:
        value = getattr(self, name)
        self._require(name, value is None or value >= 1, "1 or more")

    def _require(self, name: str, holds: bool, expected: str) -> None:  # noqa: FBT001
        if not holds:
            raise InputError(f"{name} is {getattr(self, name)}; expected {expected}")


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn. The filters act in this order, each on what the last one left.

    Args:
        temperature: What the logits are divided by; 0 always takes the likeliest token.
        repetition_penalty: Above 1, tokens among the last 64 are less likely (Keskar et al. 2019).
        top_k: Draw from so many of the likeliest tokens. None is all.
        top_p: Draw from the likeliest tokens that have this probability together (Holtzman et al.
            2020). None is all.
        typical: Draw from the tokens whose surprise is nearest to the expected one and that have
            this probability together (Meister et al. 2023). None is all.
        seed: Seed of the draws: the same seed, the same text, on any number of threads.

    Raises:
        InputError: A value is out of its range.
    """

    temperature: float = 0.8
    repetition_penalty: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    typical: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what nothing can be drawn with."""
        if not 0 <= self.temperature < math.inf:
            raise InputError(f"temperature is {self.temperature}; expected 0 or above")
        if not 0 < self.repetition_penalty < math.inf:
            raise InputError(f"repetition_penalty is {self.repetition_penalty}; expected above 0")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k is {self.top_k}; expected 1 or more")
        for name in ("top_p", "typical"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise InputError(f"{name} is {value}; expected above 0, at most 1")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed is {self.seed}; expected from 0 to 2**63 - 1")


@dataclass(frozen=True)
class Recall:
    """What is learnt from the text that is being read, beside what the state holds of it.

    Args:
        cache: Outputs of the LSTM that are kept, each with the token that came after it: what
            followed where the text was alike is likelier now (Grave et al. 2017). None is none.
        dynamic: Learning rate at which the weights follow the text (dynamic evaluation, Krause et
            al. 2018); of a copy, which is thrown away. None is none.
        cache_share: Part of the probability that the cache gives.
        cache_sharpness: How much more those count that are more alike; 0 is all the same.

    Raises:
        InputError: A value is out of its range.
    """

    cache: int | None = None
    dynamic: float | None = None
    cache_share: float = 0.1
    cache_sharpness: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what cannot be kept or learnt."""
        if self.cache is not None and self.cache < 1:
            raise InputError(f"cache is {self.cache}; expected 1 or more")
        if self.dynamic is not None and not 0 < self.dynamic < math.inf:
            raise InputError(f"dynamic is {self.dynamic}; expected above 0")
        if not 0 < self.cache_share < 1:
            raise InputError(f"cache_share is {self.cache_share}; expected between 0 and 1")
        if not 0 <= self.cache_sharpness < math.inf:
            raise InputError(f"cache_sharpness is {self.cache_sharpness}; expected 0 or above")
