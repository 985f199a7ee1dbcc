"""The tagger on recordings: a label for each step, from the table to the run and back."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from data_paths import shared_data
from gatework.cli import main
from gatework.data.conll import Sentence
from gatework.errors import InputError
from gatework.tasks.tag import Tagger
from gatework.tasks.tag.corpus import gather
from gatework.tasks.tag.runs import score_runs
from gatework.tasks.tag.step_baselines import StepRules
from gatework.tasks.tag.steps import StepEncoder

SMALL: dict[str, Any] = {"hidden_size": 16, "epochs": 25, "members": 1, "learning_rate": 1e-2}


def waves(count: int, seed: int) -> pl.DataFrame:
    """A coin toss decides how fast a wave goes for the next 20 steps; one step says nothing."""
    generator = np.random.default_rng(seed)
    rows, fast = [], False
    for name in range(count):
        phase = 0.0
        for time in range(60):
            if time % 20 == 0:
                fast = bool(generator.integers(2))
            phase += 1.2 if fast else 0.3
            value = np.sin(phase) + 0.1 * generator.normal()
            rows.append((f"r{name}", time, value, "fast" if fast else "slow"))
    return pl.DataFrame(rows, schema=["id", "time", "x", "label"], orient="row")


def small(**changes: Any) -> Tagger:
    settings: dict[str, Any] = SMALL | changes
    return Tagger(**settings)


TRAIN, TEST = waves(30, 0), waves(10, 1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs")
    small().fit(TRAIN, test=TEST, run=place / "waves")
    return place / "waves"


def test_it_beats_logistic_regression(run: Path) -> None:
    scores = Tagger.load(run).evaluate(TEST)
    ours, logistic, majority = scores.methods
    assert ours.macro_f1 is not None
    assert ours.macro_f1 > 0.9
    assert logistic.accuracy < 0.7
    assert majority.run_f1 is not None
    assert "Gatework beats logistic regression (macro F1" in scores.verdict()
    assert "10 recordings, 600 steps" in str(scores)


def test_a_loaded_run_says_the_same(run: Path) -> None:
    table = Tagger.load(run).predict(TEST.drop("label"))
    assert table.columns == ["id", "time", "x", "gatework", "gatework-p"]
    assert table.height == TEST.height
    shuffled = TEST.drop("label").sample(fraction=1.0, shuffle=True, seed=0)
    again = Tagger.load(run).predict(shuffled).sort("id", "time")
    assert again["gatework"].to_list() == table.sort("id", "time")["gatework"].to_list()
    with pytest.raises(InputError, match='column "gatework" already'):
        Tagger.load(run).predict(table)


def test_the_run_at_the_command_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "new.csv", tmp_path / "out.tsv"
    TEST.drop("label").write_csv(file)
    assert main(["predict", str(run), str(file), "--out", str(out)]) == 0
    assert pl.read_csv(out, separator="\t").height == TEST.height
    assert main(["predict", str(run), str(file)]) == 0
    assert capsys.readouterr().out.startswith("id,time,x,gatework,gatework-p\n")
    for wrong, message in (
        (["--out", str(tmp_path / "a.conll")], "ends in .csv or .tsv"),
        (["--n-best", "2"], "are for words"),
    ):
        assert main(["predict", str(run), str(file), *wrong]) == 2
        assert message in capsys.readouterr().err
    assert main(["evaluate", str(run), str(file)]) == 2
    assert 'no column "label"' in capsys.readouterr().err
    assert main(["inspect", str(run), "--text"]) == 0
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Steps by tag" in page
    assert "the true labels as a broad line" in page
    assert "Macro F1 is the mean" in page


def test_few_long_recordings_are_cut_to_hold_some_out() -> None:
    one = waves(20, 0).drop("id").with_columns(time=pl.int_range(pl.len()))
    model = small(epochs=1).fit(one)
    assert model.outcome_ is not None
    assert any("cut in pieces" in note for note in model.outcome_.notes)


def test_pieces_of_one_recording_are_held_out_together() -> None:
    long = [
        Sentence(("0",) * 1_500, ("a", "b") * 750, row=row, values=np.zeros((1_500, 1)))
        for row in range(12)
    ]
    corpus = gather(long, None, None, share=0.2, seed=0, features=("x",))
    held = {one.row for one in corpus.validation}
    assert len(held) == 2
    assert len(corpus.validation) == 4
    assert not held & {one.row for one in corpus.train}


def test_whole_numbers_stay_numbers() -> None:
    def answers(names: tuple[str, str]) -> pl.Series:
        table = TRAIN.head(300).with_columns(
            label=pl.when(pl.col("label") == "fast")
            .then(pl.lit(names[0]))
            .otherwise(pl.lit(names[1]))
        )
        return small(epochs=1).fit(table).predict(table)["gatework"]

    assert answers(("1", "0")).dtype == pl.Int64
    assert answers(("01", "00")).dtype == pl.String


def test_arrays_do_as_well() -> None:
    arrays = [part["x"].to_numpy() for part in TRAIN.partition_by("id")]
    labels = [part["label"].to_list() for part in TRAIN.partition_by("id")]
    model = small(epochs=1).fit(arrays, labels)
    answers = model.predict(arrays[:2], probabilities=True)
    assert [len(answer.tags) for answer in answers] == [60, 60]
    with pytest.raises(InputError, match="give their tags"):
        model.evaluate(arrays)


def test_missing_values_are_held_and_told_to_the_network() -> None:
    values = np.array([[1.0], [np.nan], [np.nan], [3.0]], np.float32)
    one = Sentence(("0", "1", "2", "3"), ("a", "a", "b", "b"), values=values)
    encoder = StepEncoder.learn([one], ("x",))
    assert encoder.feature_names() == ("x", "x, seen", "x, age")
    found = encoder.encode([one]).values.values
    np.testing.assert_allclose(found[:, 0], [-1, -1, -1, 1])
    np.testing.assert_allclose(found[:, 1], [1, 0, 0, 1])
    np.testing.assert_allclose(found[:, 2], np.log1p([0, 1, 2, 0]), rtol=1e-6)
    whole = one._replace(values=np.nan_to_num(values))
    plain = StepEncoder.learn([whole], ("x",))
    assert plain.size == 1
    assert torch_is_finite(plain, one)
    with pytest.raises(InputError, match="a step has 2 numbers"):
        plain.encode([one._replace(values=np.zeros((4, 2)))])


def torch_is_finite(encoder: StepEncoder, one: Sentence) -> bool:
    return bool(encoder.encode([one]).values.values.isfinite().all())


def test_logistic_regression_finds_what_a_line_can_tell() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(400, 2)).astype(np.float32)
    tags = tuple("ab"[int(x + 2 * y > 0)] for x, y in values)
    one = Sentence(tuple(map(str, range(400))), tags, values=values)
    logistic, majority = StepRules.learn([one], StepEncoder.learn([one], ("x", "y"))).answers([one])
    hits = [said == true for said, true in zip(logistic.tags[0], tags, strict=True)]
    assert sum(hits) > 0.97 * len(hits)
    assert len(set(majority.tags[0])) == 1


def test_runs_by_hand() -> None:
    true = [list("aaaabbbbcc")]
    # a: 3 of 4 (found); b: 4 of 5 (found); c: alone, whole.
    assert score_runs(true, [list("aaabbbbbcc")]) == 1.0
    # a in two halves: one is found, by half of the run; the other is one too many.
    assert score_runs(true, [list("aacabbbbcc")]) == pytest.approx(2 * 3 / (3 + 5))
    assert score_runs([[]], [[]]) == 0.0


def test_movements_of_a_wrist() -> None:
    """BasicMotions: four movements of 10 s, six channels; here one after the other."""
    archive = np.load(shared_data("classify/ucr/BasicMotions.npz"), allow_pickle=False)

    def joined(part: str) -> tuple[list[np.ndarray], list[list[str]]]:
        boxes, names = archive[f"X_{part}"], archive[f"y_{part}"]
        order = np.random.default_rng(0).permutation(len(names)).reshape(10, 4)
        return (
            [np.concatenate(boxes[four]) for four in order],
            [[str(name) for name in names[four] for _ in range(100)] for four in order],
        )

    model = small(hidden_size=32, epochs=15)
    scores = model.fit(*joined("train"), test=joined("test")).scores_
    assert scores is not None
    ours, logistic, majority = scores.methods
    assert ours.macro_f1 is not None
    assert logistic.macro_f1 is not None
    assert ours.macro_f1 > logistic.macro_f1 + 0.1
    assert logistic.accuracy > majority.accuracy
