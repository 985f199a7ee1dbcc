"""Heads of frames against brute force: sums over all chords, integrals, loops, differences."""

import itertools
import math

import pytest
import torch
from torch import Generator, Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from gatework.errors import InputError
from gatework.models.frames import (
    AbstractHead,
    Covariance,
    FrameNetwork,
    FrameRegularisation,
    FrameShape,
)
from gatework.models.frames.intervals import REACH, around, spread
from gatework.models.frames.joint import JointHead
from gatework.models.frames.keys import BernoulliHead
from gatework.models.frames.mixture import FLOOR, MixtureHead

KEYS = 6
CHORDS = torch.tensor(list(itertools.product([0.0, 1.0], repeat=KEYS)))


def shaken(head: AbstractHead) -> AbstractHead:
    """A head with no weight at zero, in double precision, in evaluation."""
    with torch.no_grad():
        for parameter in head.parameters():
            parameter += 0.4 * torch.randn_like(parameter)
    return head.double().eval()


def head_of(kind: str, keys: int = KEYS) -> AbstractHead:
    shape = FrameShape(keys, "joint" if kind == "joint" else "bernoulli", 5, head_size=7)
    return shaken(JointHead(shape) if kind == "joint" else BernoulliHead(shape))


def mixture_of(size: int, *, covariance: Covariance = "full", binary=()) -> MixtureHead:
    shape = FrameShape(size, "mdn", 5, components=3, covariance=covariance, binary=binary)
    head = shaken(MixtureHead(shape))
    assert isinstance(head, MixtureHead)
    return head


@pytest.mark.parametrize("kind", ["bernoulli", "joint"])
@pytest.mark.parametrize("last", [[0] * KEYS, [1] * KEYS, [0, 1, 0, 0, 1, 0]])
def test_the_probabilities_of_all_chords_add_up_to_one(kind: str, last: list[int]) -> None:
    states, before = torch.randn(1, 5).double(), torch.tensor([last]).double()
    count = len(CHORDS)
    nats = head_of(kind)(states.expand(count, -1), before.expand(count, -1), CHORDS.double())
    assert nats.shape == (count,)
    assert (-nats).exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_chords_beyond_the_reach_of_intervals_add_up_too() -> None:
    keys = 2 * REACH + 8
    head = head_of("joint", keys)
    used = [0, REACH - 1, REACH + 3, keys - 1]
    chords = torch.zeros(16, keys).double()
    chords[:, used] = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4))).double()
    last = torch.zeros(16, keys).double()
    last[:, [1, keys - 2]] = 1
    with torch.no_grad():
        mass = (-head(torch.zeros(16, 5).double(), last, chords)).exp().sum().item()
    assert 0 < mass < 1
    assert torch.isfinite(head(torch.zeros(16, 5).double(), last, chords)).all()


