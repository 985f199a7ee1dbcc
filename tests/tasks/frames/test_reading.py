"""From files to sequences of frames, and what is said of files that are none."""

import gzip
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from data_paths import shared_data
from gatework.data.music.piece import from_roll
from gatework.data.music.writing import write_midi
from gatework.data.ragged import Ragged
from gatework.errors import InputError
from gatework.tasks.frames.baselines import AFTER, ALONE, Baselines
from gatework.tasks.frames.parts import gather, standard_scale
from gatework.tasks.frames.reading import read_frames
from gatework.tasks.frames.sequences import WHOLE
from gatework.tasks.frames.settings import FrameSettings
from tasks.frames.material import cadences, strokes


def test_a_roll_in_parts(tmp_path: Path) -> None:
    pieces = cadences(3)
    path = tmp_path / "rolls.npz"
    stacked = np.concatenate(pieces[:2]).astype(np.uint8)
    lengths = np.array([24, 24])
    np.savez(path, roll_train=stacked, lengths_train=lengths, roll_test=pieces[2])
    read = read_frames(path)
    assert list(read.parts) == ["train", "test"]
    assert [len(each) for each in read.parts["train"]] == [24, 24]
    assert (read.parts["train"][1] == pieces[1]).all()
    assert read.schema.piano
    assert read.schema.columns[39] == "C4"


def test_the_chorales_are_the_same_pieces_in_both_files() -> None:
    rolls = read_frames(shared_data("music/jsb_chorales.npz"))
    chords = read_frames(shared_data("music/jsb_16th.json.gz"), grid=4)
    sizes = {part: len(pieces) for part, pieces in rolls.parts.items()}
    assert sizes == {"train": 229, "valid": 76, "test": 77}
    assert {part: len(pieces) for part, pieces in chords.parts.items()} == sizes
    frames = {part: sum(map(len, pieces)) for part, pieces in chords.parts.items()}
    assert frames == {"train": 55_228, "valid": 18_408, "test": 18_900}


def test_chords_as_json(tmp_path: Path) -> None:
    path = tmp_path / "tunes.json"
    path.write_text(json.dumps([[[60, 64], []], [[108]]]))
    read = read_frames(path)
    assert read.parts[WHOLE][0].nonzero()[1].tolist() == [39, 43]
    assert read.parts[WHOLE][1][0, 87] == 1
    path.write_text(json.dumps({"train": [[[60], [20]]]}))
    with pytest.raises(InputError, match=r"tunes.json, train, piece 0, frame 1 .*pitch 20"):
        read_frames(path)
    (tmp_path / "cut.json.gz").write_bytes(gzip.compress(b"[[[60]]]")[:-6])
    with pytest.raises(InputError, match=r"cut.json.gz is no file of chords"):
        read_frames(tmp_path / "cut.json.gz")


def test_midi_comes_back_on_the_grid_that_its_notes_begin_on(tmp_path: Path) -> None:
    pieces = cadences(2)
    for number, frames in enumerate(pieces):
        frames[1 + number] = 0  # another rhythm: the same notes in another key are one piece
        write_midi(tmp_path / f"{number}.mid", from_roll(frames, frames_per_quarter=2))
    (tmp_path / "bad.mid").write_bytes(b"MThd")
    read = read_frames(tmp_path)
    assert read.schema.steps_per_quarter == 2
    assert all((a == b).all() for a, b in zip(read.parts[WHOLE], pieces, strict=True))
    assert any("bad.mid" in note for note in read.notes)
    assert read_frames(tmp_path / "0.mid", grid=4).parts[WHOLE][0].shape == (48, 88)
    with pytest.raises(InputError, match=r"bad.mid"):
        read_frames(tmp_path / "bad.mid")


def test_a_table_with_a_row_a_frame(tmp_path: Path) -> None:
    path = tmp_path / "pen.csv"
    path.write_text("line,dx,dy\na,1,2\nb,5,6\na,3,4\n")
    read = read_frames(path, id_col="line")
    assert [each.tolist() for each in read.parts[WHOLE]] == [[[1, 2], [3, 4]], [[5, 6]]]
    assert read.schema.columns == ("dx", "dy")
    assert not read.schema.keys
    with pytest.raises(InputError, match='no column "lines"; did you mean "line"'):
        read_frames(path, id_col="lines")
    path.write_text("dx,dy\n1,2\n3,\n")
    with pytest.raises(InputError, match=r'pen.csv, row 3, column "dy": no number'):
        read_frames(path)
    path.write_text("dx,dy\n1,2\n3,four\n")
    with pytest.raises(InputError, match=r'pen.csv, row 3, column "dy"'):
        read_frames(path)


