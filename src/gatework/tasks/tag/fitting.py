"""From a corpus to a fitted network."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple, final

import torch
from torch import Tensor

from gatework.data.batches import LengthBatches
from gatework.data.conll import Sentence
from gatework.data.text import UNKNOWN
from gatework.data.vectors import read_vectors
from gatework.models.tagger import SequenceTagger, TaggerEnsemble, TaggerShape
from gatework.models.words import WordShape
from gatework.tasks.precision import choose_precision
from gatework.tasks.settings import Choice, Precision
from gatework.tasks.tag.corpus import LONGEST, Corpus
from gatework.tasks.tag.encoding import SHAPES, Encoded, Encoder, Example, normal
from gatework.tasks.tag.fitted import Fitted
from gatework.tasks.tag.nouns import STEPS
from gatework.tasks.tag.settings import TagSettings
from gatework.tasks.tag.spans import Scheme, convert, legal, score_spans, score_tags
from gatework.tasks.tag.steps import EncodedSteps, StepEncoder
from gatework.tasks.threads import one_thread
from gatework.training import History, Progress, TrainSettings, train

_STEPS: Final = 4_000  # that taggers of any size need about
_MANY_WORDS: Final = 100_000
_LEAST_EPOCHS: Final = 10
_MOST_EPOCHS: Final = 100
_STEPS_READ: Final = 6_000_000  # of recordings, over all epochs
_WORDS_A_SENTENCE: Final = 30  # what a batch has room for, for each of its sentences

Fill = Callable[[SequenceTagger], None]


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
    effort, choices = choose_effort(corpus, settings)
    if corpus.nouns is STEPS:
        encoder, words, fill = StepEncoder.learn(learnt, corpus.features), None, _fill_nothing
    else:
        encoder, words, fill = _read_words(learnt, settings)
    shape = TaggerShape(
        words,
        tags=len(encoder.tags),
        labels=len(encoder.labels),
        hidden_size=effort.hidden_size,
        num_layers=settings.num_layers,
        crf=settings.crf,
        dropout=settings.dropout,
        features=encoder.size if isinstance(encoder, StepEncoder) else 0,
    )
    job = _Training(corpus, settings, encoder, shape, inner, effort, folder, progress)
    encoded = encoder.encode(learnt)
    members, histories = [], []
    with one_thread():
        for number in range(effort.members):
            model, history = job.run(number, encoded, fill)
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
    encoder: Encoder | StepEncoder
    shape: TaggerShape
    inner: Scheme
    effort: "Effort"
    folder: Path | None
    progress: Progress | None

    def run(
        self, number: int, encoded: Encoded | EncodedSteps, fill: Fill
    ) -> tuple[SequenceTagger, History]:
        """Train network `number`, from 0, with a seed of its own; `fill` sets its constants."""
        settings, encoder, effort = self.settings, self.encoder, self.effort
        seed = settings.seed * effort.members + number
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = SequenceTagger(self.shape, UNKNOWN, legal(encoder.tags, self.inner))
        fill(model)
        alone = TaggerEnsemble([model])
        fitted = Fitted(encoder, self.shape, self.corpus.scheme, self.inner, alone)

        def error(_: SequenceTagger) -> float:
            alone.settle()
            return fitted_error(fitted, self.corpus.validation)

        source = LengthBatches(
            encoded.lengths,
            encoded.load,
            batch_size=effort.batch_size,
            most_steps=effort.batch_size * (_WORDS_A_SENTENCE if self.shape.words else LONGEST),
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
                precision=effort.precision,
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
    precision: Precision


def choose_effort(corpus: Corpus, settings: TagSettings) -> tuple[Effort, list[Choice]]:
    """Return the effort for a corpus of this size."""
    sentences = len(corpus.train)
    words = sum(len(sentence.tokens) for sentence in corpus.train)
    by_sentences = ((200, 4), (1_000, 8), (8_000, 16))
    batch_size = settings.batch_size or next(
        (size for most, size in by_sentences if sentences < most), 32
    )
    epochs = _STEPS * batch_size // sentences
    if corpus.nouns is STEPS:
        epochs = min(epochs, _STEPS_READ // words)
    by_size = Effort(
        # Multiples of 16 fill the registers of the native core.
        hidden_size=64 if words < 10_000 else 128 if words < _MANY_WORDS else 192,
        epochs=min(_MOST_EPOCHS, max(_LEAST_EPOCHS, epochs)),
        batch_size=batch_size,
        members=3 if words < _MANY_WORDS else 1,
        precision=choose_precision(gains=words >= _MANY_WORDS),
    )
    chosen = {n: v for n in Effort._fields if (v := getattr(settings, n)) is not None}
    reason = f"{words:,} {corpus.nouns.step}s in {sentences:,} {corpus.nouns.whole}s"
    effort = by_size._replace(**chosen)
    free = [name for name in Effort._fields if name not in chosen]
    return effort, [Choice(name, getattr(effort, name), reason) for name in free]


def fitted_error(fitted: Fitted, sentences: Sequence[Sentence]) -> float:
    """Return what validation minimises: 1 - F1 of spans, or the part of wrong tags where tags are
    no spans, or 1 - the macro F1 of steps; plus the part of wrong labels, if there are labels."""
    answers = list(fitted.answers(sentences))
    true = [sentence.tags or () for sentence in sentences]
    if isinstance(fitted.encoder, StepEncoder):
        by_tag = score_tags(true, [answer.tags for answer in answers]).types
        error = 1 - statistics.mean(each.f1 for each in by_tag)
    elif fitted.scheme == "plain":
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


def _read_words(
    learnt: Sequence[Sentence], settings: TagSettings
) -> tuple[Encoder, WordShape, Fill]:
    """Learn the words of a corpus; and what sets the constants of a network that they give."""
    vectors = None
    if settings.vectors is not None:
        known = {normal(word) for sentence in learnt for word in sentence.tokens}
        vectors = read_vectors(Path(settings.vectors), known, normal)
    encoder = Encoder.learn(
        learnt, least=settings.least, extra=vectors.words if vectors is not None else ()
    )
    counts = encoder.counts(learnt).clamp_min(1)
    rate = settings.unknown / (settings.unknown + counts)

    def fill(model: SequenceTagger) -> None:
        model.get_buffer("words.unknown_rate").copy_(rate)
        if vectors is not None:
            numbers = torch.tensor(encoder.words.ids(vectors.words))
            model.get_buffer("words.vectors")[numbers] = vectors.values

    shape = WordShape(
        vocabulary=encoder.learnt,
        characters=len(encoder.characters),
        shapes=SHAPES,
        word_size=settings.word_size,
        spelling_size=settings.spelling_size,
        vectors=0 if vectors is None else len(encoder.words),
        vector_size=0 if vectors is None else vectors.values.shape[1],
    )
    return encoder, shape, fill


def _fill_nothing(_: SequenceTagger) -> None:
    """Steps have no constants inside the network."""