def naive_joint(head: JointHead, state: Tensor, last: Tensor, chord: Tensor) -> Tensor:
    """One chord by a loop over its choices, each from the definition."""
    down = last.nonzero().flatten().tolist()
    below, total = [], torch.zeros(()).double()
    for key in [*chord.nonzero().flatten().tolist(), KEYS]:
        before = below[-1] if below else (down[0] if down else KEYS // 2)
        voice = down[min(len(below), len(down) - 1)] if down else before
        if not down:
            voice = KEYS // 2
        seen = torch.zeros(KEYS).double()
        seen[below] = 1
        hidden = head.state(state) + head.last(last) + head.below(seen)
        hidden = hidden + head.highest.weight[below[-1] + 1 if below else 0]
        windows = []
        for centre in (before, voice):
            for roll in (last, seen):
                window = torch.zeros(2 * REACH + 1).double()
                for other in range(KEYS):
                    window[other - centre + REACH] = roll[other]
                windows.append(window)
        hidden = (hidden + head.around(torch.cat(windows))).relu()
        logits = head.key(hidden)
        intervals = head.interval(hidden)
        scores = torch.full((KEYS + 1,), float("-inf")).double()
        for other in range((below[-1] if below else -1) + 1, KEYS + 1):
            scores[other] = logits[other]
            if other < KEYS:
                scores[other] += intervals[other - before + REACH]
                scores[other] += intervals[2 * REACH + 1 + other - voice + REACH]
        total = total - scores.log_softmax(0)[key]
        below.append(key)
    return total


def test_the_joint_head_is_the_loop_over_its_choices() -> None:
    head = head_of("joint")
    assert isinstance(head, JointHead)
    states = torch.randn(20, 5).double()
    last = torch.randint(2, (20, KEYS)).double()
    last[0] = 0
    chords = torch.randint(2, (20, KEYS)).double()
    chords[1] = 0
    found = head(states, last, chords)
    loop = torch.stack(
        [naive_joint(head, *each) for each in zip(states, last, chords, strict=True)]
    )
    torch.testing.assert_close(found, loop, atol=1e-10, rtol=0)


@pytest.mark.parametrize(
    ("kind", "temperature"), [("bernoulli", 1.0), ("bernoulli", 0.5), ("joint", 1.0)]
)
def test_chords_come_as_often_as_is_said(kind: str, temperature: float) -> None:
    head, count = head_of(kind), 40_000
    states, last = torch.randn(1, 5).double(), torch.tensor([[0, 1, 0, 0, 1, 0]]).double()
    drawn = head.sample(
        states.expand(count, -1), last.expand(count, -1), temperature, Generator().manual_seed(1)
    )
    weights = 2 ** torch.arange(KEYS - 1, -1, -1).double()
    often = (drawn.double() @ weights).long().bincount(minlength=len(CHORDS)) / count
    every = len(CHORDS)
    nats = head(states.expand(every, -1), last.expand(every, -1), CHORDS.double())
    chances = (-nats / temperature).softmax(0)  # of a product over keys each is sharpened alike
    # Five deviations of a share.
    assert ((often - chances).abs() < 5 * (chances / count).sqrt() + 1e-4).all()


def test_joint_choices_are_the_likeliest_without_temperature() -> None:
    head = head_of("joint")
    states, last = torch.randn(30, 5).double(), torch.randint(2, (30, KEYS)).double()
    drawn = head.sample(states, last, 0.0, Generator())
    cold = head.sample(states, last, 1e-4, Generator().manual_seed(0))
    assert (drawn == cold).all()


def test_what_is_likeliest_is_taken_without_temperature() -> None:
    head = head_of("bernoulli")
    states, last = torch.randn(1, 5).double(), torch.ones(1, KEYS).double()
    every = len(CHORDS)
    nats = head(states.expand(every, -1), last.expand(every, -1), CHORDS.double())
    assert (head.sample(states, last, 0.0, Generator())[0] == CHORDS[nats.argmin()]).all()


def test_a_window_and_its_weights_move_with_the_centre() -> None:
    roll = torch.zeros(2, 88)
    roll[0, 40], roll[1, 45] = 1, 1
    seen = around(roll, torch.tensor([38, 43]))
    assert (seen[0] == seen[1]).all()
    weights = torch.randn(1, 2 * REACH + 1).expand(2, -1)
    laid = spread(weights, torch.tensor([38, 43]), 88)
    assert (laid[0, 20:60] == laid[1, 25:65]).all()
    assert (laid[0, 38 + REACH + 1 :] == 0).all()


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_a_mixture_and_its_switch_integrate_to_one(covariance: Covariance) -> None:
    head = mixture_of(3, covariance=covariance, binary=(1,))
    states, last = torch.zeros(1, 5).double(), torch.zeros(1, 3).double()
    with torch.no_grad():
        said = head.mixture(states, last)
        deviations = torch.linalg.inv(said.factors[0]).norm(dim=-1)
        reach = (said.means[0].abs() + 9 * deviations).max().item()
        steps = 1200
        line = torch.linspace(-reach, reach, steps).double()
        total = 0.0
        for switch in (0.0, 1.0):
            for row in line.split(100):
                grid = torch.cartesian_prod(row, line)
                frames = grid[:, [0, 0, 1]]
                frames[:, 1] = switch
                nats = head(states.expand(len(grid), -1), last.expand(len(grid), -1), frames)
                total += (-nats).exp().sum().item()
    assert total * (line[1] - line[0]).item() ** 2 == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("columns", [1, 2, 4])
def test_a_mixture_is_that_of_torch_distributions(columns: int) -> None:
    head = mixture_of(columns)
    states, last = torch.randn(9, 5).double(), torch.randn(9, columns).double()
    targets = torch.randn(9, columns).double()
    said = head.mixture(states, last)
    precision = said.factors.transpose(-1, -2) @ said.factors
    theirs = MixtureSameFamily(
        Categorical(logits=said.weights), MultivariateNormal(said.means, precision_matrix=precision)
    )
    torch.testing.assert_close(head(states, last, targets), -theirs.log_prob(targets))


def test_two_columns_are_graves_bivariate_density() -> None:
    head = mixture_of(2)
    states, last, targets = (torch.randn(4, size).double() for size in (5, 2, 2))
    said = head.mixture(states, last)
    total = torch.zeros(4).double()
    for m in range(3):
        covariance = torch.linalg.inv(said.factors[:, m].transpose(-1, -2) @ said.factors[:, m])
        s1, s2 = covariance[:, 0, 0].sqrt(), covariance[:, 1, 1].sqrt()
        rho = covariance[:, 0, 1] / (s1 * s2)
        u, v = ((targets - said.means[:, m]) / torch.stack([s1, s2], 1)).T
        z = u**2 + v**2 - 2 * rho * u * v  # Graves 2013, equations 24 and 25
        root = (1 - rho**2).sqrt()
        density = (-z / (2 * (1 - rho**2))).exp() / (2 * math.pi * s1 * s2 * root)
        total = total + said.weights.softmax(-1)[:, m] * density
    torch.testing.assert_close(head(states, last, targets), -total.log())


def test_no_deviation_is_below_the_floor_and_far_points_stay_finite() -> None:
    head = mixture_of(2)
    states = torch.full((3, 5), 200.0).double() * torch.tensor([[1], [-1], [0]])
    last = torch.zeros(3, 2).double()
    said = head.mixture(states, last)
    assert (said.factors.diagonal(dim1=-2, dim2=-1) <= 1 / FLOOR).all()
    far = torch.full((3, 2), 50.0).double().requires_grad_()
    nats = head(states, last, far)
    assert torch.isfinite(nats).all()
    (gradient,) = torch.autograd.grad(nats.sum(), far)
    assert torch.isfinite(gradient).all()


def test_temperature_is_the_bias_of_graves() -> None:
    head, count, bias = mixture_of(2, binary=()), 60_000, 1.5
    temperature = 1 / (1 + bias)
    states, last = torch.randn(1, 5).double(), torch.randn(1, 2).double()
    said = head.mixture(states, last)
    drawn = head.sample(
        states.expand(count, -1), last.expand(count, -1), temperature, Generator().manual_seed(2)
    )
    weights = (said.weights[0] * (1 + bias)).softmax(-1)
    factors = said.factors[0] * math.exp(bias)
    theirs = MixtureSameFamily(
        Categorical(weights),
        MultivariateNormal(said.means[0], precision_matrix=factors.transpose(-1, -2) @ factors),
    )
    deviation = theirs.variance.sqrt()
    assert ((drawn.mean(0) - theirs.mean).abs() < 5 * deviation / math.sqrt(count)).all()
    torch.testing.assert_close(drawn.std(0), deviation, rtol=0.03, atol=0)


@pytest.mark.parametrize("kind", ["bernoulli", "joint", "mdn", "mdn with a switch"])
def test_gradients_are_those_of_differences(kind: str) -> None:
    if kind.startswith("mdn"):
        binary = (1,) if "switch" in kind else ()
        head: AbstractHead = mixture_of(3, binary=binary)
        last, targets = torch.randn(4, 3).double(), torch.randn(4, 3).double()
        targets[:, list(binary)] = 1.0
    else:
        head = head_of(kind)
        last = torch.randint(2, (4, KEYS)).double()
        targets = torch.randint(2, (4, KEYS)).double()
    states = torch.randn(4, 5).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda each: head(each, last, targets), states)
    names, values = zip(*head.named_parameters(), strict=True)

    def by_parameters(*given: Tensor) -> Tensor:
        replaced = dict(zip(names, given, strict=True))
        return torch.func.functional_call(head, replaced, (states.detach(), last, targets)).sum()

    assert torch.autograd.gradcheck(by_parameters, values, fast_mode=True)


