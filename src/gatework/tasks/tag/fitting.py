"""From a corpus to a fitted network."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple, final

import torch
from torch import Tensor

from gatework.data.batches import LengthBatches
from gatework.data.conll import Sentence
from gatework.data.text import UNKNOWN
from gatework.data.vectors import Vectors, read_vectors
from gatework.models.tagger import SequenceTagger, TaggerEnsemble, TaggerShape
from gatework.models.words import WordShape
from gatework.tasks.settings import Choice
from gatework.tasks.tag.corpus import Corpus
from gatework.tasks.tag.encoding import SHAPES, Encoded, Encoder, Example, normal
from gatework.tasks.tag.fitted import Fitted
from gatework.tasks.tag.settings import TagSettings
from gatework.tasks.tag.spans import Scheme, convert, legal, score_spans
from gatework.tasks.threads import one_thread
from gatework.training import History, Progress, TrainSettings, train

_STEPS: Final = 4_000  # that taggers of any size need about
_MANY_WORDS: Final = 100_000
_LEAST_EPOCHS: Final = 10
_MOST_EPOCHS: Final = 100
_WORDS_A_SENTENCE: Final = 30  # what a batch has room for, for each of its sentences


def fit_network(
    corpus: Corpus,
    settings: TagSettings,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Fit taggers to the training part of a corpus; the validation part chooses their weights.

    Args:
        corpus: The data.
        settings: What the user chose.
        folder: Where the training keeps what resuming needs. None keeps nothing.
        progress: Where to show how far it is.

    Raises:
        InputError: The file of vectors cannot be used.
    """
    inner: Scheme = "plain" if corpus.scheme == "plain" else settings.scheme
    learnt = [
        sentence._replace(tags=tuple(convert(sentence.tags or (), inner)))
        for sentence in corpus.train
    ]
    vectors = None
    if settings.vectors is not None:
        known = {normal(word) for sentence in learnt for word in sentence.tokens}
        vectors = read_vectors(Path(settings.vectors), known, normal)
    encoder = Encoder.learn(
        learnt, least=settings.least, extra=vectors.words if vectors is not None else ()
    )
    effort, choices = choose_effort(corpus, settings)
    shape = TaggerShape(
        WordShape(
            vocabulary=encoder.learnt,
            characters=len(encoder.characters),
            shapes=SHAPES,
            word_size=settings.word_size,
            spelling_size=settings.spelling_size,
            vectors=0 if vectors is None else len(encoder.words),
            vector_size=0 if vectors is None else vectors.values.shape[1],
        ),
        tags=len(encoder.tags),
        labels=len(encoder.labels),
        hidden_size=effort.hidden_size,
        num_layers=settings.num_layers,
        crf=settings.crf,
        dropout=settings.dropout,
    )
    job = _Training(corpus, settings, encoder, shape, inner, effort, folder, progress)
    encoded = encoder.encode(learnt)
    members, histories = [], []
    with one_thread():
        for number in range(effort.members):
            model, history = job.run(number, encoded, encoder.counts(learnt), vectors)
            members.append(model)
            histories.append(history)
    ensemble = TaggerEnsemble(members).settle().eval()
    return Fitted(encoder, shape, corpus.scheme, inner, ensemble, tuple(choices), tuple(histories))


