"""The primer's task, and the tiny models that ship for it."""

from importlib.resources import files

import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.primer import task, train
from gatework.inspector.primer.tiny import KINDS, TinyModel, load_models, page_data, to_json


def _answers(tape: str) -> list[str]:
    """The rule in words: at `?` the last capital, else silence."""
    found = []
    for place, symbol in enumerate(tape):
        capitals = [each for each in tape[:place] if each.isupper()]
        found.append(capitals[-1] if symbol == "?" and capitals else task.SILENCE)
    return found


def test_a_tape_as_numbers():
    tape = "?cBa?cA?"
    batch = task.encode(tape)
    assert [task.ANSWERS[k] for k in batch.targets.flatten()] == _answers(tape)
    assert batch.inputs[2, 0].tolist() == [0, 1, 0, 1, 0]
    assert batch.asked.flatten().tolist() == [symbol == "?" for symbol in tape]


def test_a_symbol_of_another_alphabet_is_refused():
    with pytest.raises(InputError, match="step 2 is 'x'"):
        task.encode("abx")


def test_drawn_tapes_are_tapes():
    drawn = task.draw(30, 20, torch.Generator().manual_seed(0), capitals=0.2)
    for b in range(20):
        tape = "".join(
            "?" if row[-1] else task.LETTERS[int(row[:3].argmax())].upper() if row[3] else
            task.LETTERS[int(row[:3].argmax())]
            for row in drawn.inputs[:, b]
        )  # fmt: skip
        assert tape.endswith("?")
        again = task.encode(tape)
        assert torch.equal(again.inputs[:, 0], drawn.inputs[:, b])
        assert torch.equal(again.targets[:, 0], drawn.targets[:, b])


def test_the_shipped_models_score_what_the_page_says():
    facts = {kind: each["facts"] for kind, each in page_data()["models"].items()}
    for kind, model in load_models(dtype=torch.float32).items():
        for gap in (10, 30):
            assert train.accuracy(model, gap, seed=2) == pytest.approx(
                facts[kind]["test"][str(gap)],
                abs=2e-4,  # a tie of two logits may break another way on another machine
            )
    assert facts["lstm"]["test"]["300"] > 0.99


def test_the_data_is_small_and_reads_back_as_it_was_written():
    assert (files("gatework.inspector.primer") / "models.json").read_bytes().__len__() < 30_000
    for kind, model in load_models().items():
        stored = page_data()["models"][kind]
        assert to_json(kind, model) == {name: stored[name] for name in ("cell", "params", "head")}


@pytest.mark.parametrize("kind", KINDS)
def test_training_is_reproducible(kind: str):
    price = 0.05 if kind == "lstm" else 0.0
    first, second = (train.train(kind, 0, price=price, steps=3) for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    torch.manual_seed(0)
    fresh = TinyModel(kind)
    assert any(
        not torch.equal(one, other)
        for one, other in zip(first.parameters(), fresh.parameters(), strict=True)
    )


def test_the_gates_do_what_the_page_says_of_them():
    """Means over random tapes of the shipped LSTM's gates at capitals, noise and questions."""
    tapes = task.draw(40, 200, torch.Generator().manual_seed(5), capitals=0.1)
    traced = gatework.trace(load_models(dtype=torch.float32)["lstm"].recurrent, tapes.inputs)[""]
    values = {
        name: torch.tensor(value).reshape(200, 40, 4).transpose(0, 1)
        for name, value in traced.find().values.items()
    }
    capital, asked = tapes.inputs[..., -2] == 1, tapes.asked
    noise = ~capital & ~asked
    for unit in (0, 3):  # the letter
        gates = {name: values[name][..., unit] for name in "ifo"}
        assert gates["f"][capital].mean() < 0.1
        assert gates["f"][noise].mean() > 0.98
        assert gates["i"][capital].mean() > 10 * gates["i"][noise].mean()
        assert gates["o"][asked].mean() > 0.9
        assert gates["o"][~asked].mean() < 0.2
    seen = capital.cumsum(0) > 0
    knows = values["c"][..., 2]  # that there was a capital
    assert knows[seen].min() > knows[~seen].max()
    silent = values["o"][..., 1]
    assert silent[asked & seen].mean() < 0.2
    assert silent[~asked].mean() > 0.9
    assert values["f"][..., 1].mean() > 0.99
