"""A fitted tagger: answers for any sentences, in bounded memory."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, Final, NamedTuple, final

import msgspec
import torch
from torch import Tensor

from gatework.data.batches import in_order_of_length
from gatework.data.conll import Sentence
from gatework.data.text import UNKNOWN
from gatework.errors import InputError
from gatework.models.tagger import Scores, SequenceTagger, TaggerEnsemble, TaggerShape
from gatework.tasks.settings import Choice
from gatework.tasks.tag.corpus import pieces
from gatework.tasks.tag.encoding import Encoder, Example
from gatework.tasks.tag.spans import Scheme, convert, legal
from gatework.tasks.tag.steps import StepEncoder
from gatework.tasks.threads import one_thread
from gatework.training import History

_CHUNK: Final = 1_024  # sentences encoded at once
_CHUNK_WORDS: Final = 50_000
_BATCH: Final = 64
_MOST_STEPS: Final = 4_096


class Alternative(NamedTuple):
    """One way to tag a sentence, and how probable it is among all legal ways."""

    tags: tuple[str, ...]
    probability: float


class Answer(NamedTuple):
    """What a tagger says of a sentence.

    Attributes:
        tokens: Its words.
        tags: One for each word, in the data's own scheme.
        label: Of the whole sentence; None if the data had none, or there is no word.
        probabilities: Of each word's tag, if they were asked for.
        alternatives: The likeliest tag sequences, best first, if more than one was asked for.
        offsets: Where each word stands in the text, in characters, if there was a text.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    label: str | None = None
    probabilities: tuple[float, ...] | None = None
    alternatives: tuple[Alternative, ...] = ()
    offsets: tuple[tuple[int, int], ...] | None = None


