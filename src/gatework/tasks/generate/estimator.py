"""`LanguageModel`: fit text, write more of the like, complete words, and say how good it is."""

import dataclasses
import os
from pathlib import Path
from typing import Any, Final, NamedTuple, final

from gatework.data.stream_corpus import open_corpus
from gatework.errors import InputError
from gatework.inspector.inspection import Inspection
from gatework.models.language import judge
from gatework.tasks import run as folder
from gatework.tasks.estimator import carry_out
from gatework.tasks.generate import job, saved
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.inspection import inspection_of
from gatework.tasks.generate.origin import origin_of
from gatework.tasks.generate.outcome import Outcome
from gatework.tasks.generate.personal import Gains, personalise
from gatework.tasks.generate.recalling import score_recalling
from gatework.tasks.generate.scores import Scores
from gatework.tasks.generate.settings import GenerateSettings, Recall
from gatework.tasks.generate.sources import (
    gather_parts,
    read_excerpt,
    read_stream,
    settle_tokens,
)
from gatework.tasks.generate.speaking import AbstractSpeaker
from gatework.tasks.page import Origin
from gatework.tasks.settings import Precision
from gatework.training import Progress

Settings = GenerateSettings
_NOTHING: Final = Recall()


@final
class LanguageModel(AbstractSpeaker):
    """An LSTM that foretells text token by token, scored beside n-grams of the same text.

    Text comes from a file, a folder (all of its files), a list of paths, or a list of texts. It is
    read as one long stream, split in order. Music comes from MIDI and ABC, or as a list of pieces,
    and is split by piece. A setting left at None is chosen from the data.

    Args:
        tokens: What is predicted: characters, bytes, words, subwords, or events of music.
        vocabulary_size: Words or subwords with a number of their own, at most.
        hidden_size: Width of each LSTM.
        num_layers: LSTMs, one on top of the other.
        layer_norm: Whether the LSTM normalises its sums.
        embedding_size: Width of a token's vector.
        tied: Whether a token's vector weighs the output too.
        ngram: Longest n-gram whose log chances the network corrects; 0 is none.
        softmax: Over all tokens (full), or with rare ones in groups (adaptive).
        dropout: Part of the features dropped in training.
        weight_drop: Part of the recurrent weights dropped in training.
        embedding_dropout: Part of the tokens whose vector is dropped in training.
        activation: Weight of large outputs in the loss.
        temporal: Weight of changes of the output in the loss.
        batch_size: Streams read side by side.
        window: Steps that gradients go back.
        optimizer: adamw, or asgd: averaged gradient descent.
        learning_rate: Peak of the learning rate.
        weight_decay: Decoupled weight decay.
        average: Decay of the average of the weights that is kept.
        epochs: Passes over the training part.
        test_share: The last part of the data, scored once.
        validation_share: The last part of what is left, which chooses the best weights.
        time_budget: Seconds to train at most; with it a fit is not reproducible bit for bit.
        steps_per_quarter: Of music, steps of time in a quarter note.
        loudnesses: Of music, how many kinds of loudness are told apart.
        transpose: Of music, semitones that a piece is moved by in training at most.
        precision: Of the operands of products in training, float32 or bfloat16. None: the faster.
        seed: Seed of everything random.
        text_column: Of tables, the column that has the texts. None: by its name, or the longest.

    Attributes:
        scores_: The score table of the judged part; None for a loaded model.
        outcome_: All that the report shows; None for a loaded model.
        gains_: What adapting changed; None for a model that was not adapted.

    Example:
        >>> model = LanguageModel(window=16, epochs=6, hidden_size=32, learning_rate=0.02)
        >>> model = model.fit(["the cat sat on the mat. " * 60])
        >>> model.generate("the cat ", length=15, temperature=0)
        'sat on the mat.'
        >>> model.complete("the cat s")[0].word
        'sat'
    """

    def __init__(  # noqa: PLR0913 - one argument a setting, as in scikit-learn
        self,
        *,
        tokens: str | None = Settings.tokens,
        vocabulary_size: int = Settings.vocabulary_size,
        hidden_size: int | None = Settings.hidden_size,
        num_layers: int = Settings.num_layers,
        layer_norm: bool = Settings.layer_norm,
        embedding_size: int | None = Settings.embedding_size,
        tied: bool | None = Settings.tied,
        ngram: int | None = Settings.ngram,
        softmax: str | None = Settings.softmax,
        dropout: float | None = Settings.dropout,
        weight_drop: float | None = Settings.weight_drop,
        embedding_dropout: float = Settings.embedding_dropout,
        activation: float = Settings.activation,
        temporal: float = Settings.temporal,
        batch_size: int | None = Settings.batch_size,
        window: int = Settings.window,
        optimizer: str = Settings.optimizer,
        learning_rate: float | None = Settings.learning_rate,
        weight_decay: float | None = Settings.weight_decay,
        average: float | None = Settings.average,
        epochs: int | None = Settings.epochs,
        test_share: float = Settings.test_share,
        validation_share: float = Settings.validation_share,
        time_budget: float | None = Settings.time_budget,
        steps_per_quarter: int | None = Settings.steps_per_quarter,
        loudnesses: int | None = Settings.loudnesses,
        transpose: int | None = Settings.transpose,
        precision: Precision | None = Settings.precision,
        seed: int = Settings.seed,
        text_column: str | None = None,
    ) -> None:
        self.tokens = tokens
        self.vocabulary_size = vocabulary_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.layer_norm = layer_norm
        self.embedding_size = embedding_size
        self.tied = tied
        self.ngram = ngram
        self.softmax = softmax
        self.dropout = dropout
        self.weight_drop = weight_drop
        self.embedding_dropout = embedding_dropout
        self.activation = activation
        self.temporal = temporal
        self.batch_size = batch_size
        self.window = window
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.average = average
        self.epochs = epochs
        self.test_share = test_share
        self.validation_share = validation_share
        self.time_budget = time_budget
        self.steps_per_quarter = steps_per_quarter
        self.loudnesses = loudnesses
        self.transpose = transpose
        self.precision = precision
        self.seed = seed
        self.text_column = text_column
        self.outcome_: Outcome | None = None
        self.scores_: Scores | None = None
        self._fit: Fitted | None = None
        self._completer = None
        self.gains_: Gains | None = None
        self._excerpt = self._data = ""
        self._kept: _Kept | None = None

    def fit(
        self,
        data: Any,
        *,
        validation: Any = None,
        test: Any = None,
        run: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
        command: str | None = None,
    ) -> "LanguageModel":
        """Train on text and score the result.

        Args:
            data: The path of a file or folder, a list of `Path`, or a list of texts (`str`) or of
                pieces of music (`Piece`).
            validation: What chooses the best weights, likewise. None is the last part of the data
                before the test part.
            test: What to score on, read once, after training; likewise. None is the last part of
                the data; with `test_share=0` validation is scored.
            run: Folder to keep the fit in. A fit that was stopped goes on from there when it is
                asked for again. None keeps nothing on disk.
            overwrite: Replace another fit in that folder.
            progress: Where to show how far it is; None shows nothing.
            command: How to ask for this fit again, for the report; None tells it in Python.

        Raises:
            InputError: The data or a setting cannot be used, or the folder holds something else.
            Interrupted: Ctrl-C; the same call goes on from the folder, if there is one.
        """
        settings = settle_tokens(self._settings_of(GenerateSettings), data)
        parts = gather_parts(data, validation, test, settings, self.text_column)
        parameters = self.get_params() | dataclasses.asdict(settings)
        request = saved.request_of(parts.digest, parameters)
        music = settings.tokens == "events"
        origin = origin_of(data, self._written(parameters), command, music=music)
        done = carry_out(
            run,
            request,
            lambda state: job.fit_and_judge(parts, settings, folder=state, progress=progress),
            lambda place, done: saved.write_run(place, request, done, origin),
            overwrite=overwrite,
        )
        self._take(_Kept(request, origin, done))
        return self

    def evaluate(self, data: Any, *, recall: Recall = _NOTHING) -> Scores:
        """Score the fitted model on text, beside the n-grams.

        Args:
            data: As for `fit`.
            recall: What is learnt from the text while it is read; scored as rows of their own.

        Returns:
            The score table: print it, or make a frame of its `records()`.

        Raises:
            InputError: The data cannot be read, or is empty.
        """
        fitted = self._fitted()
        name, stream, notes = read_stream(fitted.codec, data, self.text_column)
        said = judge(fitted.network, stream.ids[:, None])
        plain = job.score(fitted, stream, said, part=name, notes=notes)
        rows = score_recalling(fitted, stream, recall)
        return dataclasses.replace(plain, methods=(*plain.methods, *rows))

    def adapt(
        self,
        data: Any,
        *,
        run: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
        command: str | None = None,
    ) -> "LanguageModel":
        """Return a model that has learnt how a person writes; this one stays as it is.

        The last fifth of their text is judged, once, before and after: see `gains_` of the model.

        Args:
            data: Their text, as for `fit`.
            run: Folder to keep the new model in; None keeps nothing on disk.
            overwrite: Replace another fit in that folder.
            progress: Where to show how far it is; None shows nothing.
            command: How to ask for this again, for the report; None tells it in Python.

        Raises:
            InputError: The text cannot be read or is too short, or the model is one of music.
        """
        fitted, parameters = self._fitted(), self.get_params()
        if fitted.codec.kind == "events":
            raise InputError("adapt is for text; fit music again, with the new pieces among it")
        corpus = open_corpus(data, raw=fitted.codec.kind == "bytes", column=self.text_column)
        request = saved.request_of(f"{self._data}+{corpus.digest}", parameters)
        origin = origin_of(data, self._written(parameters), command, adapts=True)
        done = carry_out(
            run,
            request,
            lambda _: personalise(fitted, corpus, self._excerpt, parameters, progress=progress),
            lambda place, done: saved.write_run(place, request, done.job, origin),
            overwrite=overwrite,
        )
        model = type(self)(**parameters)
        model._take(_Kept(request, origin, done.job))
        model.gains_ = done.gains
        return model

    def inspection(self, data: Any = None, *, most: int = 6) -> Inspection:
        """Return the network and some text, to look inside.

        Args:
            data: As for `fit`; None is the beginning of the part that the fit was judged on.
            most: Stretches of text at most.

        Raises:
            InputError: The data cannot be read, or is too short.
        """
        fitted = self._fitted()
        text = self._excerpt
        if data is not None:
            text = read_excerpt(fitted.codec, data, self.text_column)
        return inspection_of(fitted, text, most=most)

    def save(self, run: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the fitted model as a run folder: config, weights, report.

        Raises:
            InputError: The model is not fitted here, or the folder holds another fit.
        """
        self._fitted()
        if self._kept is None:
            raise InputError("this model was loaded from a run: copy that folder instead")
        request, origin, done = self._kept
        with folder.claim(Path(run), request, overwrite=overwrite):
            saved.write_run(Path(run), request, done, origin)

    @classmethod
    def load(cls, run: str | os.PathLike[str]) -> "LanguageModel":
        """Read a run folder. Nothing in it is executed.

        Raises:
            InputError: The folder is no language model's run, or a file in it is damaged.
        """
        restored = saved.read_run(Path(run))
        model = cls._restored(Path(run), restored.config.request.settings)
        model._fit, model._excerpt = restored.fitted, restored.excerpt
        model._data = restored.config.request.data
        return model

    def _take(self, kept: "_Kept") -> None:
        """Be the model of a fit that is done."""
        outcome = kept.done.outcome
        self._kept, self._fit, self._completer = kept, kept.done.fitted, None
        self.outcome_, self.scores_, self._excerpt = outcome, outcome.scores, outcome.excerpt
        self._data = kept.request.data

    def _fitted(self) -> Fitted:
        if self._fit is None:
            raise InputError(
                "this LanguageModel is not fitted: call fit(data) or LanguageModel.load(run)"
            )
        return self._fit


class _Kept(NamedTuple):
    """What saving needs besides."""

    request: folder.Request
    origin: Origin
    done: job.Job
