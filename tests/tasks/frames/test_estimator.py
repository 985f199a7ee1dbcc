"""A model of frames from fit to a run and back."""

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator

from gatework.data.batches import LengthBatches
from gatework.data.ragged import Ragged
from gatework.errors import InputError
from gatework.tasks import run as folder
from gatework.tasks.frames import FrameModel
from gatework.tasks.frames.choices import choose_effort
from gatework.tasks.frames.fitting import judge
from gatework.tasks.frames.scores import MODEL, MethodScore, Scores
from gatework.tasks.frames.sequences import FrameSchema, key_names
from gatework.tasks.frames.settings import FrameSettings
from gatework.tasks.frames.transposing import Transposing
from tasks.cut_off import fit_and_be_killed
from tasks.frames.material import CHORDS, SMALL, cadences, strokes

PIECES = cadences(30)
LINES = strokes(40)


def small(**changes: Any) -> FrameModel:
    settings: dict[str, Any] = SMALL | changes
    return FrameModel(**settings)


@pytest.fixture(scope="module")
def joint() -> FrameModel:
    return small(head="joint", transpose=0).fit(PIECES)


@pytest.fixture(scope="module")
def pen() -> FrameModel:
    return small(head="mdn", components=6, epochs=12).fit(LINES)


@pytest.fixture(scope="module")
def run(joint: FrameModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "cadences"
    joint.save(place)
    return place


def test_chords_that_follow_each_other_are_learnt(joint: FrameModel) -> None:
    scores = joint.scores_
    assert scores is not None
    ours, *rules = scores.methods
    assert scores.won()
    # Which chord comes next is sure; only counting cannot know it.
    assert ours.nats < 1 < rules[0].nats <= rules[1].nats
    assert scores.frames == 3 * 23
    assert scores.part == "10% held out"
    assert "every frame but the first" in scores.remarks()[0]


def test_independent_keys_know_the_next_chord_too() -> None:
    model = small(head="bernoulli", transpose=0).fit(PIECES)
    assert model.scores_ is not None
    assert model.scores_.methods[0].nats < 1.5


def test_it_goes_on_from_a_primer(joint: FrameModel) -> None:
    primer = PIECES[0][:9]
    root = int(PIECES[0][0].argmax())
    drawn = joint.generate(8, primer=primer, temperature=0)
    for step, frame in enumerate(drawn, start=9):
        assert frame.nonzero()[0].tolist() == [root + each for each in CHORDS[step % 4]]


def test_the_same_seed_draws_the_same_frames_in_any_company(joint: FrameModel) -> None:
    once = joint.generate_many(4, count=3, seed=5)
    assert once.shape == (3, 4, 88)
    assert (once == joint.generate_many(4, count=3, seed=5)).all()
    assert (once != joint.generate_many(4, count=3, seed=6)).any()
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert (once == joint.generate_many(4, count=3, seed=5)).all()
    finally:
        torch.set_num_threads(threads)


def test_a_pen_beats_the_rules_and_draws_like_its_model(pen: FrameModel) -> None:
    assert pen.scores_ is not None
    assert pen.scores_.won()
    drawn = pen.generate(400, seed=1)
    assert np.isfinite(drawn).all()
    assert set(np.unique(drawn[:, 2])) == {0.0, 1.0}
    real = np.concatenate(LINES)
    assert 0.5 < drawn[:, 2].mean() / real[:, 2].mean() < 2
    assert 0.5 < np.abs(drawn[:, :2]).mean() / np.abs(real[:, :2]).mean() < 2


def test_the_units_of_the_data_do_not_matter(pen: FrameModel) -> None:
    scaled = [each * np.array([100, 100, 1], np.float32) for each in LINES]
    other = small(head="mdn", components=6, epochs=12).fit(scaled)
    assert other.scores_ is not None
    assert pen.scores_ is not None
    assert other.scores_.methods[0].nats == pytest.approx(pen.scores_.methods[0].nats, abs=0.05)
    assert np.abs(other.generate(50)[:, 0]).mean() > 5


def test_a_run_gives_back_the_same_model(joint: FrameModel, run: Path) -> None:
    loaded = FrameModel.load(run)
    assert loaded.get_params() == joint.get_params()
    assert (loaded.generate(10, seed=2) == joint.generate(10, seed=2)).all()
    mine, theirs = (each.evaluate(cadences(4, seed=9)) for each in (joint, loaded))
    assert mine == theirs
    assert {each.name for each in run.iterdir()} == {
        *(folder.CONFIG, folder.WEIGHTS, folder.METRICS, folder.REPORT),
        *folder.OWN_FILES["frames"],
        "state",
    } - ({"state"} if not (run / "state").exists() else set())
    with pytest.raises(InputError, match="loaded from a run"):
        loaded.save(run)
    (run / folder.BASELINES).write_bytes(b"")
    with pytest.raises(InputError, match=r"baselines.safetensors is damaged"):
        FrameModel.load(run)


def test_a_report_shows_scores_samples_and_sound(joint: FrameModel, tmp_path: Path) -> None:
    joint.save(tmp_path / "run")
    page = (tmp_path / "run" / folder.REPORT).read_text(encoding="utf-8")
    assert joint.scores_ is not None
    assert joint.scores_.verdict() in page
    assert "<svg" in page
    assert "data:audio/wav;base64," in page
    assert "What surprised it most" in page


def test_the_report_of_a_pen_has_its_strokes_and_no_sound(pen: FrameModel, tmp_path: Path) -> None:
    pen.save(tmp_path / "run")
    page = (tmp_path / "run" / folder.REPORT).read_text(encoding="utf-8")
    assert "<svg" in page
    assert "data:audio" not in page


KILLED = """
from tasks.frames.test_estimator import PIECES, small

small(head="bernoulli", epochs=6, transpose=6, dropout=0.2).fit(PIECES, run=run)
"""


def test_a_killed_fit_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    """With the same masks, and the same pieces moved by the same intervals."""
    run, whole = tmp_path / "killed", tmp_path / "whole"
    fit_and_be_killed(KILLED, run, step=25, saved=15, training="training")
    for place in (run, whole):
        small(head="bernoulli", epochs=6, transpose=6, dropout=0.2).fit(PIECES, run=place)
    assert (run / folder.WEIGHTS).read_bytes() == (whole / folder.WEIGHTS).read_bytes()


def test_pieces_move_as_they_are_told_and_never_over_the_edge() -> None:
    pieces = Ragged.of([torch.eye(88)[:3], torch.eye(88)[40:60]])
    source = LengthBatches(pieces.lengths, pieces.padded, batch_size=2)
    moving = Transposing(source, pieces, reach=6)
    (index,) = moving.plan(Generator().manual_seed(1))
    again = moving.plan(Generator().manual_seed(1))[0]
    assert (index == again).all()
    shifts = set()
    generator = Generator().manual_seed(2)
    for _ in range(200):
        (index,) = moving.plan(generator)
        batch = moving.load(index)
        for place, piece in enumerate((index % 2).tolist()):
            frames = batch.values[: batch.lengths[place], place]
            shift = int(frames[0].argmax() - pieces[piece][0].argmax())
            assert (frames == pieces[piece].roll(shift, 1)).all()
            shifts.add((piece, shift))
    assert {shift for piece, shift in shifts if piece == 1} == set(range(-5, 7))
    assert {shift for piece, shift in shifts if piece == 0} == set(range(7))


def test_choices_are_told_and_the_head_must_fit_the_data() -> None:
    piano, pieces = FrameSchema(key_names(88), keys=True), Ragged.of([torch.eye(88)[:9]] * 30)
    effort, choices = choose_effort(piano, pieces, FrameSettings())
    assert (effort.head, effort.transpose) == ("joint", 0)
    reasons = {choice.name: choice.reason for choice in choices}
    assert {"head", "hidden_size", "epochs", "dropout"} < reasons.keys()
    assert reasons["transpose"] == "100% of the pieces end on one tone"
    spread = Ragged.of([torch.eye(88)[: 9 + place] for place in range(30)])
    assert choose_effort(piano, spread, FrameSettings())[0].transpose == 6
    numbers, values = FrameSchema(("x", "y"), keys=False), Ragged.of([torch.randn(500, 2)])
    assert choose_effort(numbers, values, FrameSettings())[0].head == "mdn"
    with pytest.raises(InputError, match="the head joint is for keys"):
        choose_effort(numbers, values, FrameSettings(head="joint"))
    with pytest.raises(InputError, match="transpose moves keys"):
        choose_effort(numbers, values, FrameSettings(transpose=2))
    with pytest.raises(InputError, match="every number is 0 or 1"):
        FrameModel(head="mdn").fit(PIECES)


def test_what_cannot_be_is_refused(joint: FrameModel) -> None:
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"length": 0}, "length is 0"),
        ({"temperature": -1.0}, "temperature is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"primer": np.full((2, 88), 0.5)}, "neither 0 nor 1"),
        ({"primer": np.zeros((2, 3))}, r"shape \(2, 3\)"),
    )
    for wrong, message in cases:
        with pytest.raises(InputError, match=message):
            joint.generate(**wrong)
    with pytest.raises(InputError, match="is not fitted"):
        FrameModel().generate()
    with pytest.raises(InputError, match="the model was fitted on 88 keys"):
        joint.evaluate([np.eye(5)] * 3)
    with pytest.raises(InputError, match="transpose is 7; expected 0 to 6"):
        small(transpose=7).fit(PIECES)
    with pytest.raises(InputError, match="epochs is 0"):
        small(epochs=0).fit(PIECES)