@pytest.mark.parametrize(
    ("name", "arrays", "message"),
    [
        ("a.npz", {"x": np.ones(3)}, 'holds "x"; expected roll_train'),
        ("a.npz", {"roll": np.ones(3)}, r"roll is float64 \(3,\)"),
        ("a.npz", {"roll": np.ones((3, 88)), "lengths": np.array([2])}, "add up to 2; it has 3"),
        ("a.npz", {"roll": np.ones((3, 88)), "lengths": np.array([-1, 4])}, "no whole numbers"),
        ("a.npz", {"frames": np.array([[1.0], [np.nan]])}, "frame 1 .*no finite number"),
    ],
)
def test_arrays_that_are_no_frames(tmp_path: Path, name: str, arrays, message: str) -> None:
    np.savez(tmp_path / name, **arrays)
    with pytest.raises(InputError, match=message):
        read_frames(tmp_path / name)


def test_other_things_that_are_no_frames(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"not a zip")
    with pytest.raises(InputError, match=r"a.npz is no .npz file"):
        read_frames(tmp_path / "a.npz")
    with pytest.raises(InputError, match="there is no file"):
        read_frames(tmp_path / "none.csv")
    (tmp_path / "a.txt").write_text("words")
    with pytest.raises(InputError, match=r"expected a name that ends in .npz"):
        read_frames(tmp_path / "a.txt")
    with pytest.raises(InputError, match="a key that is neither 0 nor 1; for numbers"):
        read_frames([np.full((3, 2), 0.5)], keys=True)
    with pytest.raises(InputError, match="arrays has no sequences"):
        read_frames([])


def test_whole_sequences_are_held_out_and_of_few_the_ends() -> None:
    settings = FrameSettings(test_share=0.2, validation_share=0.25)
    many = gather(read_frames(cadences(20)), None, None, settings)
    assert (len(many.train), len(many.validation), len(many.judged)) == (12, 4, 4)
    again = gather(read_frames(cadences(20)), None, None, settings)
    assert (again.judged.values == many.judged.values).all()
    line = [np.arange(100, dtype=np.float32)[:, None]]
    few = gather(read_frames(line, keys=False), None, None, settings)
    assert few.judged.values.flatten().tolist() == list(range(80, 100))
    assert few.validation.values.flatten().tolist() == list(range(60, 80))
    assert few.train.values.flatten().tolist() == list(range(60))


def test_sequences_of_one_frame_are_left_out_with_a_note() -> None:
    data = [*cadences(12), np.ones((1, 88), np.float32)]
    parts = gather(
        read_frames(data), read_frames(cadences(2)), read_frames(cadences(2)), FrameSettings()
    )
    assert len(parts.train) == 12
    assert parts.notes == ("1 sequence of the training part left out: shorter than 2 frames",)
    with pytest.raises(InputError, match="no sequence of 2 frames or more"):
        gather(read_frames([np.ones((1, 88))] * 12), None, None, FrameSettings())


def test_the_rules_are_the_counts_of_a_loop() -> None:
    pieces = [torch.from_numpy(each) for each in cadences(3)]
    rules = Baselines.learn(pieces, range(88))
    alone = after = 0.0
    frames = torch.cat(pieces)
    before, now = pieces[0][:2]
    for key in range(88):
        rate = (frames[:, key].sum() + 0.5) / (len(frames) + 1)
        alone -= float(torch.log(rate if now[key] else 1 - rate))
        same = [(a, b) for piece in pieces for a, b in pairwise(piece)]
        given = [float(b[key]) for a, b in same if a[key] == before[key]]
        rate = torch.tensor((sum(given) + 0.5) / (len(given) + 1))
        after -= float(torch.log(rate if now[key] else 1 - rate))
    found = rules.nats(pieces[0])
    assert float(found[ALONE][0]) == pytest.approx(alone, rel=1e-5)
    assert float(found[AFTER][0]) == pytest.approx(after, rel=1e-5)


def test_rules_of_numbers_are_normal_densities() -> None:
    pieces = [torch.from_numpy(each) for each in strokes(4)]
    rules = Baselines.learn(pieces, [2])
    every = torch.cat(pieces).double()
    normal = torch.distributions.Normal(every[:, 0].mean(), every[:, 0].std(correction=0))
    only = Baselines.learn([piece[:, :1] for piece in pieces], [])
    found = only.nats(pieces[0][:, :1])[ALONE]
    torch.testing.assert_close(found, -normal.log_prob(pieces[0][1:, 0].double()))
    assert rules.binary.tolist() == [False, False, True]


def test_standardised_columns_and_switches() -> None:
    ragged = Ragged.of([torch.tensor([[1.0, 0, 7], [3, 1, 7]])])
    mean, scale = standard_scale(ragged.values, [1])
    assert mean.tolist() == [2, 0, 7]
    assert scale.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("name", "alone", "after"), [("jsb_chorales", 11.09, 10.49), ("nottingham", 10.26, 5.15)]
)
def test_the_rules_on_real_rolls_are_the_known_figures(
    name: str, alone: float, after: float
) -> None:
    data = read_frames(shared_data(f"music/{name}.npz"))
    rules = Baselines.learn([torch.from_numpy(each) for each in data.parts["train"]], range(88))
    found = [rules.nats(torch.from_numpy(each)) for each in data.parts["test"]]
    means = {name: float(torch.cat([each[name] for each in found]).mean()) for name in found[0]}
    assert means == pytest.approx({ALONE: alone, AFTER: after}, abs=0.01)
