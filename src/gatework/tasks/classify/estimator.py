"""`Classifier`: fit labelled sequences, say what others are, and how sure that is."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np
import polars as pl

from gatework.data.labelled import Sequences
from gatework.errors import InputError
from gatework.inspector.inspection import Inspection
from gatework.tasks import run as folder
from gatework.tasks.classify import job, metrics, saved
from gatework.tasks.classify.columns import DataOptions, Kind
from gatework.tasks.classify.inspection import inspection_of
from gatework.tasks.classify.origin import origin_of
from gatework.tasks.classify.outcome import Judged, Outcome, judge, score
from gatework.tasks.classify.predictions import predict_file, predictions_of
from gatework.tasks.classify.reading import digest_of, read, read_like
from gatework.tasks.classify.schema import TextSchema
from gatework.tasks.classify.scikit import AbstractClassifier, as_table, width_of
from gatework.tasks.classify.scores import MODEL, Scores
from gatework.tasks.classify.settings import (
    ClassifySettings,
    ClassWeights,
    Pooling,
    Threshold,
    Tokens,
)
from gatework.tasks.estimator import carry_out
from gatework.tasks.page import Origin
from gatework.tasks.settings import Precision
from gatework.training import Progress

Settings = ClassifySettings


@final
class Classifier(AbstractClassifier):
    """LSTM classifiers of texts, series and events, scored beside the simple rules.

    Data is a table (CSV, JSON lines, Parquet or a frame) with a row for each text, each step of a
    series, each event or each whole series; a folder of texts for each class; an .npz or .ts file;
    or in Python texts or arrays with their labels. Settings left at None are chosen from the data.
    It is also a scikit-learn classifier: `fit(X, y)`, `predict(X)`, `predict_proba(X)`.

    Args:
        label: Column of the labels.
        text: Column of the texts.
        id: Column that names the sequences.
        time: Column of the times of a recording's steps.
        statics: Columns of numbers that do not change in a recording, apart by commas.
        kind: What a table holds: text, series, events or wide.
        separator: What stands between several labels in one cell.
        tokens: What a text is cut into: words, characters, bytes or subwords.
        lower: Whether the capitals of words are read as small letters.
        least: How often a token must be seen to have a vector of its own.
        max_length: Steps that a longer sequence is cut to.
        step: Times of a recording that are averaged into one step.
        summaries: Whether a network also reads the summaries of a recording.
        vectors: A text file of word vectors from outside to start from.
        pretrain: Epochs of language-model training before the labels.
        embedding_size: Width of a token's vector.
        hidden_size: Width of the LSTM in each direction.
        num_layers: Layers of the LSTM.
        bidirectional: Whether the LSTM also reads backwards.
        pooling: How the outputs of all steps become one: last, mean, max or attention.
        convolution: Width of the convolutions beside the LSTM; 0 is none.
        members: Networks whose scores are averaged.
        dropout: Part of the values dropped around the LSTM in training, and of the summaries.
        embedding_dropout: Part of the features of a text's tokens, or of a recording with missing
            values, dropped in training.
        word_dropout: Part of the tokens read as unknown in training.
        label_smoothing: Part of the target spread evenly over the classes.
        class_weights: "balanced" makes rare classes weigh as much as frequent ones.
        learning_rate: Peak of the learning rate.
        weight_decay: Decoupled weight decay.
        epochs: Passes over the data.
        batch_size: Sequences in a step.
        validation_share: Part kept back to choose the weights and to calibrate.
        test_share: Part kept back to judge the method before the final training; 0 judges nothing.
        folds: Judge by cross-validation in that many parts; 0 is one hold-out.
        seeds: Judge with that many seeds.
        blend: Whether the scores of the simple baseline are mixed in where that helps.
        threshold: From which probability a rare class is the answer: "half" or "f1".
        time_budget: Seconds to train at most; with it a fit is not reproducible bit for bit.
        precision: Of the operands of products in training, float32 or bfloat16.
        seed: Seed of everything random.

    Attributes:
        classes_: The classes, as the labels were written.
        scores_: The score table of what was held out; None if nothing was.
        outcome_: All that the report shows; None for a loaded model.

    Example:
        >>> texts = ["good and fine", "bad and dull", "a fine film", "a dull film"] * 5
        >>> model = Classifier(epochs=3, members=1, test_share=0)
        >>> model = model.fit(texts, ["up", "down", "up", "down"] * 5)
        >>> model.predict_proba(["what a film"]).shape, model.classes_.tolist()
        ((1, 2), ['down', 'up'])
    """

    def __init__(  # noqa: PLR0913 - one argument a setting, as in scikit-learn
        self,
        *,
        label: str | None = None,
        text: str | None = None,
        id: str | None = None,
        time: str | None = None,
        statics: str | None = None,
        kind: Kind | None = None,
        separator: str | None = None,
        tokens: Tokens | None = Settings.tokens,
        lower: bool = Settings.lower,
        least: int | None = Settings.least,
        max_length: int | None = Settings.max_length,
        step: float | None = Settings.step,
        summaries: bool | None = Settings.summaries,
        vectors: str | None = Settings.vectors,
        pretrain: int = Settings.pretrain,
        embedding_size: int | None = Settings.embedding_size,
        hidden_size: int | None = Settings.hidden_size,
        num_layers: int = Settings.num_layers,
        bidirectional: bool = Settings.bidirectional,
        pooling: Pooling | None = Settings.pooling,
        convolution: int | None = Settings.convolution,
        members: int | None = Settings.members,
        dropout: float = Settings.dropout,
        embedding_dropout: float = Settings.embedding_dropout,
        word_dropout: float = Settings.word_dropout,
        label_smoothing: float | None = Settings.label_smoothing,
        class_weights: ClassWeights = Settings.class_weights,
        learning_rate: float | None = Settings.learning_rate,
        weight_decay: float = Settings.weight_decay,
        epochs: int | None = Settings.epochs,
        batch_size: int | None = Settings.batch_size,
        validation_share: float = Settings.validation_share,
        test_share: float = Settings.test_share,
        folds: int = Settings.folds,
        seeds: int = Settings.seeds,
        blend: bool = Settings.blend,
        threshold: Threshold | None = Settings.threshold,
        time_budget: float | None = Settings.time_budget,
        precision: Precision = Settings.precision,
        seed: int = Settings.seed,
    ) -> None:
        self.label = label
        self.text = text
        self.id = id
        self.time = time
        self.statics = statics
        self.kind = kind
        self.separator = separator
        self.tokens = tokens
        self.lower = lower
        self.least = least
        self.max_length = max_length
        self.step = step
        self.summaries = summaries
        self.vectors = vectors
        self.pretrain = pretrain
        self.embedding_size = embedding_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.convolution = convolution
        self.members = members
        self.dropout = dropout
        self.embedding_dropout = embedding_dropout
        self.word_dropout = word_dropout
        self.label_smoothing = label_smoothing
        self.class_weights = class_weights
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_share = validation_share
        self.test_share = test_share
        self.folds = folds
        self.seeds = seeds
        self.blend = blend
        self.threshold = threshold
        self.time_budget = time_budget
        self.precision = precision
        self.seed = seed

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    def fit(  # noqa: PLR0913
        self,
        X: Any,
        y: Any = None,
        *,
        validation: Any = None,
        test: Any = None,
        run: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
        command: str | None = None,
    ) -> "Classifier":
        """Train on all of the data, after judging the same method on a part of it, held out.

        Args:
            X: A path, a frame, or texts.
            y: The label of each, where X has no column of labels.
            validation: Data like X to choose the weights and calibrate on; None takes a part of X.
            test: Data like X to judge on; None holds a part of X out.
            run: Folder to keep the fit in. A fit that was stopped goes on from there when it is
                asked for again. None keeps nothing on disk.
            overwrite: Replace another fit in that folder.
            progress: Where to show how far it is; None shows nothing.
            command: How to ask for this fit again, for the report; None tells it in Python.

        Raises:
            InputError: The data or a setting cannot be used, or the folder holds something else.
            Interrupted: Ctrl-C; the same call goes on from the folder, if there is one.
        """
        settings = self._settings_of(ClassifySettings)
        X = as_table(X)
        found = read(X, y, self._settings_of(DataOptions))
        parts = job.Parts(
            found.sequences,
            None if validation is None else read_like(validation, found.schema),
            found.test if test is None else read_like(test, found.schema),
        )
        parameters = self.get_params() | dataclasses.asdict(settings)
        request = saved.request_of(digest_of(parts), parameters)
        origin = origin_of(X, self._written(parameters), command)
        done = carry_out(
            run,
            request,
            lambda state: job.fit_and_judge(parts, settings, folder=state, progress=progress),
            lambda place, done: saved.write_run(place, request, done.outcome, found.schema, origin),
            overwrite=overwrite,
        )
        self._fitted, self._schema = done.fitted, found.schema
        self._width = width_of(X)
        if self._width is not None:
            self.n_features_in_ = self._width
        self.classes_ = done.fitted.classes.written
        self._shares = done.outcome.shares
        self.outcome_: Outcome | None = done.outcome
        self.scores_: Scores | None = done.outcome.scores
        self._kept: _Kept | None = _Kept(request, origin)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return (n, K) the probability of each of `classes_`.

        Raises:
            InputError: The data does not agree with that of the fit.
        """
        sequences = self._read_like(X)
        return self._fitted.probabilities(sequences)

    def predict(self, X: Any) -> np.ndarray:
        """Return (n,) the class of each sequence; of several at once, (n, K) zeros and ones.

        Raises:
            InputError: The data does not agree with that of the fit.
        """
        probabilities = self.predict_proba(X)
        numbers = self._fitted.decide(probabilities)
        classes = self._fitted.classes
        return numbers if classes.several else classes.values(numbers)

    def predict_frame(self, X: Any) -> pl.DataFrame:
        """Return a table: the id if there is one, `gatework` (the label), `gatework-p-<class>`.

        Raises:
            InputError: The data does not agree with that of the fit.
        """
        sequences = self._read_like(X)
        probabilities = self._fitted.probabilities(sequences)
        predicted = self._fitted.decide(probabilities)
        return predictions_of(self._fitted.classes, sequences, probabilities, predicted)

    def predict_file(self, path: str | os.PathLike[str]) -> Iterator[pl.DataFrame]:
        """Yield the tables of `predict_frame` for a file of any size, some thousand rows at a time.

        Raises:
            InputError: The file does not agree with the data of the fit.
        """
        self._require_fit()
        return predict_file(self._fitted, self._schema, path)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the accuracy on labelled data.

        Raises:
            InputError: The data does not agree with that of the fit, or has no labels.
        """
        part = self._judged(X, y)
        return metrics.accuracy(part.answers.predicted[MODEL], part.targets)

    def evaluate(self, X: Any, y: Any = None) -> Scores:
        """Score the fitted model on labelled data, beside the simple rules.

        Returns:
            The score table: print it, or make a frame of its `records()`.

        Raises:
            InputError: The data does not agree with that of the fit, or has no labels.
        """
        part = self._judged(X, y)
        return score([part], self._shares, several=self._fitted.classes.several)

    def inspection(self, X: Any, *, most: int = 6) -> Inspection:
        """Return the model's first network and some sequences, to look inside.

        Args:
            X: Data like that of the fit, with or without labels.
            most: Sequences at most.

        Raises:
            InputError: The data does not agree with that of the fit, or has no step in it.
        """
        sequences = self._read_like(X)
        return inspection_of(self._fitted, sequences, most=most, title="Classifier")

    @property
    def reads_tables_of_texts(self) -> bool:
        """Whether the fit was of texts in a table, such as predictions.csv holds."""
        return isinstance(self._schema, TextSchema) and self._schema.columns is not None

    def save(self, run: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the fitted model as a run folder: config, weights, predictions, report.

        Raises:
            InputError: The model is not fitted here, or the folder holds another fit.
        """
        self._require_fit()
        if self.outcome_ is None or self._kept is None:
            raise InputError("this model was loaded from a run: copy that folder instead")
        with folder.claim(Path(run), self._kept.request, overwrite=overwrite):
            saved.write_run(
                Path(run), self._kept.request, self.outcome_, self._schema, self._kept.origin
            )

    @classmethod
    def load(cls, run: str | os.PathLike[str]) -> "Classifier":
        """Read a run folder. Nothing in it is executed.

        Raises:
            InputError: The folder is no run of a classifier, or a file in it is damaged.
        """
        restored = saved.read_run(Path(run))
        model = cls._restored(Path(run), restored.config.request.settings)
        model._fitted, model._schema = restored.fitted, restored.schema
        model.classes_ = restored.fitted.classes.written
        model.outcome_, model.scores_, model._kept, model._width = None, None, None, None
        model._shares = list(restored.config.results["shares"])
        return model

    def _read_like(self, data: Any, labels: Any = None) -> Sequences:
        self._require_fit()
        data = as_table(data)
        width = width_of(data)
        if None not in (width, self._width) and width != self._width:
            raise InputError(
                f"X has {width} features, but Classifier is expecting {self._width} features as "
                "input; give series of other lengths as a list of arrays"
            )
        return read_like(data, self._schema, labels)

    def _judged(self, data: Any, labels: Any) -> Judged:
        sequences = self._read_like(data, labels)
        known = sequences.labelled
        if not len(known):
            raise InputError("there is no label to judge by: give data with labels")
        return judge(self._fitted, sequences.take(known), None)


class _Kept(NamedTuple):
    """What saving needs besides the fit itself."""

    request: folder.Request
    origin: Origin