@final
@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted tagger.

    Args:
        encoder: What turns sentences into numbers.
        shape: What the weights' shapes follow from.
        scheme: How the data writes spans; what answers are in.
        inner: How the network writes them.
        model: The networks, in eval mode.
        choices: What was chosen from the data, and why.
        histories: How the training of each network went; empty for one that was loaded.
    """

    encoder: Encoder | StepEncoder
    shape: TaggerShape
    scheme: Scheme
    inner: Scheme
    model: TaggerEnsemble
    choices: tuple[Choice, ...] = ()
    histories: tuple[History, ...] = ()

    def answers(
        self, sentences: Iterable[Sentence], *, count: int = 1, probable: bool = False
    ) -> Iterator[Answer]:
        """Answer sentences in their order; memory holds a bounded number of them.

        Args:
            sentences: Any; their tags are not looked at.
            count: How many tag sequences to give for each.
            probable: Whether to give the probability of each tag.

        Raises:
            InputError: count is below 1.
        """
        if count < 1:
            raise InputError(f"n_best is {count}; expected 1 or more")
        for chunk in _chunks(sentences):
            parts = [list(pieces(sentence)) for sentence in chunk]
            found = self._answer(list(chain(*parts)), count, probable=probable)
            for sentence, part in zip(chunk, parts, strict=True):
                yield _joined([next(found) for _ in part], sentence, count)

    def _answer(
        self, sentences: Sequence[Sentence], count: int, *, probable: bool
    ) -> Iterator[Answer]:
        encoded = self.encoder.encode(sentences)
        lengths = encoded.lengths
        found: list[Answer | None] = [None] * len(sentences)
        with one_thread():
            for index in in_order_of_length(lengths, batch_size=_BATCH, most_steps=_MOST_STEPS):
                answers = self._batch(encoded.load(index), count, probable=probable)
                for place, answer in zip(index.tolist(), answers, strict=True):
                    found[place] = answer._replace(tokens=sentences[place].tokens)
        return (answer for answer in found if answer is not None)

    @torch.inference_mode()
    def _batch(self, example: Example, count: int, *, probable: bool) -> Iterator[Answer]:
        batch, names = example.batch, self.encoder.labels
        scores = self.model(batch)
        first = self.model.decode(scores, batch.lengths)
        kinds = [names[number] for number in scores.labels.argmax(-1).tolist()] if names else []
        ways = self._ways(scores, batch.lengths, count) if count > 1 else []
        chances: list[list[float]] = []
        if probable:
            table = self.model.marginals(scores, batch.lengths)
            chances = table.gather(-1, first.clamp_min(0)[..., None]).squeeze(-1).T.tolist()
        columns = first.T.tolist()
        for place, length in enumerate(batch.lengths.tolist()):
            yield Answer(
                (),
                self._written(columns[place][:length]),
                kinds[place] if kinds and length else None,
                tuple(chances[place][:length]) if chances else None,
                ways[place] if ways else (),
            )

    def _ways(self, scores: Scores, lengths: Tensor, count: int) -> list[tuple[Alternative, ...]]:
        """The likeliest tag sequences of each sentence; fewer where there are fewer."""
        paths = self.model.best(scores, lengths, count=count)
        columns = paths.labels.permute(2, 0, 1).tolist()
        logs = paths.log_probabilities.T.tolist()
        return [
            tuple(
                Alternative(self._written(numbers[:length]), math.exp(log))
                for numbers, log in zip(columns[place], logs[place], strict=True)
                if log > -math.inf
            )
            for place, length in enumerate(lengths.tolist())
        ]

    def _written(self, numbers: Sequence[int]) -> tuple[str, ...]:
        tags = [self.encoder.tags[number] for number in numbers]
        return tuple(tags if self.scheme == self.inner else convert(tags, self.scheme))

    @property
    def config(self) -> dict[str, Any]:
        """Plain values from which `from_saved` rebuilds all but the weights."""
        return {
            "version": 1,
            "reads": "steps" if isinstance(self.encoder, StepEncoder) else "words",
            "encoder": msgspec.to_builtins(self.encoder),
            "shape": asdict(self.shape),
            "scheme": self.scheme,
            "inner": self.inner,
            "members": len(self.model.members),
            "choices": [choice._asdict() for choice in self.choices],
        }

    @property
    def state(self) -> dict[str, Tensor]:
        """The weights and constants of the networks, by name."""
        return self.model.state_dict()

    @classmethod
    def from_saved(cls, config: Mapping[str, Any], state: Mapping[str, Tensor]) -> "Fitted":
        """Rebuild from `config` and `state`.

        Raises:
            InputError: They are of another version, or do not belong together.
        """
        if config.get("version") != 1:
            raise InputError(f"saved tagger is of version {config.get('version')}; expected 1")
        try:
            kind = StepEncoder if config.get("reads") == "steps" else Encoder
            encoder = msgspec.convert(config["encoder"], kind)
            shape = msgspec.convert(config["shape"], TaggerShape)
            scheme = msgspec.convert(config["scheme"], Scheme)
            inner = msgspec.convert(config["inner"], Scheme)
            choices = tuple(Choice(**choice) for choice in config["choices"])
            allowed = legal(encoder.tags, inner)
            members = range(int(config["members"]))
            model = TaggerEnsemble([SequenceTagger(shape, UNKNOWN, allowed) for _ in members])
            model.load_state_dict(dict(state))
        except (
            KeyError,
            TypeError,
            ValueError,
            IndexError,
            RuntimeError,
            msgspec.ValidationError,
        ) as error:
            raise InputError(f"the saved tagger is damaged: {error}") from error
        return cls(encoder, shape, scheme, inner, model.eval(), choices)


def _chunks(sentences: Iterable[Sentence]) -> Iterator[list[Sentence]]:
    chunk: list[Sentence] = []
    words = 0
    for sentence in sentences:
        chunk.append(sentence)
        words += len(sentence.tokens)
        if len(chunk) == _CHUNK or words >= _CHUNK_WORDS:
            yield chunk
            chunk, words = [], 0
    if chunk:
        yield chunk


def _joined(parts: Sequence[Answer], sentence: Sentence, count: int) -> Answer:
    """Put the answers to the pieces of a sentence together."""
    if len(parts) == 1:
        return parts[0]
    probabilities = None
    if parts[0].probabilities is not None:
        probabilities = tuple(chain(*(part.probabilities or () for part in parts)))
    tags = tuple(chain(*(part.tags for part in parts)))
    ways = parts[0].alternatives
    for part in parts[1:]:
        both = (
            Alternative(first.tags + then.tags, first.probability * then.probability)
            for first in ways
            for then in part.alternatives
        )
        ways = tuple(sorted(both, key=lambda way: -way.probability)[:count])
    return Answer(sentence.tokens, tags, parts[0].label, probabilities, ways)
