"""From a corpus to a fitted network."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor

from gatework.data.batches import LengthBatches
from gatework.data.conll import Sentence
from gatework.data.text import UNKNOWN
from gatework.data.vectors import Vectors, read_vectors
from gatework.models.tagger import SequenceTagger, TaggerShape
from gatework.models.words import WordShape
from gatework.tasks.settings import Choice
from gatework.tasks.tag.corpus import Corpus
from gatework.tasks.tag.encoding import SHAPES, Encoder, Example, normal
from gatework.tasks.tag.fitted import Fitted
from gatework.tasks.tag.settings import TagSettings
from gatework.tasks.tag.spans import Scheme, convert, legal, score_spans
from gatework.tasks.threads import one_thread
from gatework.training import Progress, TrainSettings, train

_STEPS: Final = 4_000  # that taggers of any size need about
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
    """Fit a tagger to the training part of a corpus; the validation part chooses its weights.

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
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        model = SequenceTagger(shape, UNKNOWN, legal(encoder.tags, inner))
    _fill(model, encoder, learnt, settings, vectors)
    fitted = Fitted(encoder, shape, corpus.scheme, inner, model, tuple(choices))
    encoded = encoder.encode(learnt)
    source = LengthBatches(
        encoded.places.lengths,
        encoded.load,
        batch_size=effort.batch_size,
        most_steps=effort.batch_size * _WORDS_A_SENTENCE,
    )
    plan = TrainSettings(
        epochs=effort.epochs,
        time_budget=settings.time_budget,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        clip_norm=5.0,
        schedule="one_cycle",
        warmup=0.15,
        validate_every=len(source.plan(torch.Generator())),  # once an epoch
        average=0.998,
        seed=settings.seed,
    )
    with one_thread():
        history = train(
            model,
            source,
            _loss,
            settings=plan,
            validate=lambda _: fitted_error(fitted, corpus.validation),
            folder=folder,
            progress=progress,
            title="training",
        )
    return Fitted(encoder, shape, corpus.scheme, inner, model.eval(), tuple(choices), history)


class Effort(NamedTuple):
    """How large a network is trained, and for how long."""

    hidden_size: int
    epochs: int
    batch_size: int


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
        hidden_size=64 if words < 10_000 else 128 if words < 100_000 else 192,
        epochs=min(_MOST_EPOCHS, max(_LEAST_EPOCHS, epochs)),
        batch_size=batch_size,
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
    sentences: Sequence[Sentence],
    settings: TagSettings,
    vectors: Vectors | None,
) -> None:
    """Set the constants that the words of the corpus give."""
    counts = encoder.counts(sentences)
    rate = settings.unknown / (settings.unknown + counts.clamp_min(1))
    model.words.get_buffer("unknown_rate").copy_(rate)
    if vectors is not None:
        numbers = torch.tensor(encoder.words.ids(vectors.words))
        model.words.get_buffer("vectors")[numbers] = vectors.values