@final
@dataclass(frozen=True, eq=False)
class _Training:
    """How each network of a fit is trained."""

    corpus: Corpus
    settings: TagSettings
    encoder: Encoder
    shape: TaggerShape
    inner: Scheme
    effort: "Effort"
    folder: Path | None
    progress: Progress | None

    def run(
        self, number: int, encoded: Encoded, counts: Tensor, vectors: Vectors | None
    ) -> tuple[SequenceTagger, History]:
        """Train network `number`, from 0, with a seed of its own."""
        settings, encoder, effort = self.settings, self.encoder, self.effort
        seed = settings.seed * effort.members + number
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = SequenceTagger(self.shape, UNKNOWN, legal(encoder.tags, self.inner))
        _fill(model, encoder, counts, settings.unknown, vectors)
        alone = TaggerEnsemble([model])
        fitted = Fitted(encoder, self.shape, self.corpus.scheme, self.inner, alone)

        def error(_: SequenceTagger) -> float:
            alone.settle()
            return fitted_error(fitted, self.corpus.validation)

        source = LengthBatches(
            encoded.places.lengths,
            encoded.load,
            batch_size=effort.batch_size,
            most_steps=effort.batch_size * _WORDS_A_SENTENCE,
        )
        budget = settings.time_budget
        history = train(
            model,
            source,
            _loss,
            settings=TrainSettings(
                epochs=effort.epochs,
                time_budget=None if budget is None else budget / effort.members,
                learning_rate=settings.learning_rate,
                weight_decay=settings.weight_decay,
                clip_norm=5.0,
                schedule="one_cycle",
                warmup=0.15,
                validate_every=len(source.plan(torch.Generator())),  # once an epoch
                average=0.998,
                seed=seed,
            ),
            validate=error,
            folder=self.folder / f"network-{number}" if self.folder else None,
            progress=self.progress,
            title="training"
            if effort.members == 1
            else f"training {number + 1} of {effort.members}",
        )
        return model, history


class Effort(NamedTuple):
    """How large a network is trained, and for how long."""

    hidden_size: int
    epochs: int
    batch_size: int
    members: int


def choose_effort(corpus: Corpus, settings: TagSettings) -> tuple[Effort, list[Choice]]:
    """Return the effort for a corpus of this size."""
    sentences = len(corpus.train)
    words = sum(len(sentence.tokens) for sentence in corpus.train)
    by_sentences = ((200, 4), (1_000, 8), (8_000, 16))
    batch_size = settings.batch_size or next(
        (size for most, size in by_sentences if sentences < most), 32
    )
    epochs = _STEPS * batch_size // sentences
    by_size = Effort(
        # Multiples of 16 fill the registers of the native core.
        hidden_size=64 if words < 10_000 else 128 if words < _MANY_WORDS else 192,
        epochs=min(_MOST_EPOCHS, max(_LEAST_EPOCHS, epochs)),
        batch_size=batch_size,
        members=3 if words < _MANY_WORDS else 1,
    )
    chosen = {n: v for n in Effort._fields if (v := getattr(settings, n)) is not None}
    reason = f"{words:,} words in {sentences:,} sentences"
    effort = by_size._replace(**chosen)
    free = [name for name in Effort._fields if name not in chosen]
    return effort, [Choice(name, getattr(effort, name), reason) for name in free]


def fitted_error(fitted: Fitted, sentences: Sequence[Sentence]) -> float:
    """Return what validation minimises: 1 - F1 of spans, or the part of wrong tags where tags are
    no spans; plus the part of wrong labels, if there are labels."""
    answers = list(fitted.answers(sentences))
    true = [sentence.tags or () for sentence in sentences]
    if fitted.scheme == "plain":
        pairs = list(zip(chain(*true), chain(*(a.tags for a in answers)), strict=True))
        error = sum(gold != guess for gold, guess in pairs) / len(pairs)
    else:
        error = 1 - score_spans(true, [answer.tags for answer in answers]).overall.f1
    judged = [(s.label, a.label) for s, a in zip(sentences, answers, strict=True) if s.label]
    if fitted.encoder.labels and judged:
        error += sum(gold != guess for gold, guess in judged) / len(judged)
    return error


def _loss(model: SequenceTagger, example: Example) -> Tensor:
    return model.loss(model(example.batch), example.batch.lengths, example.tags, example.labels)


def _fill(
    model: SequenceTagger,
    encoder: Encoder,
    counts: Tensor,
    unknown: float,
    vectors: Vectors | None,
) -> None:
    """Set the constants that the words of the corpus give."""
    rate = unknown / (unknown + counts.clamp_min(1))
    model.words.get_buffer("unknown_rate").copy_(rate)
    if vectors is not None:
        numbers = torch.tensor(encoder.words.ids(vectors.words))
        model.words.get_buffer("vectors")[numbers] = vectors.values
