"""`Tagger`: fit tagged sentences, tag others, and say how far to trust it."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, final

import polars as pl

from gatework.data.conll import Sentence, TagColumns
from gatework.data.frames import from_polars, to_polars
from gatework.data.series_rows import SeriesColumns
from gatework.errors import InputError
from gatework.inspector.inspection import Inspection
from gatework.tasks import run as folder
from gatework.tasks.estimator import AbstractEstimator, carry_out
from gatework.tasks.page import Origin
from gatework.tasks.settings import Precision
from gatework.tasks.tag import job, saved
from gatework.tasks.tag.corpus import full_pieces, gather, unseen
from gatework.tasks.tag.fitted import Answer, Fitted
from gatework.tasks.tag.inspection import inspection_of
from gatework.tasks.tag.origin import name_of, origin_of
from gatework.tasks.tag.outcome import Outcome
from gatework.tasks.tag.reading import (
    Options,
    Schema,
    asked_in,
    part_like,
    parts_of,
    read,
    read_like,
)
from gatework.tasks.tag.scores import Scores
from gatework.tasks.tag.settings import TagSettings
from gatework.tasks.tag.tables import answered, answered_frame
from gatework.tasks.tag.texts import Asked, answer_all
from gatework.training import Progress

Settings = TagSettings
_LOOKED_AT: Final = 1_000  # sentences of a file from which some are taken to look inside


@final
class Tagger(AbstractEstimator):
    """LSTM tags for each word, and a label for each sentence if the data has them, scored beside
    the most frequent tag; or a label for each step of a recording, beside logistic regression.

    Sentences come from files (CoNLL columns, CoNLL-U, JSON lines), from lists, or from frames with
    a row a sentence (columns of lists) or a row a word. Spans in BIO, IOB1, IOBES or BILOU are
    found, read as the CoNLL scorer reads them, and given back in the same scheme. Recordings come
    from tables with a row a step (CSV, TSV, Parquet, frames), .npz files, or lists of arrays.
    Settings left at None are chosen from the data.

    Args:
        tokens_col: Where the words are: a key, a column, or a column's number from 1.
        tags_col: Where the tags are, likewise.
        label_col: Where the sentences' labels are: a key, a column, or the name of a comment.
        id_col: Of recordings, the column that names the recording of a row.
        time_col: Of recordings, the column of the times.
        hidden_size: Width of each direction of the LSTM over words.
        num_layers: Its layers.
        word_size: Width of a word's own vector.
        spelling_size: Width of each direction of the LSTM over a word's characters.
        crf: Whether the tags of a sentence are decided together, or each for itself.
        scheme: How spans are written for the network: BIO or IOBES.
        members: Networks whose scores are averaged.
        least: How often a word must have been seen to have a vector of its own.
        unknown: How often a word is taken for unknown in training.
        vectors: A text file of word vectors from outside.
        dropout: Part of the features dropped in training.
        learning_rate: Peak of the learning rate.
        weight_decay: Decoupled weight decay.
        epochs: Passes over the training sentences.
        batch_size: Sentences in a step.
        validation_share: Part of the training sentences held out, where no validation is given.
        time_budget: Seconds to train at most; with it a fit is not reproducible bit for bit.
        precision: Of the operands of products in training, float32 or bfloat16.
        seed: Seed of everything random.

    Attributes:
        scores_: The score table of the test part, or of validation; None for a loaded model.
        outcome_: All that the report shows; None for a loaded model.

    Example:
        >>> words = [["Rome", "fell"], ["Paris", "rose"], ["he", "fell"], ["it", "rose"]] * 5
        >>> tags = [["B-LOC", "O"], ["B-LOC", "O"], ["O", "O"], ["O", "O"]] * 5
        >>> model = Tagger(epochs=60, members=1, hidden_size=16).fit(words, tags)
        >>> model.predict([["Rome", "rose"]])[0].tags
        ('B-LOC', 'O')
        >>> model.predict(["Paris fell"])[0].offsets
        ((0, 5), (6, 10))
    """

    def __init__(  # noqa: PLR0913 - one argument a setting, as in scikit-learn
        self,
        *,
        tokens_col: str | None = None,
        tags_col: str | None = None,
        label_col: str | None = None,
        id_col: str | None = None,
        time_col: str | None = None,
        hidden_size: int | None = Settings.hidden_size,
        num_layers: int = Settings.num_layers,
        word_size: int = Settings.word_size,
        spelling_size: int = Settings.spelling_size,
        crf: bool = Settings.crf,
        scheme: str = Settings.scheme,
        members: int | None = Settings.members,
        least: int = Settings.least,
        unknown: float = Settings.unknown,
        vectors: str | None = Settings.vectors,
        dropout: float = Settings.dropout,
        learning_rate: float = Settings.learning_rate,
        weight_decay: float = Settings.weight_decay,
        epochs: int | None = Settings.epochs,
        batch_size: int | None = Settings.batch_size,
        validation_share: float = Settings.validation_share,
        time_budget: float | None = Settings.time_budget,
        precision: Precision | None = Settings.precision,
        seed: int = Settings.seed,
    ) -> None:
        self.tokens_col = tokens_col
        self.tags_col = tags_col
        self.label_col = label_col
        self.id_col = id_col
        self.time_col = time_col
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.word_size = word_size
        self.spelling_size = spelling_size
        self.crf = crf
        self.scheme = scheme
        self.members = members
        self.least = least
        self.unknown = unknown
        self.vectors = vectors
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_share = validation_share
        self.time_budget = time_budget
        self.precision = precision
        self.seed = seed
        self.outcome_: Outcome | None = None
        self.scores_: Scores | None = None
        self._fit: _Fit | None = None
        self._kept: _Kept | None = None
        self._run: Path | None = None

    def fit(  # noqa: PLR0913 - three parts of data, and where it all goes
        self,
        data: Any,
        tags: Any = None,
        labels: Any = None,
        *,
        validation: Any = None,
        test: Any = None,
        run: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
        command: str | None = None,
    ) -> "Tagger":
        """Train on tagged sentences and score the result.

        Args:
            data: The path of a file, a frame, or lists of words.
            tags: With lists of words, a list of tags for each.
            labels: With lists of words, a label for each, if sentences have labels.
            validation: What chooses the best weights: a path, a frame, or a tuple of lists of
                words, of tags (and of labels). None holds out some of the data.
            test: What to score on, read once, after training; likewise. None scores on validation.
            run: Folder to keep the fit in. A fit that was stopped goes on from there when it is
                asked for again. None keeps nothing on disk.
            overwrite: Replace another fit in that folder.
            progress: Where to show how far it is; None shows nothing.
            command: How to ask for this fit again, for the report; None tells it in Python.

        Raises:
            InputError: The data or a setting cannot be used, or the folder holds something else.
            Interrupted: Ctrl-C; the same call goes on from the folder, if there is one.
        """
        settings = self._settings_of(TagSettings)
        found = read(data, tags, labels, self._options())
        schema = found.schema
        corpus = gather(
            found.sentences,
            None if validation is None else part_like(validation, schema),
            found.test if test is None else part_like(test, schema),
            share=settings.validation_share,
            seed=settings.seed,
            features=schema.features if isinstance(schema, SeriesColumns) else (),
            notes=found.notes,
        )
        parameters = self.get_params() | dataclasses.asdict(settings)
        request = saved.request_of(corpus, parameters)
        question = "['A text to tag.']" if isinstance(schema, TagColumns) else "'new.csv'"
        origin = origin_of(data, self._written(parameters), command, question=question)
        done = carry_out(
            run,
            request,
            lambda state: job.fit_and_judge(corpus, settings, folder=state, progress=progress),
            lambda place, done: saved.write_run(place, request, done, schema, origin),
            overwrite=overwrite,
        )
        self._fit = _Fit(done.fitted, done.rule, schema)
        self.outcome_, self.scores_ = done.outcome, done.outcome.scores
        self._kept = _Kept(request, origin, done)
        return self

    def predict(self, data: Any, *, n_best: int = 1, probabilities: bool = False) -> Any:
        """Tag sentences.

        Args:
            data: A list of texts, which are cut into words; a list of lists of words, or of
                arrays; the path of a file; or a frame.
            n_best: How many tag sequences to give, with the probability of each.
            probabilities: Whether to give the probability of each word's tag.

        Returns:
            A list of answers; of a frame, the frame with the column `gatework` (and
            `gatework-label`, or of recordings `gatework-p`) beside its own.

        Raises:
            InputError: The data cannot be read.
        """
        if isinstance(data, str | os.PathLike):
            return list(self.stream(data, n_best=n_best, probabilities=probabilities))
        if isinstance(data, list | tuple):
            asked = asked_in(data, self._schema())
            found = answer_all(self._fitted(), asked, count=n_best, probable=probabilities)
            return [answer for _, answer in found]
        if n_best != 1 or probabilities:
            raise InputError("of a frame only the tags are given: ask with lists for more")
        frame, kind = to_polars(data)
        return from_polars(answered_frame(self._fitted(), frame, self._schema()), kind)

    def stream(
        self, path: str | os.PathLike[str], *, n_best: int = 1, probabilities: bool = False
    ) -> Iterator[Answer]:
        """Tag a file of any size, one sentence at a time, in bounded memory; as `predict`."""
        for _, answer in self.stream_with_texts(path, n_best=n_best, probabilities=probabilities):
            yield answer

    def stream_with_texts(
        self, path: str | os.PathLike[str], *, n_best: int = 1, probabilities: bool = False
    ) -> Iterator[tuple[Asked, Answer]]:
        """Tag a file as `stream` does, and give what was asked beside each answer."""
        asked = asked_in(path, self._schema())
        return answer_all(self._fitted(), asked, count=n_best, probable=probabilities)

    def stream_tables(self, path: str | os.PathLike[str]) -> Iterator[pl.DataFrame]:
        """Label a file of recordings of any size, some whole recordings at a time: its rows, with
        `gatework`, the label, and `gatework-p`, how probable it is.

        Raises:
            InputError: The model is one of words, or the file does not agree with the fit.
        """
        schema = self._schema()
        if isinstance(schema, TagColumns):
            raise InputError("this model tags words; expected one that was fitted on recordings")
        return answered(self._fitted(), parts_of(Path(path), schema), schema)

    def evaluate(self, data: Any, tags: Any = None, labels: Any = None) -> Scores:
        """Score the fitted model on tagged sentences, beside the most frequent tag.

        Args:
            data: As for `fit`.
            tags: Likewise.
            labels: Likewise.

        Returns:
            The score table: print it, or make a frame of its `records()`.

        Raises:
            InputError: The data cannot be read, or has no sentence with words.
        """
        fitted = self._fitted()
        sentences = full_pieces(read_like(data, tags, labels, self._schema()))
        encoder, part = fitted.encoder, name_of(data)
        notes = unseen(sentences, encoder.tags, encoder.labels, fitted.scheme, part)
        answers = list(fitted.answers(sentences))
        assert self._fit is not None
        return job.judge(fitted, self._fit.rule, sentences, answers, part=part, notes=notes)

    def inspection(self, data: Any = None, *, most: int = 6) -> Inspection:
        """Return the model's LSTM over words and some sentences, to look inside.

        Args:
            data: A file, a frame, or lists of words; None is the part that the fit was judged on.
            most: Sentences at most.

        Raises:
            InputError: The data cannot be read, or has no sentence with words.
        """
        fitted = self._fitted()
        if data is None:
            sentences = self._judged()
        else:
            asked = islice(asked_in(data, self._schema()), _LOOKED_AT)
            sentences = [one.sentence for one in asked]
        return inspection_of(fitted, sentences, most=most, title="Tagger")

    def _judged(self) -> Sequence[Sentence]:
        if self._kept is not None:
            return self._kept.done.outcome.judged
        assert self._run is not None
        return saved.read_judged(self._run, self._fitted().encoder)

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
            saved.write_run(Path(run), request, done, self._schema(), origin)

    @classmethod
    def load(cls, run: str | os.PathLike[str]) -> "Tagger":
        """Read a run folder. Nothing in it is executed.

        Raises:
            InputError: The folder is no tagger's run, or a file in it is damaged.
        """
        restored = saved.read_run(Path(run))
        model = cls._restored(Path(run), restored.config.request.settings)
        model._fit = _Fit(restored.fitted, restored.rule, restored.schema)
        model._run = Path(run)
        return model

    @property
    def reads_steps(self) -> bool:
        """Whether the model was fitted on recordings."""
        return isinstance(self._schema(), SeriesColumns)

    @property
    def has_spans(self) -> bool:
        """Whether the tags write spans."""
        return self._fitted().scheme != "plain"

    def _options(self) -> Options:
        return Options(self.tokens_col, self.tags_col, self.label_col, self.id_col, self.time_col)

    def _fitted(self) -> Fitted:
        return self._whole().fitted

    def _schema(self) -> Schema:
        return self._whole().schema

    def _whole(self) -> "_Fit":
        if self._fit is None:
            raise InputError("this Tagger is not fitted: call fit(data) or Tagger.load(run)")
        return self._fit


class _Fit(NamedTuple):
    """What answers."""

    fitted: Fitted
    rule: job.Rule
    schema: Schema


class _Kept(NamedTuple):
    """What saving needs besides."""

    request: folder.Request
    origin: Origin
    done: job.Job
