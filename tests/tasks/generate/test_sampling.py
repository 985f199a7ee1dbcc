"""Drawing tokens: each filter against its definition, and draws that follow the chances."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatework.errors import InputError
from gatework.tasks.generate.sampling import Sampler
from gatework.tasks.generate.settings import Sampling
from gatework.tasks.generate.writing import StopStrings

CHANCES = np.array([0.4, 0.05, 0.3, 0.05, 0.2])


def drawn(sampling: Sampling, count: int = 4_000, chances: np.ndarray = CHANCES) -> np.ndarray:
    """The share of each token."""
    sampler = Sampler(sampling, count)
    tokens = sampler.draw(np.log(np.tile(chances, (count, 1))))
    return np.bincount(tokens, minlength=len(chances)) / count


def test_draws_follow_the_chances() -> None:
    # 4,000 draws: a share is off by 0.03 once in ten thousand times.
    np.testing.assert_allclose(drawn(Sampling(temperature=1)), CHANCES, atol=0.03)
    cold = CHANCES**2 / (CHANCES**2).sum()
    np.testing.assert_allclose(drawn(Sampling(temperature=0.5)), cold, atol=0.03)


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({"top_k": 2}, [0, 2]),
        ({"top_k": 9}, [0, 1, 2, 3, 4]),
        ({"top_p": 0.65}, [0, 2]),
        ({"top_p": 0.71}, [0, 2, 4]),
        ({"top_p": 1.0}, [0, 1, 2, 3, 4]),
        # The expected surprise is 1.35 nats; those of the tokens are 0.92, 3.0, 1.20, 3.0, 1.61.
        ({"typical": 0.25}, [2]),
        ({"typical": 0.45}, [2, 4]),
        ({"typical": 0.6}, [0, 2, 4]),
        ({"top_k": 3, "typical": 0.2}, [0]),
    ],
)
def test_filters_leave_what_they_say(filters: dict[str, float], kept: list[int]) -> None:
    shares = drawn(Sampling(temperature=1, **filters))  # pyright: ignore[reportArgumentType]
    if filters == {"top_k": 3, "typical": 0.2}:
        left = CHANCES[[0, 2, 4]] / 0.9
        surprise = -np.log(left)
        kept = [[0, 2, 4][np.abs(surprise - (left * surprise).sum()).argmin()]]
    assert shares.nonzero()[0].tolist() == kept
    np.testing.assert_allclose(shares[kept], CHANCES[kept] / CHANCES[kept].sum(), atol=0.03)


def test_zero_temperature_takes_the_likeliest_and_barred_ones_never_come() -> None:
    assert drawn(Sampling(temperature=0))[0] == 1
    sampler = Sampler(Sampling(temperature=1), 500, barred=(0, 2))
    tokens = sampler.draw(np.log(np.tile(CHANCES, (500, 1))))
    assert set(tokens.tolist()) == {1, 3, 4}


def test_repetition_is_punished_by_stream() -> None:
    sampler = Sampler(Sampling(temperature=0, repetition_penalty=2), 2)
    logits = np.array([[2.0, 1.5, -1.0], [0.1, 3.0, -1.0]])
    assert sampler.draw(logits.copy()).tolist() == [0, 1]
    assert sampler.draw(logits.copy()).tolist() == [1, 1]  # 2 / 2 < 1.5, and 3 / 2 > 0.1
    assert sampler.draw(np.full((2, 3), [-2.0, -3.0, -3.5])).tolist() == [2, 0]


@given(seed=st.integers(0, 2**63 - 1))
def test_a_seed_is_a_sequence(seed: int) -> None:
    first, second = (Sampler(Sampling(seed=seed), 3) for _ in range(2))
    for _ in range(3):
        logits = np.log(np.tile(CHANCES, (3, 1)))
        assert first.draw(logits.copy()).tolist() == second.draw(logits.copy()).tolist()


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": -1.0},
        {"temperature": math.inf},
        {"repetition_penalty": 0.0},
        {"top_k": 0},
        {"top_p": 0.0},
        {"typical": 1.1},
        {"seed": -1},
    ],
)
def test_what_nothing_can_be_drawn_with(values) -> None:
    with pytest.raises(InputError, match=next(iter(values))):
        Sampling(**values)


@given(
    text=st.text("ab", max_size=20),
    stops=st.lists(st.text("ab", min_size=1, max_size=4), max_size=3),
    sizes=st.lists(st.integers(1, 4), min_size=20, max_size=20),
)
def test_stop_strings_do_not_depend_on_the_pieces(text, stops, sizes) -> None:
    watch, shown, rest = StopStrings(stops), "", text
    for size in sizes:
        shown += watch.push(rest[:size])
        rest = rest[size:]
    shown += watch.finish()
    cuts = [text.find(stop) for stop in stops if stop in text]
    if watch.found:
        assert shown == text[: len(shown)]
        assert any(text[len(shown) :].startswith(stop) for stop in stops)
        assert not any(stop in shown for stop in stops)
    else:
        assert not cuts
        assert shown == text


def test_an_empty_stop_string() -> None:
    with pytest.raises(InputError, match="a stop string is empty"):
        StopStrings([""])