def test_arguments_are_the_settings() -> None:
    own = ["id_col", "steps_per_quarter"]
    fields = [field.name for field in dataclasses.fields(FrameSettings)]
    assert sorted(inspect.signature(FrameModel).parameters) == sorted([*fields, *own])
    assert repr(FrameModel(head="mdn", seed=3)) == "FrameModel(head='mdn', seed=3)"


def test_an_inspection_has_the_surprise_of_each_frame(joint: FrameModel) -> None:
    pieces = [cadences(1, seed=3)[0], cadences(1, seed=4, frames=9)[0]]
    shown = joint.inspection(pieces)
    trace = shown.trace()
    recording = trace.recordings[0]
    assert recording.step_names(1)[:2] == ("(begin)", " ".join(names(pieces[1][0])))
    assert recording.feature_names()[39] == "C4"
    assert joint._fit is not None
    for place, piece in enumerate(pieces):
        alone = Ragged.of([torch.from_numpy(piece)])
        (nats,) = judge(joint._fit.network, alone).nats
        assert recording.loss is not None
        loss = recording.loss[recording.rows(place)]
        np.testing.assert_allclose(loss[1:], nats, rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match="nothing to look at"):
        joint.inspection(pieces, most=0)


def names(frame: np.ndarray) -> list[str]:
    return [name for name, down in zip(key_names(88), frame, strict=True) if down]


def test_a_table_of_scores_says_who_won() -> None:
    methods = (MethodScore(MODEL, 6.4, 6.5), MethodScore("counting", 6.4002, 6.6))
    scores = Scores(methods, "held out", 10, 2, "joint", chosen_on=True)
    assert not scores.won()
    assert scores.verdict().startswith("Gatework and counting do equally well")
    assert "flatters" in str(scores)
    worse = dataclasses.replace(scores, methods=(MethodScore(MODEL, 7, 7), methods[1]))
    assert worse.verdict().startswith("Gatework loses to counting")
    assert worse.records()[0]["head"] == "joint"
