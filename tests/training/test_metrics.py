"""metrics.jsonl: which lines there are, what is on them, and how they survive a cut."""

import errno
import json

import pytest

from gatework.errors import InputError
from gatework.training import Record, TrainingError, TrainSettings, read_metrics, train
from gatework.training.metrics import MetricsLog
from training.toys import Line, Score, line_model, squared_error


def record(step: int) -> Record:
    return Record(step, 0, 1.0, 0.1, 1.0, 10.0, 0.5)


def test_lines_and_what_is_on_them(tmp_path):
    settings = TrainSettings(max_steps=11, log_every=4, validate_every=5)
    history = train(
        line_model(),
        Line(),
        squared_error,
        settings=settings,
        validate=Score(Line()),
        folder=tmp_path,
    )
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["epoch"]) for line in lines] == [
        (4, 0),
        (5, 1),
        (8, 1),
        (10, 2),
        (11, 2),
    ]
    assert [line["step"] for line in lines if "validation" in line] == [5, 10, 11]
    assert lines[0].keys() == {
        "step",
        "epoch",
        "loss",
        "learning_rate",
        "grad_norm",
        "steps_per_second",
        "elapsed",
    }
    assert all(line["steps_per_second"] > 0 for line in lines)
    assert read_metrics(tmp_path / "metrics.jsonl") == history.records


def test_the_loss_is_the_mean_since_the_last_line():
    def losses(every: int) -> list[float]:
        settings = TrainSettings(max_steps=10, log_every=every)
        history = train(line_model(), Line(), squared_error, settings=settings)
        return [record.loss for record in history.records]

    single = losses(1)
    assert losses(4) == pytest.approx(
        [sum(single[:4]) / 4, sum(single[4:8]) / 4, sum(single[8:]) / 2]
    )


def test_what_came_after_the_checkpoint_is_cut_off(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path, 0)
    log.add(record(1))
    size = log.settle()
    log.add(record(2))
    log.close()
    with path.open("ab") as file:
        file.write(b'{"step": 3, "ep')
    again = MetricsLog(path, size)
    again.add(record(2))
    again.close()
    assert [line.step for line in read_metrics(path)] == [1, 2]
    assert [line.step for line in again.records] == [1, 2]


def test_a_file_that_lost_lines_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"metrics\.jsonl has 0 bytes, and had 50"):
        MetricsLog(tmp_path / "metrics.jsonl", 50)


def test_a_line_that_is_not_metrics_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": "one"}\n')
    with pytest.raises(InputError, match=r"metrics\.jsonl, line 1"):
        read_metrics(path)


def test_a_full_disk_is_one_clear_error(tmp_path, monkeypatch):
    log = MetricsLog(tmp_path / "metrics.jsonl", 0)
    file = log._file
    assert file is not None

    class Full:
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            file.close()

    monkeypatch.setattr(log, "_file", Full())
    log.add(record(1))
    with pytest.raises(TrainingError, match="the disk is full"):
        log.close()


def test_nothing_is_written_without_a_folder():
    log = MetricsLog(None, 0)
    log.add(record(1))
    assert log.settle() == 0
    log.close()
    assert log.records == (record(1),)
