"""The parts of a classifier against hand numbers and laws."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from gatework.data.labels import Classes
from gatework.data.ragged import Ragged
from gatework.errors import InputError
from gatework.tasks.classify import baselines, metrics, splits
from gatework.tasks.classify.bags import DenseBag, Pairs, PresenceBag
from gatework.tasks.classify.calibration import Calibration, f1_threshold, fit_factors
from gatework.tasks.classify.scores import MethodScores, Scores, measure

SCORES = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=40).filter(
    lambda pairs: len({hit for _, hit in pairs}) == 2
)


@given(SCORES)
def test_auroc_is_the_chance_to_rank_a_positive_higher(pairs) -> None:
    score = np.array([s for s, _ in pairs], float)
    hit = np.array([h for _, h in pairs])
    ups, downs = score[hit], score[~hit]
    wins = (ups[:, None] > downs).mean() + 0.5 * (ups[:, None] == downs).mean()
    assert metrics.auroc(score, hit) == pytest.approx(wins)


@given(SCORES)
def test_average_precision_is_the_sum_over_thresholds(pairs) -> None:
    score = np.array([s for s, _ in pairs], float)
    hit = np.array([h for _, h in pairs])
    before, area = 0.0, 0.0
    for level in sorted(set(score), reverse=True):
        said = score >= level
        recall = (said & hit).sum() / hit.sum()
        area += (recall - before) * (said & hit).sum() / said.sum()
        before = recall
    assert metrics.average_precision(score, hit) == pytest.approx(area)


def test_scores_by_hand() -> None:
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    found = measure(p, p.argmax(1), np.array([0, 1, 0, 0]))
    assert found["accuracy"] == 0.75
    # class 0: 2 of 2 said, 2 of 3 found; class 1: 1 of 2 said, 1 of 1 found
    assert found["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.2, 0.7]).mean())
    assert found["brier"] == pytest.approx((0.02 + 0.32 + 1.28 + 0.18) / 4)
    # every answer is in a bin of its own: 0.9 and right, 0.6 and right, 0.8 and wrong, 0.7 right
    assert found["calibration_error"] == pytest.approx((0.1 + 0.4 + 0.8 + 0.3) / 4)


def test_a_label_never_seen_is_wrong_whatever_is_said() -> None:
    p = np.array([[0.9, 0.1], [0.1, 0.9]])
    assert measure(p, p.argmax(1), np.array([0, -1]))["accuracy"] == 0.5
    assert metrics.confusion(p.argmax(1), np.array([0, -1]), 2).sum() == 1


def test_confusion_has_the_truth_in_rows() -> None:
    counts = metrics.confusion(np.array([1, 1, 2]), np.array([0, 1, 2]), 3)
    assert counts.tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 1]]


@given(st.lists(st.integers(0, 3), min_size=8, max_size=60), st.integers(0, 5))
def test_a_hold_out_has_every_class_of_more_than_one(groups, seed) -> None:
    groups = np.array(groups)
    if max(np.bincount(groups)) < 2:
        return
    kept, held = splits.hold_out(groups, 0.2, np.random.default_rng(seed))
    assert sorted([*kept, *held]) == list(range(len(groups)))
    for group, number in enumerate(np.bincount(groups)):
        expected = 0 if number < 2 else min(max(1, round(0.2 * number)), number - 1)
        assert (groups[held] == group).sum() == expected


@given(st.lists(st.integers(0, 3), min_size=10, max_size=60), st.integers(2, 10))
def test_folds_hold_each_place_out_once_and_are_even(groups, count) -> None:
    groups = np.array(groups)
    parts = list(splits.folds(groups, count, np.random.default_rng(0)))
    held = [held for _, held in parts]
    assert sorted(np.concatenate(held)) == list(range(len(groups)))
    sizes = [len(part) for part in held]
    assert max(sizes) - min(sizes) <= 1
    for group in set(groups.tolist()):
        shares = [(groups[part] == group).sum() for part in held]
        assert max(shares) - min(shares) <= 1


def test_too_many_folds_are_refused() -> None:
    with pytest.raises(InputError, match="folds is 9, and there are only 4"):
        next(splits.folds(np.zeros(4, np.int64), 9, np.random.default_rng(0)))


def tokens(*texts: list[int]) -> Ragged:
    return Ragged.of_ids(texts)


def test_a_bag_knows_tokens_and_neighbours_once_each() -> None:
    # 1 is unknown: neither it nor a pair with it is a feature
    train = tokens([2, 3, 2, 3], [3, 1, 2], [])
    pairs = Pairs.of(train, 5, most=10)
    assert pairs.keys.tolist() == [2 * 5 + 3, 3 * 5 + 2]
    bag = pairs.bag(tokens([3, 2, 3], [4, 3], [], [1, 1]))
    rows = [sorted(bag.ones[i].tolist()) for i in range(4)]
    assert rows == [[2, 3, 5, 6], [3, 4], [], []]
    weight = torch.arange(7.0)[:, None]
    assert bag.times(weight).flatten().tolist() == [16.0, 7.0, 0.0, 0.0]
    assert bag.take(torch.tensor([1])).times(weight).tolist() == [[7.0]]


def test_the_frequent_pairs_are_kept() -> None:
    pairs = Pairs.of(tokens([2, 3], [2, 3], [3, 2]), 5, most=1)
    assert pairs.keys.tolist() == [13]


def test_naive_bayes_by_hand() -> None:
    bag = PresenceBag(tokens([0, 1], [1], [2]), 3)
    rule = baselines.naive_bayes(bag, torch.tensor([0, 0, 1]), 2)
    # class 0 has one of feature 0, two of 1: (1+1)/6, (2+1)/6, 1/6; class 1: 1/4, 1/4, 2/4
    expected = np.log([[2 / 6, 1 / 4], [3 / 6, 1 / 4], [1 / 6, 2 / 4]])
    np.testing.assert_allclose(rule.weight.numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(rule.bias.numpy(), np.log([3 / 5, 2 / 5]), rtol=1e-5)


@pytest.mark.parametrize("several", [False, True])
def test_logistic_regression_is_at_the_minimum(several) -> None:
    torch.manual_seed(0)
    rows = torch.randn(60, 4)
    targets = (rows[:, 0] + 0.5 * torch.randn(60) > 0).long()
    wanted = torch.stack([targets, 1 - targets], 1).float() if several else targets
    rule = baselines.logistic(DenseBag(rows), wanted, 2, penalty=0.1)
    weight, bias = rule.weight.clone().requires_grad_(), rule.bias.clone().requires_grad_()
    scores = rows @ weight + bias
    if several:
        each = functional.binary_cross_entropy_with_logits(scores, wanted, reduction="none")
        cost = each.sum(1).mean()
    else:
        cost = functional.cross_entropy(scores, targets)
    (cost + 0.05 * weight.square().sum()).backward()
    assert weight.grad is not None
    assert weight.grad.abs().max() < 1e-3


def test_the_temperature_undoes_a_factor() -> None:
    torch.manual_seed(0)
    logits = 2 * torch.randn(4_000, 3)
    targets = torch.multinomial(torch.softmax(logits, 1), 1).flatten()
    (factor,) = fit_factors([5 * logits], targets)
    assert factor == pytest.approx(0.2, rel=0.1)
    first, second = fit_factors([logits, torch.randn(4_000, 3)], targets)
    assert first == pytest.approx(1.0, rel=0.1)
    assert second < 0.1


def test_a_useless_network_is_faded_out_not_turned_round() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2_000, 2)
    targets = (-logits).argmax(1)
    (factor,) = fit_factors([logits], targets)
    assert 0 < factor < 0.05


def test_the_threshold_is_where_f1_is_best() -> None:
    rng = np.random.default_rng(0)
    hit = rng.random(500) < 0.1
    score = np.clip(0.1 + 0.2 * hit + 0.1 * rng.normal(size=500), 0.001, 0.999)
    best = max(metrics.by_class((score >= t).astype(int), hit.astype(int), 2).f1[1] for t in score)
    at = f1_threshold(score, hit)
    found = metrics.by_class((score >= at).astype(int), hit.astype(int), 2).f1[1]
    assert found == pytest.approx(best)
    assert at not in score


def test_thresholds_move_the_answer_of_two_classes() -> None:
    p = np.array([[0.8, 0.2], [0.65, 0.35]])
    assert Calibration(thresholds=(0.7, 0.3)).decide(p).tolist() == [0, 1]
    assert Calibration().decide(p).tolist() == [0, 0]
    both = Calibration(several=True, thresholds=(0.7, 0.3))
    assert both.decide(p).tolist() == [[1, 0], [0, 1]]


def test_classes_are_in_the_order_of_numbers_and_written_as_they_were() -> None:
    classes = Classes.of([("10",), ("2",), ("-1",)], "integer")
    assert classes.names == ("-1", "2", "10")
    assert classes.values(np.array([2, 0])).tolist() == [10, -1]
    assert Classes.of([("True",), ("False",)], "boolean").written.tolist() == [False, True]


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [(0.9, 0.8, "beats"), (0.8, 0.9, "loses to"), (0.8, 0.8, "tie")],
)
def test_the_verdict_says_who_won(ours: float, theirs: float, words: str) -> None:
    rows = (
        MethodScores("gatework", {"accuracy": (ours,)}),
        MethodScores("network-alone", {"accuracy": (0.99,)}),
        MethodScores("naive-bayes", {"accuracy": (theirs,)}),
        MethodScores("majority", {"accuracy": (0.5,)}),
    )
    verdict = Scores(rows, "accuracy", 10).verdict()
    assert words in verdict
    assert "naive Bayes" in verdict
