"""A network that begins from n-grams: trained on what they say of text that they have not seen."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator

from gatework.data.stream import StreamWindows
from gatework.errors import InputError
from gatework.models.counted import BEGINNING, CountedChances
from gatework.models.language import LanguageNetwork, LanguageShape
from gatework.models.ngrams import NGrams
from gatework.tasks.generate import LanguageModel
from gatework.tasks.generate.counting import CountedWindows
from gatework.tasks.generate.reading import AbstractReader, ManyReader, OneReader
from tasks.generate.grammar import SMALL, lines

BEGUN = np.array([BEGINNING])


def test_a_window_is_foretold_from_the_rest_of_the_text() -> None:
    ids = np.random.default_rng(0).integers(0, 5, 1000).astype(np.uint8)
    plain = StreamWindows(torch.from_numpy(ids), batch_size=3, window=20)
    source = CountedWindows(plain, ids, vocabulary=5, order=3)
    for index in source.plan(Generator().manual_seed(0))[:9]:
        batch, alone = source.load(index), plain.load(index)
        assert torch.equal(batch.inputs, alone.inputs)
        assert torch.equal(batch.targets, alone.targets)
        assert batch.rows.shape == (20, 3, 5)
        for step, stream in itertools.product((0, 7, 19), range(3)):
            at = (int(index[0, stream]) + step + 1) % 1000  # of the target
            start = at // 200 * 200
            rest = np.concatenate([ids[:start], ids[start + 200 :]])
            before = ids[np.arange(at - 2, at) % 1000].astype(np.int64)
            rows, _ = CountedChances(NGrams.learn(rest, 5, 3)).read(before[:, None], BEGUN, last=1)
            torch.testing.assert_close(batch.rows[step, stream], rows[0, 0], rtol=1e-3, atol=1e-3)


def network_of(kind: str) -> LanguageNetwork:
    if kind == "adaptive":
        return LanguageNetwork(LanguageShape(200, 8, 16, adaptive=True)).eval()
    counted = NGrams.learn(np.random.default_rng(0).integers(0, 9, 300), 9, 4)
    network = LanguageNetwork(LanguageShape(9, 4, 8, counted=4), counted=CountedChances(counted))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter)
    return network.eval()


@pytest.mark.parametrize("kind", ["counted", "adaptive"])
def test_readers_say_what_the_network_says(kind: str) -> None:
    network = network_of(kind)
    ids = torch.randint(9, (30, 3))
    with torch.no_grad():
        expected = network(ids)[0].double().numpy()
    readers: list[tuple[AbstractReader, int]] = [
        (OneReader(network), 1),
        (ManyReader(network, 3), 3),
    ]
    for reader, streams in readers:
        reader.prime(ids[:4, 0].numpy())
        for step in range(4, 20):
            said = reader.read(ids[step, :1].numpy().repeat(streams))
            whole = network(torch.cat([ids[:4, :1], ids[4 : step + 1, :1]]))[0]
            np.testing.assert_allclose(
                said, whole[-1].double().detach().expand(streams, -1), atol=1e-4
            )
        state = reader.state
        again = reader.read(ids[20, :streams].numpy()).copy()
        reader.state = state
        np.testing.assert_array_equal(reader.read(ids[20, :streams].numpy()), again)
    many = ManyReader(network, 3)
    many.prime(np.array([], np.int64))
    for step in range(30):
        said = many.read(ids[step].numpy())
    np.testing.assert_allclose(said, expected[-1], atol=1e-4)
    many.choose(np.array([2, 0]))
    after = network(torch.cat([ids[:, [2, 0]], ids[:1, :2]]))[0][-1].double().detach()
    np.testing.assert_allclose(many.read(ids[0, :2].numpy()), after, atol=1e-4)


def small(**changes: Any) -> LanguageModel:
    settings: dict[str, Any] = SMALL | changes
    return LanguageModel(**settings)


def test_what_it_begins_from_is_chosen_and_refused() -> None:
    text = lines(400)
    model = small(epochs=1).fit([text])
    assert model.outcome_ is not None
    chosen = {each.name: each.value for each in model.outcome_.choices}
    assert chosen["ngram"] == 7
    assert chosen["softmax"] == "full"
    alone = small(epochs=1, ngram=0).fit([text])
    assert model.scores_ is not None
    assert alone.scores_ is not None
    assert model.scores_.methods[0].nats < alone.scores_.methods[0].nats
    assert "corrects the chances of a 7-gram" in str(model.scores_)
    assert "corrects" not in str(alone.scores_)
    with pytest.raises(InputError, match="ngram is 8"):
        small(ngram=8).fit([text])


def test_words_by_an_adaptive_softmax_write_and_come_back(tmp_path: Any) -> None:
    names = " ".join(f"word{number}" for number in range(150))
    settings: dict[str, Any] = {"tokens": "words", "softmax": "adaptive", "tied": False}
    model = small(**settings, epochs=2).fit([f"{names}\n" * 40], run=tmp_path / "run")
    again = LanguageModel.load(tmp_path / "run")
    assert again.generate("word1", length=20) == model.generate("word1", length=20)
    with pytest.raises(InputError, match="softmax='full'"):
        small(**(settings | {"tied": True})).fit([f"{names}\n" * 40])
