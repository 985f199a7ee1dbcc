"""Series and events: what is read, what a network is given, and that both are learnt from."""

import copy
import dataclasses
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from data_paths import shared_data
from gatework.data.archives import read_npz, read_ts
from gatework.data.checks import Source
from gatework.data.labelled import Recordings
from gatework.data.physionet import read_physionet
from gatework.data.rows import Rows, read_rows
from gatework.data.series_rows import SeriesColumns, from_arrays, to_recordings, whole_recordings
from gatework.errors import InputError
from gatework.models.classifier import (
    ClassifierEnsemble,
    ClassifierShape,
    Inputs,
    SequenceClassifier,
)
from gatework.tasks.classify import Classifier
from gatework.tasks.classify.bags import DenseBag
from gatework.tasks.classify.choices import Effort, choose_effort, choose_shape
from gatework.tasks.classify.recordings import RecordingEncoder
from gatework.tasks.classify.settings import ClassifySettings

TINY: dict[str, Any] = {"members": 2, "hidden_size": 4, "epochs": 2, "batch_size": 8}
LONG = SeriesColumns("id", "time", "label", ("x", "y"))


def long_table(count: int = 24) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(count):
        up = number % 2
        for step in range(3 + number % 4):
            rows.append(
                {
                    "id": f"r{number}",
                    "time": float(step),
                    "x": (1 if up else -1) * step + rng.normal(),
                    "y": rng.normal() if step % 2 else None,
                    "label": "up" if up else "down",
                }
            )
    return pl.DataFrame(rows)


def rows_of(frame: pl.DataFrame) -> Rows:
    return Rows(frame, Source("t.csv", 2))


def test_a_long_table_is_read_as_it_is() -> None:
    table = pl.DataFrame(
        {
            "id": ["b", "b", "a", "b"],
            "time": [2.0, 1.0, 5.0, 2.0],
            "x": [1.0, 2.0, 3.0, 5.0],
            "y": [None, 4.0, None, 7.0],
            "label": ["p", "p", "q", None],
        }
    )
    found = to_recordings(rows_of(table), LONG)
    assert found.ids == ("b", "a")
    assert found.lengths.tolist() == [2, 1]
    assert found.times is not None
    assert found.times.tolist() == [1.0, 2.0, 5.0]
    np.testing.assert_array_equal(found.values, [[2, 4], [3, 7], [3, np.nan]])
    assert found.labels == (("p",), ("q",))
    assert "rows were not in order of time; they were sorted" in found.notes
    assert any("1 row of a recording and time" in n and "row 5" in n for n in found.notes)


def test_two_labels_of_one_recording_are_an_error_with_the_row() -> None:
    table = pl.DataFrame({"id": [1, 1], "time": [0, 1], "x": [1, 2], "label": ["p", "q"]})
    columns = SeriesColumns("id", "time", "label", ("x",))
    with pytest.raises(InputError, match='row 3, column "label": "q", but earlier rows of "1"'):
        to_recordings(rows_of(table), columns)


def test_events_become_steps_of_all_variables() -> None:
    table = pl.DataFrame(
        {
            "id": ["a", "a", "a", "a"],
            "time": [
                "2024-01-01 00:00",
                "2024-01-01 00:00",
                "2024-01-01 03:00",
                "2024-01-01 03:00",
            ],
            "variable": ["hr", "bp", "hr", "hr"],
            "value": ["80", "120", "90", "100"],
        }
    )
    columns = SeriesColumns("id", "time", None, ("bp", "hr"), (), "variable", "value")
    found = to_recordings(rows_of(table), columns)
    np.testing.assert_array_equal(found.values, [[120, 80], [np.nan, 95]])
    assert found.times is not None
    assert np.diff(found.times).tolist() == [3.0]


