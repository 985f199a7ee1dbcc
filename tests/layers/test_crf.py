"""The CRF against the sum over every label sequence, written out, in float64."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from gatework.errors import InputError
from gatework.layers import CRF, chain
from gatework.layers.crf import Allowed

LENGTHS = (3, 0, 5, 1, 5, 2)
LABELS = 3
NEVER = -math.inf


def make(
    allowed: Allowed | None = None, *, spread: float = 1.0, dtype: torch.dtype = torch.float64
) -> tuple[CRF, Tensor, Tensor]:
    """A CRF with drawn parameters, emissions of `LENGTHS`, NaN past the ends; and the lengths."""
    crf = CRF(LABELS, allowed).to(dtype)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(spread * torch.randn(parameter.shape, dtype=dtype))
    emissions = spread * torch.randn(max(LENGTHS), len(LENGTHS), LABELS, dtype=dtype)
    lengths = torch.tensor(LENGTHS)
    emissions[torch.arange(max(LENGTHS))[:, None] >= lengths] = math.nan
    return crf, emissions, lengths


def bio(labels: int = LABELS) -> Allowed:
    """Label 2 may only follow 1 or 2: O, B, I."""
    transitions = torch.ones(labels, labels, dtype=torch.bool)
    transitions[0, 2] = False
    start = torch.ones(labels, dtype=torch.bool)
    start[2] = False
    return Allowed(transitions, start, torch.ones(labels, dtype=torch.bool))


def every_path(
    crf: CRF, emissions: Tensor, allowed: Allowed | None = None
) -> dict[tuple[int, ...], float]:
    """The score of each legal label sequence of one sequence's emissions (T, L)."""
    transitions, start, end = (p.detach().clone() for p in (crf.transitions, crf.start, crf.end))
    if allowed is not None:
        transitions[~allowed.transitions] = NEVER
        start[~allowed.start] = NEVER
        end[~allowed.end] = NEVER
    scores = {}
    for path in itertools.product(range(LABELS), repeat=len(emissions)):
        if not path:
            return {(): 0.0}
        total = float(start[path[0]] + end[path[-1]])
        total += sum(float(emissions[t, label]) for t, label in enumerate(path))
        total += sum(float(transitions[a, b]) for a, b in itertools.pairwise(path))
        if total > NEVER:
            scores[path] = total
    return scores


def log_sum(scores: dict[tuple[int, ...], float]) -> float:
    return float(torch.logsumexp(torch.tensor(list(scores.values()), dtype=torch.float64), 0))


# The second spread is past what the scaled sums can hold, so that the other way is taken.
@pytest.fixture(params=[1.0, 60.0], ids=["scaled", "logarithms"])
def spread(request: pytest.FixtureRequest) -> float:
    return request.param


def test_likelihood(spread: float) -> None:
    crf, emissions, lengths = make(spread=spread)
    assert (crf._potentials().width() > chain.WIDEST) == (spread > 1)
    labels = torch.randint(LABELS, emissions.shape[:2])
    found = crf(emissions, labels, lengths)
    for b, length in enumerate(LENGTHS):
        paths = every_path(crf, emissions[:length, b])
        expected = paths[tuple(labels[:length, b].tolist())] - log_sum(paths)
        assert float(found[b].detach()) == pytest.approx(expected, rel=1e-12, abs=1e-11)


@pytest.mark.parametrize("allowed", [None, bio()], ids=["free", "bio"])
def test_best_paths_with_their_probabilities(allowed: Allowed | None, spread: float) -> None:
    crf, emissions, lengths = make(allowed, spread=spread)
    for count in (1, 2, 7, 400):  # 400 are more than the 243 there are
        paths, logs = crf.best(emissions, lengths, count=count)
        assert paths.shape == (count, max(LENGTHS), len(LENGTHS))
        assert crf.decode(emissions, lengths).equal(paths[0])
        for b, length in enumerate(LENGTHS):
            scores = every_path(crf, emissions[:length, b], allowed)
            expected = sorted(scores.items(), key=lambda item: -item[1])[:count]
            for k, (path, score) in enumerate(expected):
                assert tuple(paths[k, :length, b].tolist()) == path
                log = score - log_sum(scores)
                assert float(logs[k, b]) == pytest.approx(log, rel=1e-12, abs=1e-11)
            assert (paths[:, length:, b] == -1).all()
            assert (paths[len(expected) :, :, b] == -1).all()
            assert (logs[len(expected) :, b] == NEVER).all()


