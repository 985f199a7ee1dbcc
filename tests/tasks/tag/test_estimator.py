"""The tagger from fit to a run and back, on sentences of a small grammar."""

import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from data_paths import shared_data
from gatework.data.tagged import read_tagged
from gatework.errors import InputError
from gatework.tasks import run as folder
from gatework.tasks.tag import Tagger
from gatework.tasks.tag.corpus import LONGEST
from gatework.tasks.tag.settings import TagSettings
from gatework.tasks.tag.spans import convert
from tasks.cut_off import fit_and_be_killed
from tasks.tag.sayings import parts, sayings

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "word_size": 16,
    "spelling_size": 8,
    "epochs": 20,
    "batch_size": 8,
    "dropout": 0.1,
    "learning_rate": 1e-2,
    "members": 1,
}
TRAIN, TEST = sayings(120), sayings(60, seed=1)


def small(**changes: Any) -> Tagger:
    settings: dict[str, Any] = SMALL | changes
    return Tagger(**settings)


@pytest.fixture(scope="module")
def model() -> Tagger:
    return small().fit(*parts(TRAIN), test=parts(TEST))


@pytest.fixture(scope="module")
def run(model: Tagger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "sayings"
    model.save(place)
    return place


def write_json(path: Path, sentences: list) -> Path:
    rows = ({"tokens": s.tokens, "tags": s.tags, "intent": s.label} for s in sentences)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_it_learns_the_grammar_and_beats_the_rule(model: Tagger) -> None:
    scores = model.scores_
    assert scores is not None
    ours, rule = scores.methods
    assert (scores.part, scores.chosen_on) == ("test", False)
    assert ours.f1 is not None
    assert ours.f1 > 0.97
    assert ours.label_accuracy == 1.0
    assert rule.f1 is not None
    assert rule.f1 < 0.75  # a city is FROM or TO by the word before it
    assert scores.verdict().startswith("Gatework beats the most frequent tag (span F1 ")


def test_answers_to_texts_words_and_frames_are_the_same(model: Tagger) -> None:
    text = "Ann flies from New York to Lima."
    (answer,) = model.predict([text])
    assert answer.tags == ("B-PER", "O", "O", "B-FROM", "I-FROM", "O", "B-TO", "O")
    assert answer.label == "tell"
    assert [text[a:b] for a, b in answer.offsets] == list(answer.tokens)
    (same,) = model.predict([list(answer.tokens)])
    assert (same.tags, same.offsets) == (answer.tags, None)
    wide = pl.DataFrame({"tokens": [list(answer.tokens), []]})
    framed = model.predict(wide)
    assert framed["gatework"].to_list() == [list(answer.tags), []]
    long = pd.DataFrame({"id": 1, "word": answer.tokens})
    framed = model.predict(long)
    assert isinstance(framed, pd.DataFrame)
    assert framed["gatework"].tolist() == list(answer.tags)
    assert set(framed["gatework-label"]) == {"tell"}


def test_probabilities_and_alternatives(model: Tagger) -> None:
    answers = model.predict([list(s.tokens) for s in TEST[:5]], n_best=3, probabilities=True)
    for answer in answers:
        chances = [way.probability for way in answer.alternatives]
        assert len(chances) == 3
        assert chances == sorted(chances, reverse=True)
        assert 0 < sum(chances) <= 1 + 1e-9
        assert answer.alternatives[0].tags == answer.tags
        assert len({way.tags for way in answer.alternatives}) == 3
        # A tag is at least as probable as the whole sequence that it is in.
        assert min(answer.probabilities) >= chances[0] - 1e-5


def test_answers_do_not_depend_on_the_company(model: Tagger) -> None:
    words = [list(s.tokens) for s in TEST] + [[], ["Oslo"]]
    together = model.predict(words, probabilities=True)
    for one, answer in zip(words, together, strict=True):
        (alone,) = model.predict([one], probabilities=True)
        assert alone.tags == answer.tags
        assert alone.probabilities == pytest.approx(answer.probabilities, abs=1e-5)
    assert (together[-2].tags, together[-2].label) == ((), None)


def test_a_very_long_sentence_is_answered(model: Tagger) -> None:
    words = ["Ann", "flies", "to", "Rome", "."] * (3 * LONGEST // 5) + ["Bonn"]
    (answer,) = model.predict([words], probabilities=True, n_best=2)
    best, second = answer.alternatives
    assert best.tags == answer.tags
    assert best.probability > second.probability > 0
    assert sum(a != b for a, b in zip(best.tags, second.tags, strict=True)) > 0
    assert len(answer.tags) == len(answer.probabilities) == len(words)
    assert answer.tags[:5] == ("B-PER", "O", "O", "B-TO", "O")


def test_a_saved_run_answers_the_same(model: Tagger, run: Path) -> None:
    assert {path.name for path in run.iterdir()} == {
        folder.CONFIG,
        folder.WEIGHTS,
        folder.METRICS,
        folder.REPORT,
        folder.RULE,
        folder.PREDICTIONS,
    }
    loaded = Tagger.load(run)
    words = [list(s.tokens) for s in TEST]
    assert loaded.predict(words) == model.predict(words)
    assert str(loaded.evaluate(*parts(TEST)).methods) == str(
        model.scores_.methods if model.scores_ else None
    )
    table = pl.read_csv(run / folder.PREDICTIONS)
    assert table.columns == ["row", "word", "tag", "gatework", "probability"]
    assert table.height == sum(len(s.tokens) for s in TEST)
    page = (run / folder.REPORT).read_text(encoding="utf-8")
    for words_of_it in ("Gatework beats the most frequent tag", "Spans by type", "FROM"):
        assert words_of_it in page
    assert "://" not in page


def test_evaluate_says_what_training_never_saw(model: Tagger) -> None:
    odd = [s._replace(tags=tuple("B-NEW" for _ in s.tokens), label="new") for s in TEST[:2]]
    scores = model.evaluate(*parts(odd))
    assert scores.methods[0].f1 == 0.0
    assert scores.methods[0].label_accuracy == 0.0
    assert "never saw" in scores.notes[0]
    assert '"NEW"' in scores.notes[0]
    assert '"new"' in scores.notes[1]


def test_files_of_both_kinds_give_the_same_fit(tmp_path: Path) -> None:
    lines = write_json(tmp_path / "a.jsonl", TRAIN)
    rows = [
        "".join(f"{w}\tx\t{t}\n" for w, t in zip(s.tokens, s.tags or (), strict=True))
        for s in TRAIN
    ]
    columns = tmp_path / "b.conll"
    columns.write_text("\n".join(rows), encoding="utf-8")
    first = small(epochs=1).fit(columns)
    second = small(epochs=1).fit(
        [list(s.tokens) for s in TRAIN], [list(s.tags or ()) for s in TRAIN]
    )
    assert first.scores_ == second.scores_
    assert first.scores_ is not None
    assert first.scores_.methods[0].label_accuracy is None
    assert first.scores_.chosen_on
    third = small(epochs=1).fit(lines, validation=lines)
    assert third.scores_ is not None
    assert third.scores_.methods[0].label_accuracy is not None


@pytest.mark.parametrize(
    ("given", "inner"), [("IOB1", "BIO"), ("IOBES", "IOBES"), ("BIO", "IOBES")]
)
def test_answers_are_in_the_datas_own_scheme(given, inner) -> None:
    train = [s._replace(tags=tuple(convert(s.tags or (), given)), label=None) for s in TRAIN]
    words, tags, _ = parts(train)
    model = small(scheme=inner, epochs=10).fit(words, tags)
    (answer,) = model.predict(["Bob Ray flies to Lima."])
    true = ("B-PER", "I-PER", "O", "O", "B-TO", "O")
    assert answer.tags == tuple(convert(true, given))


def test_plain_tags_are_judged_by_word() -> None:
    plain = [
        s._replace(tags=tuple(t[2:] or "none" for t in s.tags or ()), label=None) for s in TRAIN
    ]
    words, tags, _ = parts(plain)
    model = small(crf=False, epochs=6).fit(words, tags)
    assert model.scores_ is not None
    assert model.scores_.methods[0].f1 is None
    assert model.scores_.methods[0].accuracy > 0.95
    assert not model.has_spans


def test_vectors_reach_words_that_training_never_saw(tmp_path: Path) -> None:
    """A city known by its vector alone is told from a name."""
    path = tmp_path / "vectors.txt"
    cities = ("rome", "new", "york", "lima", "bonn", "san", "jose", "oslo", "paris")
    names = ("ann", "bob", "ray", "eve", "zoe")
    rows = [f"{w} 1 0" for w in cities] + [f"{w} 0 1" for w in names] + ["from -1 0", "to 0 -1"]
    path.write_text("\n".join(rows), encoding="utf-8")
    model = small(vectors=str(path)).fit(*parts(TRAIN))
    (answer,) = model.predict([["Zoe", "flies", "to", "Paris", "."]])
    assert answer.tags == ("B-PER", "O", "O", "B-TO", "O")


KILLED = """
from tasks.tag.sayings import parts, sayings
from tasks.tag.test_estimator import small

small(epochs=3, members=2).fit(*parts(sayings(60)), run=run)
"""


def test_a_killed_fit_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    run, whole = tmp_path / "killed", tmp_path / "whole"
    fit_and_be_killed(KILLED, run, step=12, saved=9, training="network-1")
    with pytest.raises(InputError, match="is a half-finished run"):
        Tagger.load(run)
    words = parts(sayings(60))
    with pytest.raises(InputError, match="a half-finished fit with epochs 3, not 4"):
        small(epochs=4, members=2).fit(*words, run=run)
    small(epochs=3, members=2).fit(*words, run=run)
    small(epochs=3, members=2).fit(*words, run=whole)
    assert (run / folder.WEIGHTS).read_bytes() == (whole / folder.WEIGHTS).read_bytes()
    assert not (run / folder.STATE).exists()
    with pytest.raises(InputError, match="already holds this very fit"):
        small(epochs=3, members=2).fit(*words, run=run)


def test_a_stream_holds_a_bounded_part_of_a_file(model: Tagger, tmp_path: Path) -> None:
    """Answers come before the end of the file is read: a wrong row far behind stops only then."""
    path = tmp_path / "long.conll"
    path.write_text("Rome O\n\n" * 3_000 + "a b c\n", encoding="utf-8")
    answers = model.stream(path)
    assert sum(1 for _, _ in zip(range(2_048), answers, strict=False)) == 2_048
    with pytest.raises(InputError, match="row 6001: expected 2 columns"):
        list(answers)


def test_something_to_look_inside(model: Tagger, run: Path) -> None:
    shown = Tagger.load(run).inspection(most=3)
    assert [name[:2] for name in shown.sequences] == ["1:", "2:", "3:"]
    trace = shown.trace()
    assert trace["lstm"].step_names(0) == TEST[0].tokens
    features = trace["lstm"].features
    assert features is not None
    assert features[0] == "word 0"
    assert len(features) == shown.inputs[0].shape[-1]
    answer = shown.model(*shown.inputs)
    assert shown.score(answer).shape == (3,)
    assert (shown.score(answer) <= 0).all()
    texts = model.inspection(["Ann flies to Rome."], most=5)
    assert texts.trace()["lstm"].step_names(0) == ("Ann", "flies", "to", "Rome", ".")
    with pytest.raises(InputError, match="no sentence with words"):
        model.inspection([""])


def test_every_setting_is_an_argument_with_the_same_default() -> None:
    arguments = inspect.signature(Tagger).parameters
    for field in dataclasses.fields(TagSettings):
        assert arguments[field.name].default == field.default, field.name
    assert repr(Tagger(seed=3, crf=False)) == "Tagger(crf=False, seed=3)"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: Tagger().predict([["a"]]), "not fitted: call fit(data) or Tagger.load(run)"),
        (lambda m: Tagger().save("nowhere"), "not fitted"),
        (lambda m: m.fit([["a"]]), "with lists, give their tags as well"),
        (lambda m: m.fit([["a", "b"]], [["O"]]), "sentence 0 (counting from 0): 2 tokens but 1"),
        (lambda m: m.predict([["a"], "b"]), "tokens[1] is 'b'; expected a list of texts"),
        (lambda m: m.predict([["a"]], n_best=0), "n_best is 0; expected 1 or more"),
        (lambda m: m.predict(pl.DataFrame({"tokens": [["a"]]}), n_best=2), "only the tags are"),
        (lambda m: m.predict(3), "expected a data frame (pandas, polars or pyarrow), found int"),
        (lambda m: m.predict("nowhere.txt"), "nowhere.txt is not there"),
        (lambda m: m.evaluate([[]], [[]]), "nothing to judge: there is no sentence with words"),
        (lambda m: small(epochs="many").fit([["a"]], [["O"]]), "epochs is 'many'; expected a"),
        (lambda m: Tagger(scheme="IOB").fit([["a"]], [["O"]]), "scheme is 'IOB'; expected one of"),
        (
            lambda m: Tagger(vectors="nowhere.vec").fit(*parts(TRAIN)),
            "nowhere.vec is not there",
        ),
    ],
)
def test_wrong_calls(model: Tagger, call, message: str) -> None:
    with pytest.raises(InputError) as caught:
        call(model)
    assert message in str(caught.value)


def test_a_damaged_run_is_refused(model: Tagger, run: Path, tmp_path: Path) -> None:
    place = tmp_path / "copy"
    place.mkdir()
    for path in run.iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    (place / folder.RULE).write_bytes(b"{}")
    with pytest.raises(InputError, match=r"baseline.json is damaged"):
        Tagger.load(place)


@pytest.mark.slow
def test_atis_is_learnt_better_than_by_the_rule() -> None:
    """A few passes over real queries, judged on the validation part."""
    train = shared_data("text/atis/train.jsonl.gz")
    valid = shared_data("text/atis/valid.jsonl")
    model = Tagger(epochs=6, hidden_size=64).fit(train, validation=valid)
    assert model.scores_ is not None
    ours, rule = model.scores_.methods
    assert ours.f1 is not None
    assert rule.f1 is not None
    assert rule.f1 == pytest.approx(0.60, abs=0.09)
    assert ours.f1 > 0.85
    assert len(list(read_tagged(valid))) == 500
