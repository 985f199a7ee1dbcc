"""The language model from fit to a run and back, on a small language."""

import dataclasses
import inspect
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from gatework.data.stream import encode
from gatework.errors import InputError
from gatework.models.language import judge
from gatework.ops import stream as stream_of_ops
from gatework.tasks import run as folder
from gatework.tasks.generate import LanguageModel
from gatework.tasks.generate.settings import GenerateSettings, Sampling
from tasks.cut_off import fit_and_be_killed
from tasks.generate.grammar import SMALL, lines

TEXT = lines(700)


def small(**changes: Any) -> LanguageModel:
    settings: dict[str, Any] = SMALL | changes
    return LanguageModel(**settings)


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small().fit([TEXT])


@pytest.fixture(scope="module")
def run(model: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "lines"
    model.save(place)
    return place


def test_it_remembers_what_n_grams_cannot(model: LanguageModel) -> None:
    scores = model.scores_
    assert scores is not None
    ours, best, unigram = scores.methods
    # A line has log(3) nats for its name and as many for its verb, in 28 characters on average.
    assert ours.nats < best.nats < unigram.nats
    assert ours.nats == pytest.approx(2 * math.log(3) / 28, rel=0.2)
    assert scores.part == "last 10%"
    assert not scores.chosen_on
    assert scores.verdict().startswith(f"Gatework beats the {best.method}: 0.0")
    assert ours.bits == pytest.approx(ours.nats / math.log(2))


def test_every_character_is_scored_with_the_state_carried(model: LanguageModel) -> None:
    assert model._fit is not None
    codec, network = model._fit.codec, model._fit.network
    text = lines(90, seed=5)
    scores = model.evaluate([text])
    stream = encode([[text]], codec)
    assert (scores.characters, scores.tokens) == (len(text), len(text))
    with torch.no_grad():
        logits, _ = network(stream.ids[:-1, None].long())
    nats = torch.nn.functional.cross_entropy(logits[:, 0], stream.ids[1:].long())
    assert scores.methods[0].nats == pytest.approx(float(nats), abs=1e-5)
    assert float(judge(network, stream.ids[:, None], window=7).nats.mean()) == pytest.approx(
        float(nats), abs=1e-5
    )


def test_it_writes_the_language(model: LanguageModel) -> None:
    text = model.generate("Anna ", length=400, temperature=0.3)
    written = ("Anna " + text).splitlines()[:-1]
    true = [line for line in written if line.split()[0] == line.split()[2]]
    assert len(true) > 0.8 * len(written)


def test_the_same_seed_writes_the_same_on_any_number_of_threads(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_of_ops, "_LEAST_WORK", 1)  # threads share even so little
    before = torch.get_num_threads()
    texts, batches = set(), set()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            texts.add(model.generate(length=300, temperature=1.0, seed=7))
            found = model.write_many("Ben", Sampling(1.0, seed=7), count=50, length=30)
            batches.add(tuple(each.text for each in found))
    finally:
        torch.set_num_threads(before)
    assert len(texts) == len(batches) == 1
    assert model.generate(length=300, temperature=1.0, seed=8) not in texts


def test_pieces_are_the_text_and_one_of_many_is_one(model: LanguageModel) -> None:
    how = Sampling(temperature=0)
    whole = model.generate("Ben", temperature=0, length=50)
    assert "".join(model.write("Ben", how, length=50)) == whole
    for each in model.write_many("Ben", how, count=3, length=50):
        assert each == (whole, 50, "length")


def test_stops(model: LanguageModel) -> None:
    (each,) = model.write_many("Ben", Sampling(0), count=1, length=200, stop=["sea", "\n"])
    assert each.ending == "stop"
    assert each.text.endswith("at the ")
    assert model.generate("Ben", temperature=0, stop=[" at t"]).endswith(" Ben")


def test_characters_that_were_never_seen_are_no_end(model: LanguageModel) -> None:
    assert model.unknown("Ben € x\u0000") == ["€", "x", "\u0000"]
    assert len(model.generate("Ben €", length=40)) == 40
    scores = model.evaluate(["Ben € sees"])
    assert math.isfinite(scores.methods[0].nats)
    assert "1 characters were never seen" in str(scores)
    assert "\ufffd" not in model.generate("€€€", length=200, temperature=5.0)


def test_there_and_back(model: LanguageModel, run: Path) -> None:
    again = LanguageModel.load(run)
    assert again.generate("Ben", length=80, seed=3) == model.generate("Ben", length=80, seed=3)
    text = lines(20, seed=9)
    assert again.evaluate([text]).records() == model.evaluate([text]).records()
    assert again.complete("Ben s") == model.complete("Ben s")
    with pytest.raises(InputError, match="loaded from a run"):
        again.save(run.parent / "other")
    page = (run / folder.REPORT).read_text()
    assert "What it writes" in page
    assert "<script" not in page


def test_a_damaged_run_is_refused(run: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / folder.BASELINES
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"baselines\.safetensors is damaged"):
        LanguageModel.load(tmp_path / "run")


def test_what_can_be_looked_inside(model: LanguageModel, run: Path) -> None:
    for each in (model.inspection(most=2), LanguageModel.load(run).inspection(most=2)):
        trace = each.trace()
        assert trace["lstm"].step_names(0)[0] == "(end)"
        assert "".join(trace["lstm"].step_names(0)[1:5]) == _shown(model)[:4]
    shown = model.inspection([TEXT[:300]], most=3)
    layer = shown.trace()["lstm"]
    assert layer.loss is not None
    assert shown.model(*shown.inputs).shape[:2].numel() == layer.loss.size
    # The surprise stands at the token that surprised.
    ids = torch.from_numpy(model._fitted().codec.encode(TEXT[:241]))[:240]
    nats = judge(model._fitted().network, torch.cat([torch.zeros(1), ids]).long()[:, None]).nats
    first = layer.loss[layer.offsets[0] : layer.offsets[1]]
    assert math.isnan(first[0])
    torch.testing.assert_close(torch.from_numpy(first[1:]), nats[:, 0], atol=1e-4, rtol=0)
    with pytest.raises(InputError, match="nothing to look at"):
        model.inspection(["a"])


def _shown(model: LanguageModel) -> str:
    return model._excerpt.replace(" ", "␣").replace("\n", "⏎")


@pytest.mark.parametrize("kind", ["bytes", "words", "subwords"])
def test_other_tokens(kind: str, tmp_path: Path) -> None:
    if kind == "subwords":
        pytest.importorskip("sentencepiece")
    path = tmp_path / "a.txt"
    path.write_text(lines(300).replace("sea", "océan"), encoding="utf-8")
    model = small(tokens=kind, vocabulary_size=320, epochs=3, window=16).fit(path)
    text = model.generate("Anna sees", length=60, temperature=0.5)
    assert text
    assert "océan" in model.generate("Anna sees Anna at the", length=80, temperature=0)
    scores = model.evaluate(path)
    length = len(path.read_bytes() if kind == "bytes" else path.read_text(encoding="utf-8"))
    assert scores.characters == length
    assert scores.unit == ("byte" if kind == "bytes" else "character")


def test_documents_end() -> None:
    texts = [line + "\n" for line in lines(250).splitlines()]
    model = small(epochs=6).fit(texts)
    found = model.write_many("", Sampling(temperature=0.5), count=8, length=80)
    assert {each.ending for each in found} == {"end"}
    assert all(each.text.endswith(".\n") for each in found)


def test_a_character_that_a_part_lacks_is_reported() -> None:
    model = small(epochs=1).fit(["Q" + TEXT, TEXT + "Z"])
    assert model.outcome_ is not None
    notes = "\n".join(model.outcome_.notes)
    assert "characters that the test part has not: 'Q'" in notes
    assert "1 characters of the test part are not in the training part" in notes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"t\.txt is empty"),
        (b"abcabc", r"t\.txt has 6 characters, of which 5 are to learn from: less than one window"),
        (b"a" * 5_000, r"t\.txt holds nothing but the character 'a'"),
        (b"\x00\x01" * 500, r"t\.txt is no text: byte 0 is zero"),
        ("é".encode() * 500 + b"\xe9" + b"a" * 500, r"t\.txt is not UTF-8: byte 1,000 is 0xe9"),
    ],
)
def test_what_nothing_can_be_learnt_from(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        small().fit(path, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_parts_from_files_of_their_own(tmp_path: Path) -> None:
    for name, seed in (("train", 0), ("validation", 1), ("test", 2)):
        (tmp_path / f"{name}.txt").write_text(lines(200, seed=seed))
    model = small(epochs=1).fit(
        tmp_path / "train.txt",
        validation=tmp_path / "validation.txt",
        test=tmp_path / "test.txt",
    )
    assert model.scores_ is not None
    assert (model.scores_.part, model.scores_.characters) == ("test", len(lines(200, seed=2)))
    held = small(epochs=1, test_share=0.0).fit(tmp_path / "train.txt")
    assert held.scores_ is not None
    assert (held.scores_.part, held.scores_.chosen_on) == ("validation", True)


KILLED = """
from tasks.generate.grammar import lines
from tasks.generate.test_estimator import small

small(epochs=2, dropout=0.2).fit([lines(400)], run=run)
"""


def test_a_killed_fit_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    """Also where it was killed amid an epoch, with a state carried from window to window."""
    run, whole = tmp_path / "killed", tmp_path / "whole"
    fit_and_be_killed(KILLED, run, step=25, saved=15, training="training")
    again = small(epochs=2, dropout=0.2)
    texts = [lines(400)]
    again.fit(texts, run=run)
    small(epochs=2, dropout=0.2).fit(texts, run=whole)
    assert (run / folder.WEIGHTS).read_bytes() == (whole / folder.WEIGHTS).read_bytes()
    assert not (run / folder.STATE).exists()
    assert again.outcome_ is not None
    losses = [[step, loss] for step, loss, _ in again.outcome_.curves[0]]
    assert len(losses) == len({step for step, _ in losses})


def test_the_arguments_are_the_settings() -> None:
    arguments = inspect.signature(LanguageModel).parameters
    fields = {field.name: field.default for field in dataclasses.fields(GenerateSettings)}
    fields["text_column"] = None
    assert {name: each.default for name, each in arguments.items()} == fields


@pytest.mark.parametrize(
    "values",
    [{"hidden_size": 0}, {"dropout": 1.0}, {"tokens": "letters"}, {"average": 1.0},
     {"validation_share": 0.0}, {"learning_rate": 0.0}, {"activation": -1.0}, {"seed": "a"}],
)  # fmt: skip
def test_settings_that_cannot_be(values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(values))):
        small(**values).fit([TEXT])


def test_what_is_not_fitted() -> None:
    with pytest.raises(InputError, match="not fitted"):
        small().generate()