@pytest.mark.parametrize("allowed", [None, bio()], ids=["free", "bio"])
def test_marginals(allowed: Allowed | None, spread: float) -> None:
    crf, emissions, lengths = make(allowed, spread=spread)
    found = crf.marginals(emissions, lengths)
    for b, length in enumerate(LENGTHS):
        scores = every_path(crf, emissions[:length, b], allowed)
        total = log_sum(scores)
        expected = torch.zeros(max(LENGTHS), LABELS, dtype=torch.float64)
        for path, score in scores.items():
            for t, label in enumerate(path):
                expected[t, label] += math.exp(score - total)
        torch.testing.assert_close(found[:, b], expected, rtol=1e-11, atol=1e-12)


def test_gradients(spread: float) -> None:
    crf, emissions, lengths = make(spread=min(spread, 30.0))
    labels = torch.randint(LABELS, emissions.shape[:2])
    emissions = emissions.nan_to_num().requires_grad_()
    parameters = tuple(crf.parameters())

    def likelihood(emissions: Tensor, *parameters: Tensor) -> Tensor:
        values = dict(zip(dict(crf.named_parameters()), parameters, strict=True))
        return torch.func.functional_call(crf, values, (emissions, labels, lengths))

    assert (crf._potentials().width() > chain.WIDEST) == (spread > 1)
    assert torch.autograd.gradcheck(likelihood, (emissions, *parameters))


def test_padding_and_batch_mates_change_nothing() -> None:
    crf, emissions, lengths = make(bio())
    labels = torch.randint(LABELS, emissions.shape[:2])
    together = (crf(emissions, labels, lengths), crf.marginals(emissions, lengths))
    paths, logs = crf.best(emissions, lengths, count=4)
    for b, length in enumerate(LENGTHS):
        one = emissions[:length, b : b + 1]
        assert crf(one, labels[:length, b : b + 1]).equal(together[0][b : b + 1])
        torch.testing.assert_close(crf.marginals(one)[:, 0], together[1][:length, b])
        alone = crf.best(one, count=4)
        assert alone.labels[:, :, 0].equal(paths[:, :length, b])
        torch.testing.assert_close(alone.log_probabilities[:, 0], logs[:, b])


def test_padding_gets_no_gradient() -> None:
    crf, emissions, lengths = make()
    emissions.requires_grad_()
    labels = torch.full(emissions.shape[:2], -1)
    for b, length in enumerate(LENGTHS):
        labels[:length, b] = 0
    crf(emissions, labels, lengths).sum().backward()
    assert emissions.grad is not None
    past = torch.arange(max(LENGTHS))[:, None] >= lengths
    assert not emissions.grad[past].any()
    assert emissions.grad[~past].all()
    assert all(torch.isfinite(p.grad).all() for p in crf.parameters() if p.grad is not None)


@pytest.mark.parametrize("size", [1.0, 1e3])
def test_float32_is_as_good_as_its_inputs(size: float) -> None:
    """Long sequences and large scores: what a naive float32 sum would round away or overflow."""
    crf = CRF(9)
    steps = 2_000
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    emissions = size * torch.randn(steps, 2, 9)
    labels = torch.randint(9, (steps, 2))
    wide = CRF(9).double()
    wide.load_state_dict(crf.state_dict())
    emissions.requires_grad_()
    doubles = emissions.detach().double().requires_grad_()
    found, truth = crf(emissions, labels), wide(doubles, labels)
    found.sum().backward()
    truth.sum().backward()
    assert emissions.grad is not None
    assert doubles.grad is not None
    # 2,000 roundings of float32, each of a logarithm of one step.
    assert torch.allclose(found, truth, rtol=1e-6, atol=1e-3)
    assert torch.allclose(emissions.grad.double(), doubles.grad, atol=1e-5)
    assert torch.allclose(crf.marginals(emissions).double(), wide.marginals(doubles), atol=1e-5)
    ours, theirs = crf.best(emissions, count=2), wide.best(doubles, count=2)
    assert ours.labels.equal(theirs.labels)
    assert torch.allclose(ours.log_probabilities, theirs.log_probabilities, rtol=1e-6, atol=1e-3)