def test_chunks_never_cut_a_recording(tmp_path: Path) -> None:
    table = long_table(12)
    table.write_csv(tmp_path / "t.csv")
    whole = to_recordings(rows_of(table), LONG)
    for chunk in (1, 3, 7, 1000):
        parts = list(whole_recordings(read_rows(tmp_path / "t.csv", chunk=chunk), "id"))
        read = [to_recordings(part, LONG) for part in parts]
        assert [name for part in read for name in part.ids or ()] == list(whole.ids or ())
        np.testing.assert_allclose(
            np.concatenate([part.values for part in read]), whole.values, rtol=1e-6
        )


def test_rows_that_stand_apart_are_told_when_a_file_is_streamed(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,x\na,1\nb,2\na,3\nc,4\n")
    with pytest.raises(InputError, match='row 4, column "id": rows of "a" stand apart'):
        list(whole_recordings(read_rows(tmp_path / "t.csv", chunk=2), "id"))


def test_npz_and_ts_say_the_same(tmp_path: Path) -> None:
    box = np.full((2, 3, 2), np.nan)
    box[0], box[1, :2] = [[1, 2], [3, 4], [5, 6]], [[7, np.nan], [9, 10]]
    np.savez(tmp_path / "s.npz", X=box, y=np.array(["p", "q"]), lengths=np.array([3, 2]))
    (tmp_path / "s.ts").write_text(
        "# a comment\n@problemName s\n@classLabel true p q\n@data\n1,3,5:2,4,6:p\n7,9:?,10:q\n"
    )
    for found in (read_npz(tmp_path / "s.npz").train, read_ts(tmp_path / "s.ts")):
        assert found.lengths.tolist() == [3, 2]
        np.testing.assert_array_equal(found.values[3], [7, np.nan])
        assert found.labels == (("p",), ("q",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@data\n1,x:a\n", "line 2: could not convert"),
        ("@classLabel true\n@data\n1,2:3:a\n", "line 3: its channels have"),
        ("@classLabel true\n@data\n1,2:a\n1,2:3,4:a\n", "line 4: 2 channels, where others have 1"),
        ("@data\n", "no series"),
    ],
)
def test_a_bad_ts_file_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "s.ts").write_text(text)
    with pytest.raises(InputError) as caught:
        read_ts(tmp_path / "s.ts")
    assert words in str(caught.value)


def test_an_npz_of_other_things_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", roll=np.zeros(3))
    with pytest.raises(InputError, match="holds roll; expected X_train and y_train"):
        read_npz(tmp_path / "s.npz")


def make_stays(folder: Path) -> None:
    (folder / "set-a").mkdir(parents=True)
    lines = "Time,Parameter,Value\n00:00,RecordID,{0}\n00:00,Age,{1}\n00:00,Gender,0\n"
    lines += "00:00,ICUType,3\n00:00,Weight,-1\n00:30,HR,80\n00:30,HR,90\n01:30,Temp,36.5\n"
    for number in range(30):
        text = lines.format(number, 40 + number) + f"02:00,HR,{60 + number}\n"
        (folder / "set-a" / f"{number}.txt").write_text(text)
    (folder / "set-a" / "99.txt").write_text("Time,Parameter,Value\n00:00,Age,50\n")
    deaths = "".join(f"{n},{n >= 20:d},3\n" for n in [*range(30), 99])
    (folder / "outcomes.csv").write_text("RecordID,In-hospital_death,SAPS-I\n" + deaths)


