"""What a fitted language model can be asked: to write, to compose, to complete."""

import abc
import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Final

from gatework.data.music import Piece
from gatework.data.stream_corpus import open_corpus
from gatework.tasks.estimator import AbstractEstimator
from gatework.tasks.generate.completing import Completer, Completion
from gatework.tasks.generate.composing import Composed, compose
from gatework.tasks.generate.continuing import Writing
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.settings import Recall, Sampling
from gatework.tasks.generate.writing import Written, write_many

_LOOKED_AT: Final = 4_000  # characters of a file to go on from
_DEFAULT: Final = Sampling()
_NOTHING: Final = Recall()


class AbstractSpeaker(AbstractEstimator, abc.ABC):
    """The half of a language model that needs it fitted; how it comes to be is the other."""

    _completer: Completer | None = None  # kept, since it has read what was typed so far

    @abc.abstractmethod
    def _fitted(self) -> Fitted:
        """Return the fit, or raise InputError where there is none."""

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
