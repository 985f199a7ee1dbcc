"""Ragged storage, and batches by length: every sequence once, within both limits, by seed."""

import itertools
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator, Tensor

from gatework.data.batches import LengthBatches, in_order_of_length
from gatework.data.ragged import Padded, Ragged
from gatework.training import TrainSettings, train

LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=300).map(torch.tensor)


def same(index: Tensor) -> Tensor:
    return index


@given(LENGTHS, st.integers(1, 20), st.none() | st.integers(1, 100), st.integers(0, 3))
def test_an_epoch_has_each_once_within_the_limits(lengths, batch_size, most_steps, seed) -> None:
    source = LengthBatches(lengths, same, batch_size=batch_size, most_steps=most_steps)
    plan = source.plan(Generator().manual_seed(seed))
    assert torch.cat(plan).sort().values.tolist() == list(range(len(lengths)))
    for batch in plan:
        assert 1 <= len(batch) <= batch_size
        assert most_steps is None or len(batch) == 1 or lengths[batch].sum() <= most_steps
    again = source.plan(Generator().manual_seed(seed))
    assert [batch.tolist() for batch in plan] == [batch.tolist() for batch in again]


def test_lengths_in_a_batch_are_alike_and_mates_change() -> None:
    lengths = torch.randint(1, 60, (2_000,), generator=Generator().manual_seed(0))
    source = LengthBatches(lengths, same, batch_size=32)
    generator = Generator().manual_seed(1)
    first, second = source.plan(generator), source.plan(generator)
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in first)
    assert padded < 1.05 * int(lengths.sum())
    assert {tuple(sorted(b.tolist())) for b in first} != {tuple(sorted(b.tolist())) for b in second}
    # The order of the batches says nothing of their lengths.
    means = torch.stack([lengths[batch].float().mean() for batch in first])
    assert not torch.equal(means, means.sort().values)


def test_a_pool_is_all_that_is_drawn_from() -> None:
    pool = torch.tensor([2, 5, 7])
    source = LengthBatches(torch.arange(10), same, batch_size=2, pool=pool)
    assert torch.cat(source.plan(Generator())).sort().values.tolist() == [2, 5, 7]


@given(LENGTHS, st.none() | st.integers(1, 100))
def test_prediction_goes_by_length_and_leaves_nobody_out(lengths, most_steps) -> None:
    batches = in_order_of_length(lengths, batch_size=7, most_steps=most_steps)
    flat = torch.cat(batches)
    assert flat.sort().values.tolist() == list(range(len(lengths)))
    assert lengths[flat].diff().ge(0).all()


@given(st.lists(st.lists(st.integers(2, 99), max_size=9), min_size=1, max_size=9))
def test_what_is_padded_is_what_was_put_in(sequences: list[list[int]]) -> None:
    ragged = Ragged.of_ids(sequences)
    index = torch.arange(len(sequences)).flip(0)
    box, lengths = ragged.padded(index)
    assert box.shape == (max(1, *map(len, sequences)), len(sequences))
    for column, place in enumerate(index.tolist()):
        length = len(sequences[place])
        assert lengths[column] == length
        assert box[:length, column].tolist() == sequences[place]
        assert not box[length:, column].any()
    taken = ragged.take(index)
    assert [taken[i].tolist() for i in range(len(taken))] == sequences[::-1]


def test_steps_may_have_features() -> None:
    ragged = Ragged.of([torch.ones(2, 3), torch.zeros(0, 3), 2 * torch.ones(1, 3)])
    box, lengths = ragged.padded(torch.tensor([2, 0, 1]))
    assert box.shape == (2, 3, 3)
    assert lengths.tolist() == [1, 2, 0]
    assert box[:, :, 0].T.tolist() == [[2, 0], [1, 1], [0, 0]]


def test_missing_values_do_not_leak_past_a_length() -> None:
    ragged = Ragged.of([torch.full((1, 1), torch.nan), torch.ones(3, 1)])
    box, _ = ragged.padded(torch.tensor([0, 1]))
    assert box[0, 0].isnan()
    assert not box[1:].isnan().any()


def test_a_training_that_was_cut_off_ends_with_the_same_weights(tmp_path: Path) -> None:
    ragged = Ragged.of([torch.randn(n % 13 + 1, 1) for n in range(64)])

    class KilledError(Exception):
        pass

    def fit(folder: Path, *, batches: int) -> Tensor:
        """Train for 30 steps; break off when that many batches have been asked for."""
        asked = itertools.count()

        def load(index: Tensor) -> Padded:
            if next(asked) == batches:
                raise KilledError
            return ragged.padded(index)

        torch.manual_seed(0)
        model = torch.nn.Linear(1, 1)
        train(
            model,
            LengthBatches(ragged.lengths, load, batch_size=8, most_steps=40),
            lambda model, batch: (model(batch.values).sum((0, 2)) / batch.lengths - 1).abs().mean(),
            settings=TrainSettings(max_steps=30, seed=4, checkpoint_seconds=0),
            folder=folder,
        )
        return model.weight.detach()

    whole = fit(tmp_path / "whole", batches=99)
    with pytest.raises(KilledError):
        fit(tmp_path / "half", batches=17)
    assert torch.equal(fit(tmp_path / "half", batches=99), whole)
