"""Texts put aside and gone on with: bit for bit what they would have been."""

from pathlib import Path

import pytest

from gatework.errors import InputError
from gatework.tasks.generate import LanguageModel
from gatework.tasks.generate.settings import Recall, Sampling
from tasks.generate.grammar import lines, small


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small(epochs=3).fit([lines(300)])


HOW = Sampling(temperature=1.0, repetition_penalty=1.1, top_k=20, seed=5)


@pytest.mark.parametrize(
    "recall", [Recall(), Recall(cache=50), Recall(dynamic=1e-3), Recall(cache=9, dynamic=1e-3)]
)
def test_it_goes_on_as_if_it_had_never_stopped(
    model: LanguageModel, tmp_path: Path, recall: Recall
) -> None:
    whole = "".join(model.write("Ben sees Ben", HOW, length=200, recall=recall))
    writing, parts = model.start("Ben sees Ben", HOW, recall=recall), []
    for length in (1, 70, 129):
        parts.extend(writing.write(length=length))
        writing.save(tmp_path / "a.safetensors")
        writing = model.resume(tmp_path / "a.safetensors")
    assert "".join([*parts, writing.finish()]) == whole
    assert writing.sampling == HOW


def test_in_bytes_a_character_may_be_cut_in_two(tmp_path: Path) -> None:
    text = lines(200).replace("sea", "éé€")
    model = small(epochs=3, tokens="bytes").fit([text])
    whole = model.generate("Ben é", length=120, seed=2)
    assert "€" in whole
    writing, parts = model.start("Ben é", Sampling(seed=2)), []
    for _ in range(120):
        parts.extend(writing.write(length=1))
        writing.save(tmp_path / "a")
        writing = model.resume(tmp_path / "a")
    assert "".join([*parts, writing.finish()]) == whole


def test_a_stop_string_over_the_border(model: LanguageModel, tmp_path: Path) -> None:
    how = Sampling(temperature=0)
    whole = "".join(model.write("Ben", how, length=300, stop=["the sea"]))
    assert whole.endswith(" at ")
    for cut in range(len(whole), len(whole) + 7):
        writing = model.start("Ben", how)
        shown = "".join(writing.write(length=cut, stops=["the sea"]))
        assert shown == whole
        writing.save(tmp_path / "a")
        writing = model.resume(tmp_path / "a")
        assert "".join(writing.write(length=20, stops=["the sea"])) == ""
        assert writing.ending == "stop"
        assert "".join(writing.write(length=2)) == ".\n"


def test_what_comes_next_may_be_given(model: LanguageModel, tmp_path: Path) -> None:
    how, given = Sampling(temperature=0), "\nCarla sees"
    writing = model.start("Ben", how)
    before = "".join(writing.write(length=30))
    writing.save(tmp_path / "a")
    writing = model.resume(tmp_path / "a")
    writing.read(given)
    after = "".join(writing.write(length=40))
    assert after == model.generate(f"Ben{before}{given}", temperature=0, length=40)


def test_another_way_of_drawing(model: LanguageModel, tmp_path: Path) -> None:
    writing = model.start("Ben", HOW)
    list(writing.write(length=30))
    writing.save(tmp_path / "a")
    texts = []
    for seed in (1, 1, 2):
        writing = model.resume(tmp_path / "a")
        writing.sampling = Sampling(temperature=1.5, seed=seed)
        texts.append("".join(writing.write(length=60)))
    assert texts[0] == texts[1] != texts[2]


def test_what_is_no_state(model: LanguageModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a is not there; expected a state"):
        model.resume(tmp_path / "a")
    (tmp_path / "a").write_text("no state")
    with pytest.raises(InputError, match="a is damaged or no safetensors file"):
        model.resume(tmp_path / "a")
    model.save(tmp_path / "run")
    with pytest.raises(InputError, match=r"model\.safetensors is no state of a text"):
        model.resume(tmp_path / "run" / "model.safetensors")
    other = small(epochs=1, seed=3).fit([lines(300)])
    other.start("Ben").save(tmp_path / "other")
    with pytest.raises(InputError, match="other is a state of another model"):
        model.resume(tmp_path / "other")
