"""`LanguageModel`: fit text, write more of the like, complete words, and say how good it is."""

import dataclasses
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, final

from gatework.data.music import Piece
from gatework.data.stream_corpus import open_corpus
from gatework.errors import InputError
from gatework.inspector.inspection import Inspection
from gatework.models.language import judge
from gatework.tasks import run as folder
from gatework.tasks.estimator import AbstractEstimator, carry_out
from gatework.tasks.generate import job, saved
from gatework.tasks.generate.completing import Completer, Completion
from gatework.tasks.generate.composing import Composed, compose
from gatework.tasks.generate.continuing import Writing
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.inspection import inspection_of
from gatework.tasks.generate.origin import origin_of
from gatework.tasks.generate.outcome import Outcome
from gatework.tasks.generate.recalling import score_recalling
from gatework.tasks.generate.scores import Scores
from gatework.tasks.generate.settings import GenerateSettings, Recall, Sampling
from gatework.tasks.generate.sources import (
    gather_parts,
    read_excerpt,
    read_stream,
    settle_tokens,
)
from gatework.tasks.generate.writing import Written, write_many
from gatework.tasks.page import Origin
from gatework.training import Progress

Settings = GenerateSettings
_LOOKED_AT: Final = 4_000  # characters of a file to go on from
_DEFAULT: Final = Sampling()
_NOTHING: Final = Recall()