SHAPES = {
    "bernoulli": FrameShape(KEYS, "bernoulli", 8, periods=(3, 4)),
    "joint": FrameShape(KEYS, "joint", 8, 2, head_size=5),
    "mdn": FrameShape(3, "mdn", 8, components=2, binary=(2,)),
}


def frames_of(shape: FrameShape, steps: int, batch: int) -> Tensor:
    if shape.head == "mdn":
        frames = torch.randn(steps, batch, 3)
        frames[..., 2] = torch.randint(2, (steps, batch)).float()
        return frames
    return torch.randint(2, (steps, batch, shape.frame_size)).float()


@pytest.mark.parametrize("kind", list(SHAPES))
def test_neither_padding_nor_batch_mates_change_a_sequence(kind: str) -> None:
    shape = SHAPES[kind]
    network = FrameNetwork(shape, mean=torch.zeros(shape.frame_size)).eval()
    frames, lengths = frames_of(shape, 7, 3), torch.tensor([7, 1, 4])
    frames[4:, 2] = float("nan") if shape.head == "mdn" else 1.0
    together = network.nats(torch.nan_to_num(frames), lengths)
    assert (together[4:, 2] == 0).all()
    for place, length in enumerate(lengths.tolist()):
        alone = network.nats(frames[:length, place : place + 1], torch.tensor([length]))
        torch.testing.assert_close(alone[:, 0], together[:length, place])


