"""The tagging network: what may and may not change its answer."""

import dataclasses

import pytest
import torch
from torch import Tensor

from gatework.layers import CRF
from gatework.models.tagger import SequenceTagger, TaggerEnsemble, TaggerShape
from gatework.models.words import WordBatch, WordEncoder, WordShape

WORDS = WordShape(vocabulary=12, characters=9, shapes=3, word_size=6, spelling_size=4)
SHAPE = TaggerShape(WORDS, tags=4, labels=3, hidden_size=5)
LENGTHS = (3, 7, 1, 0)


def words(count: int = 8) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Numbers, shapes, characters (C, W) and sizes of W different words."""
    sizes = torch.randint(1, 6, (count,))
    characters = torch.randint(1, 9, (6, count))
    characters[torch.arange(6)[:, None] >= sizes] = 0
    return torch.randint(2, 12, (count,)), torch.randint(3, (count,)), characters, sizes


def batch_of(places: Tensor, lengths: Tensor, known: tuple[Tensor, ...]) -> WordBatch:
    return WordBatch(places, lengths, *known)


@pytest.fixture
def tagger() -> SequenceTagger:
    return SequenceTagger(SHAPE, unknown=1).eval()


def test_padding_and_batch_mates_change_nothing(tagger: SequenceTagger) -> None:
    known = words()
    places, lengths = torch.randint(8, (7, 4)), torch.tensor(LENGTHS)
    together = tagger(batch_of(places, lengths, known))
    for b, length in enumerate(LENGTHS):
        alone = tagger(batch_of(places[:, b : b + 1], lengths[b : b + 1], known))
        torch.testing.assert_close(alone.tags[:length, 0], together.tags[:length, b])
        torch.testing.assert_close(alone.labels[0], together.labels[b])
        # Other words past the end, and another padding of the characters.
        other = places[:, b : b + 1].clone()
        other[length:] = 5
        longer = (*known[:2], torch.cat([known[2], torch.full((3, 8), 7)]), known[3])
        padded = tagger(batch_of(other, lengths[b : b + 1], longer))
        torch.testing.assert_close(padded.tags[:length, 0], together.tags[:length, b])
        torch.testing.assert_close(padded.labels[0], together.labels[b])


def test_a_word_is_the_same_wherever_it_stands(tagger: SequenceTagger) -> None:
    known, places = words(), torch.tensor([[0, 1], [1, 0]])
    assert tagger.words is not None
    vectors = tagger.words(batch_of(places, torch.tensor([2, 2]), known))
    assert vectors[0, 0].equal(vectors[1, 1])
    assert vectors.shape == (2, 2, tagger.words.size)


def test_words_are_taken_for_unknown_as_often_as_asked() -> None:
    encoder = WordEncoder(WORDS, unknown=1).train()
    encoder.get_buffer("unknown_rate")[2] = 0.5
    numbers = torch.full((4_000,), 2)
    numbers[:2_000] = 3
    known = (numbers, *(part[..., :1].expand(*part.shape[:-1], 4_000) for part in words(1)[1:]))
    places = torch.arange(4_000)[None]
    own = encoder(batch_of(places, torch.ones(4_000, dtype=torch.int64), known))[0, :, :6]
    is_unknown = (own == encoder.word.weight[1]).all(-1)
    assert not is_unknown[:2_000].any()
    # Five deviations of a mean of 2,000 coins.
    assert abs(float(is_unknown[2_000:].float().mean()) - 0.5) < 0.056


def test_words_with_a_vector_from_outside_alone_are_unknown_otherwise() -> None:
    shape = dataclasses.replace(WORDS, vectors=14, vector_size=2)
    encoder = WordEncoder(shape, unknown=1).eval()
    encoder.get_buffer("vectors").copy_(torch.arange(28.0).view(14, 2))
    known = (torch.tensor([13]), *(part[..., :1] for part in words(1)[1:]))
    found = encoder(batch_of(torch.zeros(1, 1, dtype=torch.int64), torch.tensor([1]), known))
    assert found[0, 0, :6].equal(encoder.word.weight[1])
    assert found[0, 0, -2:].tolist() == [26.0, 27.0]
    assert "vectors" not in dict(encoder.named_parameters())


def test_loss_is_of_words_and_of_sentences(tagger: SequenceTagger) -> None:
    known = words()
    places, lengths = torch.randint(8, (7, 4)), torch.tensor(LENGTHS)
    scores = tagger(batch_of(places, lengths, known))
    tags, labels = torch.randint(4, (7, 4)), torch.tensor([2, -1, 0, -1])
    of_words = -tagger.crf(scores.tags, tags, lengths).sum() / 11
    torch.testing.assert_close(tagger.loss(scores, lengths, tags), of_words.float())
    rows = torch.log_softmax(scores.labels, -1)
    of_sentences = -(rows[0, 2] + rows[2, 0]) / 2
    whole = tagger.loss(scores, lengths, tags, labels)
    torch.testing.assert_close(whole, of_words.float() + of_sentences)
    unlabelled = tagger.loss(scores, lengths, tags, torch.full((4,), -1))
    torch.testing.assert_close(unlabelled, of_words.float())


def test_without_a_crf_each_tag_is_decided_for_itself() -> None:
    tagger = SequenceTagger(dataclasses.replace(SHAPE, crf=False), unknown=1)
    places, lengths = torch.randint(8, (7, 4)), torch.tensor(LENGTHS)
    batch = batch_of(places, lengths, words())
    scores = tagger(batch)
    tags = torch.randint(4, (7, 4))
    inside = torch.arange(7)[:, None] < lengths
    expected = torch.nn.functional.cross_entropy(scores.tags[inside], tags[inside])
    torch.testing.assert_close(tagger.loss(scores, lengths, tags), expected)
    best = tagger.crf.decode(scores.tags, lengths)
    assert best[inside].equal(scores.tags.argmax(-1)[inside])
    tagger.loss(scores, lengths, tags).backward()
    assert all(parameter.grad is None for parameter in tagger.crf.parameters())


def test_an_ensemble_is_the_geometric_mean_of_its_members() -> None:
    members = [SequenceTagger(SHAPE, unknown=1).eval() for _ in range(2)]
    for member in members:
        torch.nn.init.normal_(member.crf.transitions)
    ensemble = TaggerEnsemble(members).settle().eval()
    batch = batch_of(torch.randint(8, (7, 4)), torch.tensor(LENGTHS), words())
    scores = ensemble(batch)
    paths = torch.randint(4, (20, 7, 4))

    def logs(crf: CRF, emissions: Tensor) -> Tensor:
        return torch.stack([crf(emissions, path, batch.lengths) for path in paths])

    each = torch.stack([logs(m.crf, m(batch).tags) for m in members]).mean(0)
    ours = logs(ensemble.crf, scores.tags)
    # Equal but for what norms the mean, which is the same for every path.
    # The emissions are float32; the rest is a few of their roundings.
    torch.testing.assert_close(ours - ours[0], each - each[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(
        scores.labels, (members[0](batch).labels + members[1](batch).labels) / 2
    )
    alone = TaggerEnsemble(members[:1]).settle()
    assert alone(batch).tags.equal(members[0](batch).tags)
