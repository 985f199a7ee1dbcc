"""A run that was cut off ends as if it never had been: weights to the bit, metrics line by line."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

import gatework
from gatework.errors import InputError
from gatework.training import Interrupted, Record, TrainSettings, read_metrics, train
from training.toys import Line, Pair, Score, Sums, line_model, recurrent_model, squared_error

SETTINGS = TrainSettings(max_steps=20, log_every=3, validate_every=4, checkpoint_seconds=1e9)


def timeless(records: tuple[Record, ...]) -> list[tuple[object, ...]]:
    return [(r.step, r.epoch, r.loss, r.learning_rate, r.grad_norm, r.validation) for r in records]


def assert_same_end(one: Path, other: Path) -> None:
    files = sorted(path.name for path in (one / "state").glob("*.safetensors"))
    assert files == sorted(path.name for path in (other / "state").glob("*.safetensors"))
    for name in files:
        same = (one / "state" / name).read_bytes() == (other / "state" / name).read_bytes()
        assert same, f"{name} differs"
    metrics = [read_metrics(folder / "metrics.jsonl") for folder in (one, other)]
    assert timeless(metrics[0]) == timeless(metrics[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL and fork are POSIX")
def test_a_run_killed_at_random_steps_ends_the_same(tmp_path):
    script = Path(__file__).with_name("killed_run.py")
    paths = [str(Path(__file__).parents[1]), *(str(Path(p).parent) for p in gatework.__path__)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    arguments = [sys.executable, str(script), str(tmp_path)]
    ended = subprocess.run(arguments, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "killed")]
    assert weights[0] == weights[1]
    assert_same_end(tmp_path / "whole", tmp_path / "killed")


class Pressed(Line):
    """Ctrl-C is pressed while the nth batch is loaded, as many times as said."""

    def __init__(self, at: int, times: int = 1) -> None:
        super().__init__()
        self.at, self.times, self.loads = at, times, 0

    def load(self, index: Tensor) -> Pair:
        self.loads += 1
        if self.loads == self.at:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)
        return super().load(index)


def fit(source: Line, folder: Path | None, settings: TrainSettings = SETTINGS) -> torch.nn.Linear:
    model = line_model()
    train(
        model,
        source,
        squared_error,
        settings=settings,
        validate=Score(Line()),
        folder=folder,
    )
    return model


def test_ctrl_c_saves_and_the_run_goes_on_to_the_same_end(tmp_path):
    for press in (6, 8):
        with pytest.raises(Interrupted, match=r"Interrupted at step \d+\. The last checkpoint is"):
            fit(Pressed(press), tmp_path / "cut")
    lines = read_metrics(tmp_path / "cut" / "metrics.jsonl")
    assert [line.step for line in lines] == [3, 4, 6, 8, 9, 12]
    model = fit(Line(), tmp_path / "cut")
    whole = fit(Line(), tmp_path / "whole")
    assert torch.equal(model.weight, whole.weight)
    assert_same_end(tmp_path / "whole", tmp_path / "cut")


def test_a_second_ctrl_c_stops_at_once_and_leaves_the_checkpoint_before(tmp_path):
    with pytest.raises(Interrupted, match="Interrupted at step 9"):
        fit(Pressed(10, times=2), tmp_path / "cut")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    fit(Line(), tmp_path / "cut")
    fit(Line(), tmp_path / "whole")
    assert_same_end(tmp_path / "whole", tmp_path / "cut")


def test_ctrl_c_without_a_folder_says_that_nothing_is_saved():
    with pytest.raises(Interrupted, match=r"at step 3\. Nothing was saved"):
        fit(Pressed(3), None)


def test_ctrl_c_in_the_last_step_is_not_swallowed(tmp_path):
    with pytest.raises(Interrupted, match="at step 20"):
        fit(Pressed(20), tmp_path)
    assert torch.equal(fit(Line(), tmp_path).weight, fit(Line(), None).weight)


def test_a_finished_run_is_only_loaded(tmp_path):
    first = fit(Line(), tmp_path)

    class Untouchable(Line):
        def plan(self, generator: Generator) -> tuple[Tensor, ...]:
            raise AssertionError("trained again")

    again = fit(Untouchable(), tmp_path)
    assert torch.equal(first.weight, again.weight)


def test_the_time_of_before_counts(tmp_path):
    settings = TrainSettings(time_budget=1e-6)
    model = line_model()
    first = train(model, Line(), squared_error, settings=settings, folder=tmp_path)
    again = train(model, Line(), squared_error, settings=settings, folder=tmp_path)
    assert first.steps == again.steps == 1
    assert again.elapsed == first.elapsed > 0


def test_changed_settings_are_named(tmp_path):
    with pytest.raises(Interrupted):
        fit(Pressed(5), tmp_path)
    changed = dataclasses.replace(SETTINGS, learning_rate=0.5, patience=3)
    expected = r"learning_rate \(was 0.001, now 0.5\), patience \(was None, now 3\)\."
    with pytest.raises(InputError, match=expected):
        fit(Line(), tmp_path, changed)


def test_how_often_to_save_may_change(tmp_path):
    with pytest.raises(Interrupted):
        fit(Pressed(5), tmp_path)
    fit(Line(), tmp_path, dataclasses.replace(SETTINGS, checkpoint_seconds=0.5))


def test_changed_data_is_noticed(tmp_path):
    with pytest.raises(Interrupted):
        fit(Pressed(6), tmp_path)
    with pytest.raises(InputError, match="has 4 batches, and now 8"):
        fit(Line(batch_size=8), tmp_path)


def test_another_model_is_refused(tmp_path):
    with pytest.raises(Interrupted):
        fit(Pressed(6), tmp_path)
    with pytest.raises(InputError, match=r"model\.safetensors lacks"):
        train(recurrent_model(), Sums(), squared_error, settings=SETTINGS, folder=tmp_path)


def test_an_improvement_is_saved_at_once(tmp_path):
    settings = dataclasses.replace(SETTINGS, max_steps=10)

    class Vanishing(Line):
        loads = 0

        def load(self, index: Tensor) -> Pair:
            self.loads += 1
            if self.loads == 6:
                raise OSError("the drive was unplugged")
            return super().load(index)

    with pytest.raises(OSError, match="unplugged"):
        fit(Vanishing(), tmp_path, settings)
    assert b'"step": 4' in (tmp_path / "state" / "progress.json").read_bytes()