@pytest.mark.parametrize("kind", list(SHAPES))
def test_reading_step_by_step_says_what_reading_at_once_does(kind: str) -> None:
    shape = SHAPES[kind]
    mean = torch.randn(shape.frame_size) if kind == "mdn" else torch.zeros(shape.frame_size)
    mean[list(shape.binary)] = 0
    scale = torch.ones(shape.frame_size)
    scale[0] = 2.0 if kind == "mdn" else 1.0
    network = FrameNetwork(shape, mean=mean, scale=scale).eval()
    frames = frames_of(shape, 5, 2)
    whole = network.nats(frames, torch.tensor([5, 5]))
    states, last, state = network.begin(2)
    for step, frame in enumerate(frames):
        own = network.standardise(frame)
        nats = network.head(states, network.standardise(last), own)
        torch.testing.assert_close(nats, whole[step])
        outputs, state = network.read(frame[None], state)
        states, last = outputs[-1], frame


def test_dropout_acts_in_training_alone() -> None:
    network = FrameNetwork(SHAPES["joint"], FrameRegularisation(0.5, 0.5, 0.5))
    frames, lengths = frames_of(SHAPES["joint"], 6, 2), torch.tensor([6, 3])
    assert network.loss(frames, lengths) != network.loss(frames, lengths)
    network.eval()
    assert network.loss(frames, lengths) == network.loss(frames, lengths)
    expected = network.nats(frames, lengths).sum() / 9
    torch.testing.assert_close(network.loss(frames, lengths), expected)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="binary is"):
        FrameShape(2, "mdn", 4, binary=(2,))
    with pytest.raises(InputError, match="head_dropout is 1"):
        FrameRegularisation(head_dropout=1.0)