def test_physionet_is_read_as_published(tmp_path: Path) -> None:
    make_stays(tmp_path / "p")
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for file in (tmp_path / "p").rglob("*.*"):
            archive.write(file, file.relative_to(tmp_path / "p"))
    found = read_physionet(tmp_path / "p")
    packed = read_physionet(tmp_path / "p.zip")
    np.testing.assert_array_equal(found.values, packed.values)
    assert found.features == ("HR", "Temp")
    assert found.ids is not None
    at = found.ids.index("3")
    mine = found.take(np.array([at]))
    np.testing.assert_array_equal(mine.values, [[85, np.nan], [np.nan, 36.5], [63, np.nan]])
    assert mine.times is not None
    assert mine.times.tolist() == [0.5, 1.5, 2.0]
    np.testing.assert_array_equal(mine.statics[0], [43, 0, np.nan, np.nan, 0, 0, 1, 0])
    assert mine.labels == (("0",),)
    assert found.lengths[found.ids.index("99")] == 0
    model = Classifier(**TINY, step=1.0).fit(tmp_path / "p")
    assert model.predict_proba(tmp_path / "p.zip").shape == (31, 2)


def test_what_a_network_sees_of_missing_values() -> None:
    values = np.array([[np.nan], [2.0], [np.nan], [np.nan], [5.0], [4.0], [4.0]], np.float32)
    times = np.array([0.0, 1, 3, 4, 6, 0, 2])
    data = Recordings(values, np.array([0, 5, 7]), ("a",), times)
    encoder, _ = RecordingEncoder.fit(data, ClassifySettings())
    encoded = encoder.encode(data)
    last, seen, gap = encoded.steps.values.double().numpy().T
    two = encoder.values.apply(np.array([[2.0]]))[0, 0]
    np.testing.assert_allclose(last[1:4], two, rtol=1e-6)
    assert last[0] == 0  # nothing seen yet: the mean
    assert seen.tolist() == [0, 1, 0, 0, 1, 1, 1]
    np.testing.assert_allclose(gap * encoder.gap, [0, 1, 2, 3, 5, 0, 2])
    binned, _ = RecordingEncoder.fit(data, ClassifySettings(step=2.0))
    assert binned.encode(data).steps.lengths.tolist() == [4, 2]


def test_a_constant_of_the_test_part_never_reaches_training() -> None:
    data = from_arrays([np.arange(4.0), np.arange(4.0) + 100])
    encoder, _ = RecordingEncoder.fit(data.take(np.array([0])), ClassifySettings())
    scaled = encoder.encode(data).steps.values
    assert scaled[:4].mean().abs() < 1e-6
    assert scaled[4:].min() > 50


@pytest.fixture(scope="module")
def fitted() -> Classifier:
    return Classifier(**TINY).fit(long_table())


def test_a_long_table_is_learnt_and_streamed(fitted: Classifier, tmp_path: Path) -> None:
    table = long_table()
    table.drop("label").write_csv(tmp_path / "new.csv")
    frames = list(fitted.predict_file(tmp_path / "new.csv"))
    assert pl.concat(frames)["id"].to_list() == [f"r{n}" for n in range(24)]
    np.testing.assert_allclose(
        pl.concat(frames)["gatework-p-up"], fitted.predict_proba(table)[:, 1], atol=1e-6
    )
    fitted.save(tmp_path / "run")
    loaded = Classifier.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.predict_proba(table), fitted.predict_proba(table))
    assert fitted.inspection(table, most=2).trace()["lstm"].step_names(0) == ("0", "1", "2")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.rename({"x": "xx"}), 'lacks "x", which the model was trained with'),
        (lambda t: t.drop("y"), 'lacks "y"'),
        (lambda t: t.drop("id"), 'no column "id"'),
        (lambda t: t.with_columns(x=pl.lit("many")), 'expected a number, found "many"'),
        (lambda t: t.with_columns(id=pl.lit(None, pl.String)), "expected the name of a recording"),
        (lambda t: t.with_columns(time=pl.lit(None, pl.Float64)), "expected a time"),
    ],
)
def test_other_data_is_refused_in_words(fitted: Classifier, change, words: str) -> None:
    with pytest.raises(InputError) as caught:
        fitted.predict(change(long_table()))
    assert words in str(caught.value)


