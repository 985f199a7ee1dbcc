"""What is chosen from the data, and what does not go together."""

from typing import Any

import pytest

from gatework.errors import InputError
from gatework.tasks import precision as precision_module
from gatework.tasks.generate.choices import choose_effort
from gatework.tasks.generate.settings import GenerateSettings


@pytest.mark.parametrize(
    ("tokens", "kind", "signs", "ngram"),
    [
        (1_000_000, "characters", 67, 7),
        (9_000_000, "characters", 67, 5),
        (11_000_000, "characters", 120, 0),
        (1_000_000, "bytes", 258, 7),
        (1_000_000, "characters", 5_000, 0),
        (1_000_000, "words", 900, 0),
        (1_000_000, "events", 300, 0),
    ],
)
def test_what_a_network_begins_from(tokens: int, kind: Any, signs: int, ngram: int) -> None:
    effort, chosen = choose_effort(tokens, signs, GenerateSettings(tokens=kind))
    assert effort.ngram == ngram
    assert {each.name: each.value for each in chosen}["ngram"] == ngram


def test_very_many_tokens_share_the_work_of_a_softmax() -> None:
    few, _ = choose_effort(1_000_000, 8_000, GenerateSettings(tokens="words"))
    many, _ = choose_effort(1_000_000, 30_000, GenerateSettings(tokens="words"))
    assert (few.softmax, few.tied) == ("full", True)
    assert (many.softmax, many.tied) == ("adaptive", False)


@pytest.mark.parametrize(
    ("is_fast", "hidden", "precision"),
    [(True, 256, "bfloat16"), (True, 64, "float32"), (False, 256, "float32")],
)
def test_products_are_rounded_where_that_is_faster(
    monkeypatch: pytest.MonkeyPatch,
    is_fast: bool,  # noqa: FBT001
    hidden: int,
    precision: str,
) -> None:
    monkeypatch.setattr(precision_module, "has_bfloat16", lambda: is_fast)
    effort, chosen = choose_effort(1_000_000, 67, GenerateSettings(hidden_size=hidden))
    assert effort.precision == precision
    assert {each.name: each.value for each in chosen}["precision"] == precision
    wanted = GenerateSettings(hidden_size=hidden, precision="bfloat16")
    effort, chosen = choose_effort(1_000_000, 67, wanted)
    assert effort.precision == "bfloat16"
    assert "precision" not in {each.name for each in chosen}


@pytest.mark.parametrize(("tokens", "signs"), [(1_000_000, 8_000), (20_000_000, 67)])
def test_n_grams_that_would_not_fit_are_refused(tokens: int, signs: int) -> None:
    with pytest.raises(InputError, match="use ngram=0"):
        choose_effort(tokens, signs, GenerateSettings(tokens="characters", ngram=7))
