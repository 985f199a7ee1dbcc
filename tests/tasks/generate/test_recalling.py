"""Test-time memory: the cache against loops by hand, weights that follow and leave no trace."""

import math

import numpy as np
import pytest
import torch

from gatework.errors import InputError
from gatework.models.language import judge
from gatework.tasks.generate import LanguageModel
from gatework.tasks.generate.cache import Cache
from gatework.tasks.generate.continuing import Writing
from gatework.tasks.generate.dynamic import STRETCH, Follower, usual_gradients
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.recalling import follow, judge_recalling
from gatework.tasks.generate.settings import Recall
from tasks.generate.grammar import lines, small


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small(epochs=3).fit([lines(400)])


@pytest.fixture(scope="module")
def fitted(model: LanguageModel) -> Fitted:
    return model._fitted()


def by_hand(
    outputs: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor, size: int, how: Recall
) -> list[float]:
    """The chance of each target, one step after the other (Grave et al. 2017, eq. 2 and 5)."""
    found = []
    for t in range(len(targets)):
        chances = logits[t].double().softmax(0)
        first = max(0, t - size)
        if t > 0:
            weights = [
                math.exp(how.cache_sharpness * float(outputs[t].double() @ outputs[i].double()))
                for i in range(first, t)
            ]
            cached = torch.zeros_like(chances)
            for i, weight in zip(range(first, t), weights, strict=True):
                cached[targets[i]] += weight / sum(weights)
            chances = (1 - how.cache_share) * chances + how.cache_share * cached
        found.append(-math.log(float(chances[targets[t]])))
    return found


@pytest.mark.parametrize("size", [1, 3, 50])
def test_the_cache_is_the_papers(size: int) -> None:
    torch.manual_seed(0)
    outputs, logits = torch.randn(20, 6), torch.randn(20, 4)
    targets = torch.randint(4, (20,))
    how = Recall(cache=size, cache_share=0.3, cache_sharpness=0.7)
    expected = by_hand(outputs, logits, targets, size, how)
    whole = Cache(size, how).losses(outputs, logits, targets)
    np.testing.assert_allclose(whole, expected, rtol=1e-5)

    parts, cache = [], Cache(size, how)
    for part in torch.arange(20).split(7):
        parts.append(cache.losses(outputs[part], logits[part], targets[part]))
    np.testing.assert_allclose(torch.cat(parts), expected, rtol=1e-5)

    steps, cache = [], Cache(size, how)
    for t in range(20):
        chances = logits[t].double().numpy().copy()
        cache.mix(outputs[t].double().numpy(), chances)
        steps.append(float(np.log(np.exp(chances).sum()) - chances[targets[t]]))
        cache.keep(outputs[t : t + 1], targets[t : t + 1])
    np.testing.assert_allclose(steps, expected, rtol=1e-5)


def test_nothing_recalled_is_the_plain_model(fitted: Fitted) -> None:
    ids = torch.from_numpy(fitted.primer(lines(9, seed=4)))
    plain = judge(fitted.network, ids[:, None]).nats[:, 0]
    np.testing.assert_allclose(judge_recalling(fitted, ids, Recall()), plain, atol=1e-5)


def test_weights_follow_by_the_papers_rule(fitted: Fitted) -> None:
    """One stretch is foretold by the weights as they were, then each takes a step by hand."""
    ids = torch.from_numpy(fitted.primer(lines(2, seed=4)))[: STRETCH + 1]
    network, rate = fitted.replica(), 1e-3
    weights = list(network.parameters())
    loss = network.loss(ids[:-1, None], ids[1:, None]).total
    gradients = torch.autograd.grad(loss, weights)
    sizes = usual_gradients(fitted)
    mean = sum(float(size.sum()) for size in sizes) / sum(size.numel() for size in sizes)
    expected = [
        weight - rate * (gradient / (size + mean)).clamp(-5, 5)
        for weight, gradient, size in zip(weights, gradients, sizes, strict=True)
    ]
    follower = Follower(fitted, rate)
    follower.learn(follower.network.loss(ids[:-1, None], ids[1:, None]).total)
    for weight, other in zip(follower.network.parameters(), expected, strict=True):
        torch.testing.assert_close(weight, other, atol=1e-7, rtol=1e-5)

    # The pull brings them back where nothing is learnt any more.
    far = [abs(a - b).max() for a, b in zip(expected, weights, strict=True)]
    for _ in range(50):
        total = torch.stack([weight.sum() for weight in follower.network.parameters()])
        follower.learn(0.0 * total.sum())
    now = [abs(a - b).max() for a, b in zip(follower.network.parameters(), weights, strict=True)]
    assert all(a <= b for a, b in zip(now, far, strict=True))
    assert sum(now) < sum(far)


def test_both_help_on_another_language_and_the_model_stays(model: LanguageModel) -> None:
    fitted = model._fitted()
    before = {name: value.clone() for name, value in fitted.network.state_dict().items()}
    text = lines(120, seed=7).replace("sees", "noises").replace("at the", "in the")
    scores = model.evaluate([text], recall=Recall(cache=500, dynamic=1e-3))
    rows = {each.method: each.nats for each in scores.methods}
    plain = rows["Gatework"]
    assert rows["Gatework, cache of 500"] < 0.9 * plain
    assert rows["Gatework, dynamic at 0.001"] < 0.9 * plain
    assert rows["Gatework, both"] < 0.9 * plain
    assert scores.verdict().startswith("Gatework ")
    assert model.evaluate([text]).methods == scores.methods[:3]
    for name, value in fitted.network.state_dict().items():
        assert torch.equal(value, before[name])


def test_what_is_written_is_drawn_by_what_is_judged(fitted: Fitted) -> None:
    """A writing with a cache foretells what comes after its prompt as judging does."""
    prompt, recall = lines(4, seed=8), Recall(cache=60, cache_share=0.4, cache_sharpness=1.0)
    ids = torch.from_numpy(fitted.primer(prompt))
    nats = judge_recalling(fitted, ids, recall)
    cut = len(prompt) - 9
    writing = Writing(fitted, prompt[:cut], recall=recall)
    for at in range(cut, len(prompt)):
        logits = writing._step()[0]
        place = at + len(ids) - len(prompt)
        ours = np.log(np.exp(logits).sum()) - logits[ids[place]]
        assert ours == pytest.approx(float(nats[place - 1]), abs=1e-4)
        writing._take(ids[place : place + 1].numpy())


def test_weights_that_followed_a_prompt_expect_its_like(model: LanguageModel) -> None:
    fitted, line = model._fitted(), "Ben hears Ben at the lake.\n"
    prompt = torch.from_numpy(fitted.primer(line * 8))
    whole = torch.from_numpy(fitted.primer(line * 9))
    network = follow(fitted, prompt, 2e-3)
    after, before = (judge(n, whole[:, None]).nats[-len(line) :] for n in (network, fitted.network))
    assert after.mean() < 0.8 * before.mean()


@pytest.mark.parametrize(
    "values",
    [{"cache": 0}, {"dynamic": 0.0}, {"dynamic": math.inf}, {"cache_share": 1.0},
     {"cache_sharpness": -1.0}],
)  # fmt: skip
def test_what_cannot_be_recalled(values) -> None:
    with pytest.raises(InputError, match=next(iter(values))):
        Recall(**values)
