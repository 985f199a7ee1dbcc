"""Pieces in other keys: each as a whole, another one each epoch, and exactly so again."""

import numpy as np
import torch
from torch import Generator, Tensor

from gatework.data.music.events import Events
from gatework.data.music.grammar import BORDER, OFF, ON, WAIT
from gatework.data.music.transposing import (
    Keys,
    TransposedWindows,
    in_all_keys,
    keys_of,
    moved,
    moved_chances,
)
from gatework.models.counted import BEGINNING, CountedChances
from gatework.models.ngrams import NGrams


def piece(*pitches: int) -> list[int]:
    return [BORDER, *(number for pitch in pitches for number in (ON + pitch, WAIT, OFF + pitch))]


PIECES = torch.tensor(
    [number for start in range(20) for number in piece(50 + start, 54 + start, 57 + start)],
    dtype=torch.int32,
)


def read(source: TransposedWindows, generator: Generator) -> Tensor:
    """One epoch as one sequence, turned so that it begins where the ring does."""
    batches = [source.load(index) for index in source.plan(generator)]
    assert [batch.begins for batch in batches] == [True] + [False] * (len(batches) - 1)
    for batch in batches:
        assert batch.targets[:-1].equal(batch.inputs[1:])
    return torch.cat([batch.inputs for batch in batches])[:, 0]


def test_pieces_are_moved_as_a_whole_and_anew_each_epoch() -> None:
    source = TransposedWindows(PIECES, keys_of(6), batch_size=1, window=10)
    generator = Generator().manual_seed(3)
    moves = []
    for _ in range(3):
        ids = read(source, generator)
        assert len(ids) == len(PIECES)
        first = int((ids == BORDER).nonzero()[0])
        ids = ids.roll(-first)
        found = ids.view(20, 10)[:-1] if first else ids.view(20, 10)  # the ring's seam is cut
        on = found[:, 1::3] - ON
        assert (found[:, 3::3] - OFF).equal(on)  # ends with their beginnings
        assert (on.diff(dim=1) == torch.tensor([4, 3])).all()
        assert (found[:, 2::3] == WAIT).all()
        moves.append(on[:, 0])
    assert not moves[0].equal(moves[1])
    assert not moves[1].equal(moves[2])


def test_the_same_generator_gives_the_same_again() -> None:
    source = TransposedWindows(PIECES, keys_of(6), batch_size=4, window=8)
    first, second = (source.plan(Generator().manual_seed(5)) for _ in range(2))
    fresh = TransposedWindows(PIECES, keys_of(6), batch_size=4, window=8)
    for one, other in zip(first, second, strict=True):
        assert one.equal(other)
        # Loading keeps nothing: in any order, from any copy of the source.
        assert source.load(one).inputs.equal(fresh.load(other).inputs)
    assert source.load(first[3]).inputs.equal(source.load(first[3]).inputs)


def test_all_keys_come_and_none_is_out_of_reach() -> None:
    ids = torch.tensor(piece(1, 125) * 200, dtype=torch.int32)
    source = TransposedWindows(ids, keys_of(6), batch_size=1, window=7)
    loaded = [source.load(index).inputs for index in source.plan(Generator().manual_seed(1))]
    found = torch.cat(loaded)
    lowest = found[(found >= ON) & (found < ON + 20)] - ON
    assert sorted(set(lowest.tolist())) == [0, 1, 2, 3]  # up by two at most, down by one
    assert int(found.max()) < WAIT + 1


def test_every_key_is_as_likely() -> None:
    ids = torch.tensor(piece(60) * 3000)
    source = TransposedWindows(ids, keys_of(6), batch_size=1, window=len(ids))
    (index,) = source.plan(Generator().manual_seed(2))
    found = source.load(index).inputs
    counts = torch.bincount(found[(found >= ON) & (found < OFF)] - ON)[55:67]
    assert int(counts.min()) > 200
    assert int(counts.max()) < 300


def test_in_all_keys() -> None:
    ids = torch.tensor(piece(60, 64) + piece(126))
    assert in_all_keys(ids, Keys(0, 0)).equal(ids)
    assert in_all_keys(ids, keys_of(6), most=1).equal(ids)
    two = in_all_keys(ids, Keys(1, 2), most=2 * len(ids))
    assert two.equal(torch.cat([moved(ids, -1), ids]))
    found = in_all_keys(ids, Keys(1, 2))
    lower = moved(ids, -1)
    assert found[: len(ids)].equal(lower)
    assert len(found) == 3 * len(ids) + len(piece(60, 64))  # the second cannot go up by two


def test_chances_move_with_the_notes() -> None:
    """n-grams of moved pieces say of a moved piece what the others say of it as it stands."""
    vocabulary = ON + len(Events(steps=1).words)
    ids = torch.tensor(piece(58, 62, 65, 62))
    still, there = (
        CountedChances(NGrams.learn(moved(PIECES, by).numpy(), vocabulary, 4)).read(
            moved(ids, by).numpy()[:, None], np.array([BEGINNING])
        )[0]
        for by in (0, 3)
    )
    found = moved_chances(still, torch.full((len(ids), 1), 3))
    assert torch.allclose(found, there, atol=1e-5)
    assert not torch.allclose(still, there, atol=0.1)
    assert torch.allclose(found.exp().sum(-1), torch.ones(1), atol=1e-5)