@final
class LanguageModel(AbstractEstimator):
    """An LSTM that foretells text token by token, scored beside n-grams of the same text.

    Text comes from a file, a folder (all of its files), a list of paths, or a list of texts. It is
    read as one long stream, split in order. Music comes from MIDI and ABC, or as a list of pieces,
    and is split by piece. A setting left at None is chosen from the data.

    Args:
        tokens: What is predicted: characters, bytes, words, subwords, or events of music.
        vocabulary_size: Words or subwords with a number of their own, at most.
        hidden_size: Width of each LSTM.
        num_layers: LSTMs, one on top of the other.
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
        seed: Seed of everything random.

    Attributes:
        scores_: The score table of the judged part; None for a loaded model.
        outcome_: All that the report shows; None for a loaded model.

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
        learning_rate: float | None = Settings.learning_rate,
        weight_decay: float = Settings.weight_decay,
        average: float | None = Settings.average,
        epochs: int | None = Settings.epochs,
        test_share: float = Settings.test_share,
        validation_share: float = Settings.validation_share,
        time_budget: float | None = Settings.time_budget,
        steps_per_quarter: int | None = Settings.steps_per_quarter,
        loudnesses: int | None = Settings.loudnesses,
        transpose: int = Settings.transpose,
        seed: int = Settings.seed,
    ) -> None:
        self.tokens = tokens
        self.vocabulary_size = vocabulary_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
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
        self.seed = seed
        self.outcome_: Outcome | None = None
        self.scores_: Scores | None = None
        self._fit: Fitted | None = None
        self._excerpt = ""
        self._kept: _Kept | None = None
        self._completer: Completer | None = None

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
        parts = gather_parts(data, validation, test, settings)
        parameters = self.get_params() | dataclasses.asdict(settings)
        request = saved.request_of(parts, parameters)
        origin = origin_of(data, self._written(parameters), command)
        done = carry_out(
            run,
            request,
            lambda state: job.fit_and_judge(parts, settings, folder=state, progress=progress),
            lambda place, done: saved.write_run(place, request, done, origin),
            overwrite=overwrite,
        )
        self._fit, self._completer = done.fitted, None
        self.outcome_, self.scores_ = done.outcome, done.outcome.scores
        self._excerpt = done.outcome.excerpt
        self._kept = _Kept(request, origin, done)
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
        name, stream, notes = read_stream(fitted.codec, data)
        said = judge(fitted.network, stream.ids[:, None])
        plain = job.score(fitted, stream, said, part=name, notes=notes)
        rows = score_recalling(fitted, stream, recall)
        return dataclasses.replace(plain, methods=(*plain.methods, *rows))

    def generate(  # noqa: PLR0913 - every way of drawing
        self,
        prompt: str = "",
        *,
        length: int = 500,
        temperature: float = _DEFAULT.temperature,
        top_k: int | None = None,
        top_p: float | None = None,
        typical: float | None = None,
        repetition_penalty: float = 1.0,
        stop: Sequence[str] = (),
        seed: int = 0,
        recall: Recall = _NOTHING,
    ) -> str:
        """Return one text that goes on from a prompt; see `Sampling` for the ways of drawing.

        Args:
            prompt: What comes before; "" begins a document. Characters that the model never saw
                are read as unknown: `unknown` lists them.
            length: Tokens to write at most.
            temperature: Below 1 keeps to what is likely; 0 always takes the likeliest.
            top_k: Draw from so many of the likeliest tokens.
            top_p: Draw from the likeliest tokens with this probability together.
            typical: Draw from the tokens of most usual surprise with this probability together.
            repetition_penalty: Above 1, tokens that came lately are less likely.
            stop: Texts that end it; they are left out.
            seed: The same seed, the same text.
            recall: What is learnt from the prompt, beside what the state holds of it.

        Raises:
            InputError: A value is out of its range.
        """
        how = Sampling(temperature, repetition_penalty, top_k, top_p, typical, seed)
        return "".join(self.write(prompt, how, length=length, stop=stop, recall=recall))

    def write(
        self,
        prompt: str = "",
        sampling: Sampling = _DEFAULT,
        *,
        length: int = 500,
        stop: Sequence[str] = (),
        recall: Recall = _NOTHING,
    ) -> Iterator[str]:
        """Write as `generate` does, and give each piece of text as soon as it is there."""
        writing = self.start(prompt, sampling, recall=recall)
        pieces = writing.write(length=length, stops=stop)
        return itertools.chain(pieces, map(Writing.finish, [writing]))

    def start(
        self, prompt: str = "", sampling: Sampling = _DEFAULT, *, recall: Recall = _NOTHING
    ) -> Writing:
        """Begin a text that can be put aside, in a file too, and gone on with: see `Writing`."""
        return Writing(self._fitted(), prompt, sampling, recall)

    def resume(self, path: str | os.PathLike[str]) -> Writing:
        """Go on with a text that `Writing.save` kept, as if it had never stopped.

        Raises:
            InputError: The file is not there, is damaged, or is of another model.
        """
        return Writing.resume(self._fitted(), path)

    def write_many(
        self,
        prompt: str = "",
        sampling: Sampling = _DEFAULT,
        *,
        count: int,
        length: int = 500,
        stop: Sequence[str] = (),
    ) -> list[Written]:
        """Write `count` texts from one prompt, all at once as one batch."""
        return write_many(self._fitted(), prompt, sampling, count=count, length=length, stops=stop)

    def compose(
        self,
        primer: Piece | None = None,
        sampling: Sampling = _DEFAULT,
        *,
        count: int = 1,
        length: int = 500,
        tempo: float | None = None,
    ) -> list[Composed]:
        """Write `count` pieces of music that go on from a primer, all at once: see `compose`."""
        return compose(self._fitted(), primer, sampling, count=count, length=length, tempo=tempo)

    def complete(self, text: str, *, count: int = 5) -> list[Completion]:
        """Return the likeliest endings of the word being typed, or next words after a blank.

        Raises:
            InputError: count is below 1, or the model is one of bytes.
        """
        if self._completer is None:
            self._completer = Completer(self._fitted())
        return self._completer.complete(text, count=count)

    def read(self, path: str | os.PathLike[str]) -> str:
        """Return the text of a file, to go on from; of a long one, its end.

        Raises:
            InputError: It is not there, is empty or is not UTF-8.
        """
        corpus = open_corpus(path)
        last = corpus.part(max(0, corpus.size - _LOOKED_AT), corpus.size)
        return "".join(piece for pieces in last for piece in pieces)

    def unknown(self, text: str) -> list[str]:
        """Return the characters of a text that the model never saw, each once."""
        return self._fitted().codec.unknown(text)

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
            text = read_excerpt(fitted.codec, data)
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
        return model

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
