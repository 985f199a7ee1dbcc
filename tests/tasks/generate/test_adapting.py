"""Adapting to a person's text: what it gains there, what it forgets, and that nothing is lost."""

from pathlib import Path

import pytest
import torch

from gatework.errors import InputError
from gatework.tasks.generate import LanguageModel, adapting
from gatework.tasks.generate.adapting import RehearsingNetwork, RehearsingWindows
from gatework.tasks.generate.completing import Completer
from gatework.tasks.generate.typing_aid import type_out
from tasks.generate.grammar import lines, small

THEIRS = lines(200, seed=3).replace("sees", "hears").replace("sea", "lake")


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small(epochs=5).fit([lines(500)])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs") / "theirs"


@pytest.fixture(scope="module")
def adapted(model: LanguageModel, run: Path) -> LanguageModel:
    return model.adapt([THEIRS], run=run)


def test_it_gains_and_does_not_forget(
    model: LanguageModel, adapted: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: value.clone() for name, value in model._fitted().network.state_dict().items()}
    gains = adapted.gains_
    assert gains is not None
    assert gains.after.theirs < 0.3 * gains.before.theirs
    assert gains.after.own < gains.before.own + 0.05
    assert gains.before.typed is not None
    assert gains.after.typed is not None
    assert gains.after.typed.saved > gains.before.typed.saved + 0.05
    assert gains.after.typed.foretold > gains.before.typed.foretold
    assert "keystrokes saved" in str(gains)
    for name, value in model._fitted().network.state_dict().items():
        assert torch.equal(value, before[name])

    monkeypatch.setattr(adapting, "_HOLD", 0.0)
    careless = model.adapt([THEIRS]).gains_
    assert careless is not None
    assert careless.after.own > gains.after.own


def test_it_is_a_run_like_any_other(
    model: LanguageModel, adapted: LanguageModel, run: Path
) -> None:
    again = LanguageModel.load(run)
    typed = "Ben hears Ben at the lake.\nAnna hea"
    assert "hears" in [each.word for each in again.complete(typed)]
    assert "hears" not in [each.word for each in model.complete(typed)]
    assert again.generate("Anna", length=50) == adapted.generate("Anna", length=50)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "run it began from" in page
    assert "the run&#39;s own text" in page
    with pytest.raises(InputError, match="already holds this very fit"):
        model.adapt([THEIRS], run=run)
    twice = again.adapt([lines(200, seed=9)])
    assert twice.gains_ is not None
    assert twice.gains_.after.theirs < twice.gains_.before.theirs + 0.01


def test_the_old_answers_hold_it(model: LanguageModel) -> None:
    """At first it says what it said, so that only the new text moves it."""
    fitted = model._fitted()
    ids = torch.from_numpy(fitted.primer(THEIRS))
    source = RehearsingWindows(ids, ids.flip(0), 2)
    plan = source.plan(torch.Generator().manual_seed(0))
    assert len(plan) == source.batches
    batch = source.load(plan[0])
    assert batch.new.inputs.shape == batch.old.inputs.shape
    held, free = (RehearsingNetwork(fitted, 2, hold) for hold in (1.0, 0.0))
    torch.testing.assert_close(held.loss(batch), free.loss(batch), atol=1e-5, rtol=0)
    assert not any(each.requires_grad is False for each in held.parameters())
    with torch.no_grad():
        for weight in held.parameters():
            weight += 0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
        free.carrying.load_state_dict(held.carrying.state_dict())
    assert held.loss(batch) > free.loss(batch) + 0.01


def test_keystrokes_by_hand(model: LanguageModel) -> None:
    completer = Completer(model._fitted())
    text = "Ben sees Ben at the sea."
    typed = type_out(completer, text, offers=1)
    assert typed is not None
    keystrokes, foretold, at = 0, 0, 0
    words = text[:-1].split(" ")
    for word in words:
        letters = next(
            (
                n
                for n in range(len(word) - 1)
                if [o.word for o in model.complete(text[: at + n], count=1)] == [word]
            ),
            None,
        )
        keystrokes += len(word) if letters is None else letters + 1
        foretold += letters == 0
        at += len(word) + 1
    keystrokes += len(words) - 1  # blanks
    assert typed.words == len(words)
    assert typed.foretold == foretold / len(words)
    assert typed.saved == pytest.approx(1 - keystrokes / len(text[:-1]))
    assert typed.slow >= typed.median > 0
    assert type_out(completer, "...") is None


def test_what_cannot_be_learnt_from(model: LanguageModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="less than one window"):
        model.adapt(["Ben sees. " * 7], run=tmp_path / "run")
    with pytest.raises(InputError, match="too few to learn from and judge"):
        model.adapt(["Be"])
    assert not (tmp_path / "run").exists()
    blind = small(tokens="bytes", epochs=1).fit([lines(200)])
    gains = blind.adapt([THEIRS]).gains_
    assert gains is not None
    assert gains.after.typed is None
    strange = model.adapt([THEIRS.replace("hears", "hears €")]).gains_
    assert strange is not None
    assert 5 < strange.unknown < 60
    assert "the run had never seen" in str(strange)