def test_columns_in_another_order_and_more_of_them_are_fine(fitted: Classifier) -> None:
    table = long_table()
    other = table.select(pl.lit(1).alias("more"), *reversed(table.columns))
    np.testing.assert_array_equal(fitted.predict_proba(other), fitted.predict_proba(table))


def test_long_smooth_series_are_averaged_and_rough_ones_are_not() -> None:
    t = np.linspace(0, 6, 512)
    smooth = from_arrays([np.sin(t + phase) for phase in range(4)])
    encoder, choices = RecordingEncoder.fit(smooth, ClassifySettings())
    assert encoder.step == 8
    assert choices[0].name == "step"
    encoded = encoder.encode(smooth)
    assert encoded.steps.lengths.tolist() == [64] * 4
    mean = smooth.values.reshape(4, 64, 8).mean(2).reshape(-1, 1)
    expected = (mean - mean.mean()) / mean.std()
    np.testing.assert_allclose(encoded.steps.values.numpy(), expected, atol=1e-5)
    assert encoder.step_names(smooth, 0)[:3] == ["0", "8", "16"]
    rough = from_arrays([np.sin(150 * t + phase) for phase in range(4)])
    assert RecordingEncoder.fit(rough, ClassifySettings())[0].step is None
    timed = dataclasses.replace(smooth, times=np.tile(np.arange(512) * 0.5, 4))
    assert RecordingEncoder.fit(timed, ClassifySettings())[0].step == 4.0


def test_sparse_events_are_averaged_into_some_twenty_steps() -> None:
    rng = np.random.default_rng(0)
    times = np.concatenate([[0.0, 48.0], rng.uniform(0, 48, 98)])
    values = np.where(rng.random((100, 3)) < 0.2, rng.normal(size=(100, 3)), np.nan)
    data = Recordings(values.astype(np.float32), np.array([0, 100]), tuple("abc"), np.sort(times))
    encoder, _ = RecordingEncoder.fit(data, ClassifySettings())
    assert encoder.step == 2.0
    assert encoder.encode(data).steps.lengths.tolist() == [25]
    few = data.values[:40], np.array([0, 40]), data.features, np.sort(times)[:40]
    assert RecordingEncoder.fit(Recordings(*few), ClassifySettings())[0].step is None


def test_summaries_join_the_statics_where_values_are_missing() -> None:
    data = to_recordings(rows_of(long_table()), LONG)
    encoded = RecordingEncoder.fit(data, ClassifySettings())[0].encode(data)
    assert isinstance(encoded.bag, DenseBag)
    torch.testing.assert_close(encoded.statics, encoded.bag.rows)
    without = RecordingEncoder.fit(data, ClassifySettings(summaries=False))[0].encode(data)
    assert without.statics.shape == (len(data), 0)


def test_a_feature_dropped_in_training_is_as_if_never_seen() -> None:
    shape = ClassifierShape(2, features=6, decays=True, hidden_size=4, embedding_dropout=0.5)
    network = SequenceClassifier(shape)
    steps = torch.cat([torch.randn(5, 40, 2), torch.ones(5, 40, 2), torch.zeros(5, 40, 2)], -1)
    inputs = Inputs(steps, torch.full((40,), 5), torch.zeros(40, 0))
    value, seen, _ = network.train().front(inputs).chunk(3, -1)
    dropped = ~seen.bool()
    assert torch.equal(dropped, dropped[:1].expand_as(dropped))
    assert 10 < int(dropped[0].sum()) < 70
    assert not value[dropped].any()
    torch.testing.assert_close(value[~dropped], steps[..., :2][~dropped])
    torch.testing.assert_close(network.eval().front(inputs), steps)


