"""`Classifier` from texts to labels and back from disk."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from data_paths import shared_data
from gatework.errors import InputError
from gatework.tasks.classify import Classifier
from gatework.tasks.classify.encoding import TextEncoder
from gatework.training import Interrupted, Progress

TINY: dict[str, Any] = {
    "members": 2,
    "hidden_size": 4,
    "embedding_size": 4,
    "epochs": 2,
    "batch_size": 8,
}
GOOD = ("a fine film", "fine and good", "so good a story", "good good fun")
BAD = ("a dull film", "dull and bad", "so bad a story", "bad bad bore")
TEXTS = [*GOOD, *BAD] * 8
LABELS = ["up"] * 4 + ["down"] * 4
TABLE = pl.DataFrame({"text": TEXTS, "label": LABELS * 8})


@pytest.fixture(scope="module")
def fitted() -> Classifier:
    return Classifier(**TINY).fit(TABLE)


def test_what_is_plain_is_learnt(fitted: Classifier) -> None:
    model = Classifier(**{**TINY, "epochs": 12, "test_share": 0}).fit(TEXTS, LABELS * 8)
    assert model.predict(["what a good film", "what a bad film"]).tolist() == ["up", "down"]
    assert model.scores_ is None


def test_probabilities_are_some(fitted: Classifier) -> None:
    p = fitted.predict_proba(["fine", "", "never seen words", "\ud800 \x00"])
    assert p.shape == (4, 2)
    assert (p > 0).all()
    np.testing.assert_allclose(p.sum(1), 1)
    assert fitted.classes_.tolist() == ["down", "up"]


def test_batch_mates_do_not_change_an_answer(fitted: Classifier) -> None:
    together = fitted.predict_proba([*TEXTS[:8], "good " * 300])
    alone = np.concatenate([fitted.predict_proba([text]) for text in TEXTS[:8]])
    np.testing.assert_allclose(together[:8], alone, atol=1e-6)


def test_the_scores_have_the_simple_rules_beside(fitted: Classifier) -> None:
    assert fitted.scores_ is not None
    names = [method.name for method in fitted.scores_.methods]
    assert names[0] == "gatework"
    assert {"naive-bayes", "logistic", "majority"} < set(names)
    assert "Gatework" in fitted.scores_.verdict()
    assert fitted.scores_.judged == 12


def test_the_same_seed_gives_the_same_answers(fitted: Classifier) -> None:
    again = Classifier(**TINY).fit(TABLE)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    other = Classifier(**TINY, seed=1).fit(TABLE)
    assert not np.array_equal(other.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_saved_and_loaded_answers_alike(fitted: Classifier, tmp_path: Path) -> None:
    fitted.save(tmp_path / "run")
    loaded = Classifier.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    assert str(loaded.evaluate(TABLE)) == str(fitted.evaluate(TABLE))
    assert loaded.get_params() == fitted.get_params()
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {
        "config.json", "model.safetensors", "baselines.safetensors", "metrics.jsonl",
        "predictions.csv", "report.html",
    }  # fmt: skip
    with pytest.raises(InputError, match="loaded from a run"):
        loaded.save(tmp_path / "other")


@pytest.mark.parametrize("name", ["model.safetensors", "baselines.safetensors", "config.json"])
def test_a_damaged_run_is_refused(fitted: Classifier, tmp_path: Path, name: str) -> None:
    fitted.save(tmp_path / "run")
    path = tmp_path / "run" / name
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InputError, match=f"{name} is damaged"):
        Classifier.load(tmp_path / "run")


class _Stop(Progress):
    """Presses Ctrl-C when the training of that name has begun."""

    def __init__(self, job: str) -> None:
        self.job, self.title, self.done = job, "", False

    def start(self, title: str) -> None:
        self.title = title

    def update(self, fraction: float, text: str) -> None:
        import signal

        if self.job in self.title and not self.done:
            self.done = True
            signal.raise_signal(signal.SIGINT)

    def finish(self, text: str) -> None:
        pass


@pytest.mark.parametrize("job", ["hold out", "all data"])
def test_a_stopped_fit_goes_on_to_the_same_weights(
    fitted: Classifier, tmp_path: Path, job: str
) -> None:
    run = tmp_path / "run"
    with pytest.raises(Interrupted):
        Classifier(**TINY).fit(TABLE, run=run, progress=_Stop(job))
    with pytest.raises(InputError, match="half-finished run"):
        Classifier.load(run)
    Classifier(**TINY).fit(TABLE, run=run)
    np.testing.assert_array_equal(
        Classifier.load(run).predict_proba(TEXTS), fitted.predict_proba(TEXTS)
    )
    assert not (run / "state").exists()


def test_folds_and_seeds_give_mean_and_spread() -> None:
    model = Classifier(**{**TINY, "epochs": 1}, folds=3, seeds=2).fit(TABLE)
    assert model.scores_ is not None
    assert model.scores_.rounds == 6
    assert model.scores_.judged == 2 * 64
    row = model.scores_.records()[0]
    assert 0 <= float(row["accuracy-spread"]) < 1
    assert "±" in str(model.scores_)


def test_several_labels_at_once() -> None:
    sets = [["fun", "good"], ["good"], [], ["dull"]] * 16
    table = pl.DataFrame({"text": TEXTS, "label": sets})
    model = Classifier(**TINY).fit(table)
    assert model.classes_.tolist() == ["dull", "fun", "good"]
    assert model.predict(TEXTS[:5]).shape == (5, 3)
    assert set(np.unique(model.predict(TEXTS))) <= {0, 1}
    assert model.scores_ is not None
    assert model.scores_.metric == "macro_f1"
    cells = pl.DataFrame({"text": TEXTS, "label": [";".join(each) for each in sets]})
    other = Classifier(**TINY, separator=";").fit(cells)
    np.testing.assert_array_equal(other.predict_proba(TEXTS), model.predict_proba(TEXTS))
    matrix = np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0], [1, 0, 0]] * 16)
    plain = Classifier(**{**TINY, "test_share": 0}).fit(TEXTS, matrix)
    assert plain.predict(TEXTS[:2]).shape == (2, 3)


def test_labels_come_back_as_they_were() -> None:
    numbers = Classifier(**{**TINY, "test_share": 0}).fit(TEXTS, [1, 1, 1, 1, 0, 0, 0, 0] * 8)
    assert numbers.predict(TEXTS[:1]).dtype == np.int64
    flags = Classifier(**{**TINY, "test_share": 0}).fit(TEXTS, [True] * 32 + [False] * 32)
    assert flags.classes_.tolist() == [False, True]


def test_a_validation_and_a_test_part_are_used_as_given() -> None:
    model = Classifier(**TINY).fit(TABLE, validation=TABLE[:16], test=TABLE[:24])
    assert model.scores_ is not None
    assert model.scores_.judged == 24
    assert "played no part" in str(model.outcome_.protocol if model.outcome_ else "")


def test_rows_without_a_label_are_left_out_and_told() -> None:
    table = TABLE.with_columns(
        pl.when(pl.int_range(pl.len()) == 5).then(None).otherwise("label").alias("label")
    )
    model = Classifier(**TINY).fit(table)
    assert model.outcome_ is not None
    note = "1 sequence without a label left out, the first is data frame, row 5"
    assert any(note in line for line in model.outcome_.notes)


def test_a_class_seen_once_is_trained_on_and_told() -> None:
    table = pl.concat([TABLE, pl.DataFrame({"text": ["odd"], "label": ["rare"]})])
    model = Classifier(**TINY).fit(table)
    assert model.classes_.tolist() == ["down", "rare", "up"]
    assert model.outcome_ is not None
    assert any('seen only once: "rare"' in line for line in model.outcome_.notes)


def test_a_label_never_seen_counts_as_wrong(fitted: Classifier) -> None:
    table = pl.DataFrame({"text": TEXTS[:4], "label": ["up", "up", "up", "strange"]})
    scores = fitted.evaluate(table)
    assert max(m.mean("accuracy") for m in scores.methods) <= 0.75
    assert any("1 label of them never seen" in line for line in scores.remarks)


def test_a_text_of_a_million_characters_is_cut_and_answered(fitted: Classifier) -> None:
    assert fitted.predict_proba(["good " * 200_000, "x" * 1_000_000]).shape == (2, 2)


def test_empty_texts_are_told_and_answered(fitted: Classifier) -> None:
    table = pl.concat([TABLE, pl.DataFrame({"text": ["", "  "], "label": ["up", "down"]})])
    model = Classifier(**TINY).fit(table)
    assert model.outcome_ is not None
    assert any("2 texts empty" in line for line in model.outcome_.notes)
    with pytest.raises(InputError, match="all texts are empty"):
        Classifier(**TINY).fit(["", " "] * 20, ["a", "b"] * 20)


@pytest.mark.parametrize("tokens", ["characters", "bytes", "words"])
def test_every_way_to_cut(tokens) -> None:
    model = Classifier(**{**TINY, "epochs": 1, "test_share": 0}, tokens=tokens)
    assert model.fit(TEXTS, LABELS * 8).predict_proba(["naïve \U0001f600"]).shape == (1, 2)


def test_every_pooling_and_class_weight() -> None:
    for pooling in ("last", "mean", "max", "attention"):
        model = Classifier(
            **{**TINY, "epochs": 1, "test_share": 0}, pooling=pooling, class_weights="balanced"
        )
        assert model.fit(TEXTS, LABELS * 8).predict_proba(["", "good"]).shape == (2, 2)


def test_vectors_from_outside_are_where_words_start(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("Good 1 2 3\nbad -1 0 2\nzebra 0 0 1\n")
    settings = {**TINY, "embedding_size": None, "learning_rate": 1e-9, "test_share": 0}
    model = Classifier(**settings, vectors=str(tmp_path / "v.txt")).fit(TEXTS, LABELS * 8)
    assert model.outcome_ is not None
    fitted = model.outcome_.fitted
    assert fitted.shape.embedding_size == 3
    weight = fitted.model.members[0].get_submodule("embedding").get_parameter("weight")
    assert isinstance(fitted.encoder, TextEncoder)
    numbers = fitted.encoder.vocabulary.ids(["good", "bad"])
    good, bad = weight[numbers].detach().numpy()
    np.testing.assert_allclose(good / good[0], [1, 2, 3], rtol=1e-3)
    np.testing.assert_allclose(bad / good[0], [-1, 0, 2], atol=1e-3)
    assert any(choice.name == "vectors" and choice.value == "2 words" for choice in fitted.choices)
    with pytest.raises(InputError, match=r"embedding_size is 5, but the vectors of v\.txt have 3"):
        Classifier(**{**settings, "embedding_size": 5}, vectors=str(tmp_path / "v.txt")).fit(
            TEXTS, LABELS * 8
        )


def test_a_language_is_learnt_before_the_labels(tmp_path: Path) -> None:
    more = pl.DataFrame({"text": ["a fine story so good"] * 20, "label": [None] * 20})
    table = pl.concat([TABLE, more.cast(pl.String)])
    settings = {**TINY, "test_share": 0, "pretrain": 40, "dropout": 0.0, "word_dropout": 0.0}
    settings |= {"hidden_size": 16, "embedding_size": 16, "learning_rate": 0.02}
    model = Classifier(**settings).fit(table, run=tmp_path / "run")
    assert model.outcome_ is not None
    [choice] = [c for c in model.outcome_.fitted.choices if c.name == "pretrain"]
    assert choice.reason.startswith("on 84 texts, to ")
    nats = float(choice.reason.split(" to ")[1].split()[0])
    assert nats < 0.8 * np.log(12)  # of a dozen words; a guess at random would cost log 12
    with pytest.raises(InputError, match="would see the tokens it has to guess"):
        Classifier(**settings, num_layers=2).fit(TABLE)
    with pytest.raises(InputError, match="this data is none"):
        Classifier(**{**settings, "embedding_size": None}).fit(np.zeros((20, 9)), [0, 1] * 10)


def test_one_class_is_refused() -> None:
    with pytest.raises(
        InputError, match='at least two classes among the labels, found only one class, "a"'
    ):
        Classifier(**TINY).fit(TEXTS, ["a"] * 64)


def test_not_fitted_says_so() -> None:
    with pytest.raises(InputError, match="is not fitted: call fit"):
        Classifier().predict(["a"])


def test_the_report_holds_by_itself(fitted: Classifier, tmp_path: Path) -> None:
    fitted.save(tmp_path / "run")
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "://" not in page
    assert not re.search(r"(?:src|href)\s*=\s*(?!['\"]?#)", page)
    assert "What a probability is worth" in page
    assert "naive Bayes" in page
    config = json.loads((tmp_path / "run" / "config.json").read_bytes())
    assert config["request"]["task"] == "classify"
    assert config["results"]["verdict"].startswith("Gatework")


def test_there_is_something_to_look_at(fitted: Classifier) -> None:
    shown = fitted.inspection(["", *TEXTS], most=3)
    trace = shown.trace()
    assert trace["lstm"].step_names(0) == ("a", "fine", "film")
    score = shown.score(shown.model(*shown.inputs))
    assert score.shape == (3,)
    assert (score <= 0).all()
    assert trace["lstm"].attention is None


def test_the_attention_of_the_pooling_is_shown() -> None:
    model = Classifier(epochs=2, members=1, pooling="attention").fit(TEXTS, LABELS * 8)
    shown = model.inspection(["", *TEXTS], most=2)
    looked = shown.trace()["lstm"].attention
    assert looked is not None
    assert looked.shape == (6, 1)
    assert looked[:3].sum() == pytest.approx(1.0)
    answer = shown.model(*shown.inputs)
    whole = shown.score(answer).exp()
    assert (whole <= 1).all()


@pytest.mark.slow
def test_sst2_is_told_better_than_by_naive_bayes() -> None:
    train, dev = shared_data("text/sst2/train.jsonl"), shared_data("text/sst2/dev.jsonl")
    model = Classifier(weight_decay=0.1, word_dropout=0.2).fit(train, test=dev)
    assert model.scores_ is not None
    ours, *rest = model.scores_.methods
    assert ours.mean("accuracy") > max(method.mean("accuracy") for method in rest)
