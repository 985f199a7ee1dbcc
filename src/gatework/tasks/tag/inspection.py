"""A fitted tagger as something to look inside: its first LSTM over words, on some sentences."""

from collections.abc import Sequence
from itertools import islice
from typing import Final, final

import torch
from torch import Tensor, nn

from gatework.data.conll import Sentence
from gatework.errors import InputError
from gatework.inspector.inspection import Inspection, Labels
from gatework.models.tagger import SequenceTagger
from gatework.tasks.tag.corpus import pieces
from gatework.tasks.tag.fitted import Fitted
from gatework.tasks.tag.spans import convert
from gatework.tasks.tag.steps import StepEncoder

_SHOWN: Final = 40  # characters of a sentence that stand for it


@final
class Reader(nn.Module):
    """A tagger from the vectors of its words, or its steps, on: they are numbers, so one can ask
    what moves them.

    Args:
        tagger: Whose layers these are.
    """

    def __init__(self, tagger: SequenceTagger) -> None:
        super().__init__()
        self.lstm, self.emit = tagger.lstm, tagger.emit

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Return (T, B, tags) scores from (T, B, F) vectors of words."""
        states, _ = self.lstm(words, lengths=lengths)
        return self.emit(states)


def inspection_of(
    fitted: Fitted, sentences: Sequence[Sentence], *, most: int, title: str
) -> Inspection:
    """Put sentences before a fitted tagger.

    The loss of a step is -log of the probability of the true tag, or of the tag that is given
    where the truth is not known; the score explained is the mean log-probability of the tags given.

    Args:
        fitted: The tagger.
        sentences: The first of them that have words are taken.
        most: How many.
        title: What the page is called.

    Raises:
        InputError: No sentence has a word.
    """
    chosen = [next(pieces(s)) for s in islice((s for s in sentences if s.tokens), most)]
    if not chosen:
        raise InputError("nothing to look at: there is no sentence with words in it")
    model = fitted.model.members[0]
    assert isinstance(model, SequenceTagger)
    crf = model.crf
    example = fitted.encoder.encode(
        [s._replace(tags=tuple(convert(s.tags or (), fitted.inner))) for s in chosen]
    ).load(torch.arange(len(chosen)))
    lengths = example.batch.lengths
    with torch.no_grad():
        words = model.read(example.batch)
        scores = model(example.batch)
        given = crf.decode(scores.tags, lengths).clamp_min(0)
    known = torch.tensor([sentence.tags is not None for sentence in chosen])
    target = torch.where(known, example.tags, given)

    def score(answer: Tensor) -> Tensor:
        return crf(answer, given, lengths) / lengths

    def loss(answer: Tensor) -> Tensor:
        chance = crf.marginals(answer, lengths).gather(-1, target[..., None]).squeeze(-1)
        return -chance.clamp_min(1e-12).log()

    return Inspection(
        title,
        Reader(model).eval(),
        (words, lengths),
        score=score,
        score_name="mean log-probability of the tags given",
        labels=(Labels("lstm", [s.tokens for s in chosen], _features(fitted, model), loss),),
        sequences=tuple(_name(place, s) for place, s in enumerate(chosen, 1)),
    )


def _features(fitted: Fitted, model: SequenceTagger) -> tuple[str, ...]:
    """Names for the numbers of a step, or the parts of a word's vector."""
    encoder = model.words
    if encoder is None:
        assert isinstance(fitted.encoder, StepEncoder)
        return fitted.encoder.feature_names()
    sizes = {
        "word": encoder.word.embedding_dim,
        "writing": encoder.shape.embedding_dim,
        "spelling, forwards": encoder.spelling.hidden_size,
        "spelling, backwards": encoder.spelling.hidden_size,
        "vector from outside": encoder.get_buffer("vectors").shape[1],
    }
    return tuple(f"{name} {place}" for name, size in sizes.items() for place in range(size))


def _name(place: int, sentence: Sentence) -> str:
    if sentence.values is not None:
        return f"{place}: from row {sentence.row}"
    text = " ".join(sentence.tokens)
    return f"{place}: {text if len(text) <= _SHOWN else text[: _SHOWN - 3] + '...'}"