def test_what_is_chosen_for_series_and_for_events() -> None:
    def chosen(data: Recordings, **given: Any) -> tuple[ClassifierShape, Effort]:
        settings = ClassifySettings(**given)
        encoder, _ = RecordingEncoder.fit(data, settings)
        shape, _ = choose_shape(encoder, encoder.encode(data), 2, 3, settings)
        return shape, choose_effort(data, shape, settings)[0]

    rng = np.random.default_rng(0)
    shape, effort = chosen(from_arrays(list(rng.normal(size=(36, 40)))))
    assert (shape.pooling, shape.kernel, shape.static_size) == ("mean", 10, 0)
    assert shape.convolution > 0
    assert (effort.batch_size, effort.label_smoothing) == (12, 0.1)
    events, effort = chosen(to_recordings(rows_of(long_table()), LONG))
    assert (events.pooling, events.convolution) == ("last", 0)
    assert events.static_size > 0
    assert effort.label_smoothing == 0
    gaps = rng.normal(size=(1_300, 40))
    gaps[:, ::3] = np.nan
    sizes = [chosen(from_arrays(list(gaps)), summaries=s)[0].hidden_size for s in (None, False)]
    assert sizes == [32, 64]
    widths = [layer.convolution.kernel_size for layer in SequenceClassifier(shape).convolutions]  # type: ignore[union-attr]
    assert widths == [(9,), (5,), (3,)]


def test_wide_tables_and_arrays_are_series_of_one_channel() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 20)) + np.linspace(0, 1, 20) * (np.arange(30) % 2)[:, None]
    y = np.arange(30) % 2
    plain = Classifier(**TINY, convolution=4).fit(X, y)
    table = pl.DataFrame(X, schema=[f"t{n}" for n in range(20)]).with_columns(label=pl.Series(y))
    wide = Classifier(**TINY, convolution=4).fit(table)
    np.testing.assert_allclose(wide.predict_proba(table), plain.predict_proba(X), atol=1e-5)
    ragged = [X[n, : 5 + n % 7] for n in range(30)]
    model = Classifier(**TINY).fit(ragged, y)
    assert model.predict(ragged).shape == (30,)
    with pytest.raises(InputError, match="expected \\(T,\\) or \\(T, V\\)"):
        model.predict([np.zeros((3, 2)), np.zeros((3, 1))])
    with pytest.raises(InputError, match="trained with 1 channel; this data has 3"):
        model.predict(np.zeros((2, 5, 3)))


def test_padding_changes_nothing_behind_convolutions() -> None:
    rng = np.random.default_rng(0)
    ragged = [rng.normal(size=(5 + n % 9, 2)) for n in range(40)]
    model = Classifier(**{**TINY, "test_share": 0}, convolution=4).fit(ragged, np.arange(40) % 2)
    together = model.predict_proba([*ragged[:6], rng.normal(size=(90, 2))])[:6]
    alone = np.concatenate([model.predict_proba([one]) for one in ragged[:6]])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("vocabulary", [0, 9])
def test_networks_side_by_side_are_each_alone(vocabulary: int) -> None:
    torch.manual_seed(0)
    shape = ClassifierShape(
        2, vocabulary, 3, embedding_size=3, hidden_size=4, convolution=5, members=3
    )
    ensemble = ClassifierEnsemble(shape)
    lengths = torch.tensor([5, 0, 2])
    inside = torch.arange(5)[:, None] < lengths
    steps = torch.randint(9, (5, 3)) * inside if vocabulary else torch.randn(5, 3, 3)
    inputs = Inputs(steps if vocabulary else steps * inside[..., None], lengths, torch.ones(3, 0))
    for model in (ensemble.train(), ensemble.eval()):
        alone = torch.stack([member(inputs) for member in copy.deepcopy(model).members])
        torch.testing.assert_close(model.by_member(inputs), alone)


@pytest.mark.slow
def test_italy_power_demand_is_learnt() -> None:
    torch.manual_seed(0)
    path = shared_data("classify/ucr/ItalyPowerDemand.npz")
    model = Classifier(members=1, convolution=32, hidden_size=16).fit(path)
    assert model.scores_ is not None
    assert model.scores_.methods[0].mean("accuracy") > 0.95