def test_a_label_of_vanishing_weight_still_counts() -> None:
    """The sum of a step underflows for all labels but one, which the next step forbids nearly."""
    crf = CRF(2)
    with torch.no_grad():
        crf.transitions.copy_(torch.tensor([[0.0, -50.0], [0.0, 0.0]]))
    emissions = torch.tensor([[[0.0, -40.0]], [[-300.0, 0.0]]])
    # Paths 0-1 and 1-1 weigh e**-50 and e**-40; the others e**-300 and less.
    expected = torch.logsumexp(torch.tensor([-50.0, -40.0], dtype=torch.float64), 0)
    found = -crf(emissions, torch.tensor([[1], [1]])) - 40
    assert float(found.detach()) == pytest.approx(float(expected), abs=1e-5)


def test_autocast_rounds_the_emissions_and_nothing_else() -> None:
    crf, emissions, lengths = make(dtype=torch.float32)
    emissions = emissions.nan_to_num().bfloat16()
    labels = torch.randint(LABELS, emissions.shape[:2])
    expected = crf(emissions.float(), labels, lengths)
    with torch.autocast("cpu", torch.bfloat16):
        found = crf(emissions.requires_grad_(), labels, lengths)
        assert crf.marginals(emissions, lengths).equal(crf.marginals(emissions.float(), lengths))
    assert found.equal(expected)
    found.sum().backward()
    assert emissions.grad is not None
    assert crf.transitions.grad is not None
    assert torch.isfinite(crf.transitions.grad).all()


def test_a_batch_of_empty_sequences() -> None:
    crf, emissions = CRF(3), torch.randn(2, 4, 3, requires_grad=True)
    likelihood = crf(emissions, torch.zeros(2, 4, dtype=torch.int64), [0, 0, 0, 0])
    assert likelihood.tolist() == [0.0] * 4
    likelihood.sum().backward()
    assert emissions.grad is not None
    assert not emissions.grad.any()
    assert (crf.decode(emissions, [0] * 4) == -1).all()
    assert crf.best(emissions, [0] * 4, count=2).log_probabilities.tolist() == [
        [0.0] * 4,
        [NEVER] * 4,
    ]
    assert not crf.marginals(emissions, [0] * 4).any()


def test_no_legal_sequence() -> None:
    nothing = Allowed(
        torch.ones(2, 2, dtype=torch.bool),
        torch.tensor([True, False]),
        torch.tensor([False, True]),
    )
    assert CRF(2, nothing).decode(torch.zeros(1, 1, 2)).tolist() == [[-1]]
    paths, logs = CRF(2, nothing).best(torch.zeros(1, 1, 2))
    assert paths.tolist() == [[[-1]]]
    assert logs.tolist() == [[NEVER]]
    assert CRF(2, nothing).marginals(torch.zeros(1, 1, 2)).tolist() == [[[0.0, 0.0]]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CRF(0), "num_labels is 0; expected 1 or more."),
        (lambda: CRF(2).best(torch.zeros(3, 2)), "emissions have shape (3, 2); expected (T, B, 2)"),
        (lambda: CRF(2).marginals(torch.zeros(3, 1, 4)), "shape (3, 1, 4); expected (T, B, 2)."),
        (lambda: CRF(2).best(torch.zeros(3, 1, 2), [4]), "lengths[0] is 4; expected 0 to T = 3."),
        (lambda: CRF(2).best(torch.zeros(3, 1, 2), [3, 1]), "lengths has shape (2,); expected"),
        (lambda: CRF(2).best(torch.zeros(3, 1, 2), count=0), "count is 0; expected 1 or more."),
        (
            lambda: CRF(2)(torch.zeros(3, 1, 2), torch.zeros(2, 1, dtype=torch.int64)),
            "labels have shape (2, 1); expected (T, B) = (3, 1).",
        ),
        (
            lambda: CRF(2)(torch.zeros(3, 1, 2), torch.tensor([[0], [2], [0]])),
            "a label is 2; expected 0 to 1.",
        ),
        (
            lambda: CRF(3, Allowed(*(torch.ones(2, dtype=torch.bool) for _ in range(3)))),
            "allowed.transitions is torch.bool (2,); expected torch.bool (3, 3).",
        ),
    ],
)
def test_wrong_calls(call, message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
