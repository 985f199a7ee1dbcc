"""Clocks, the gate before them, and what is written down: whether a figure can be believed."""

import json
import time

import pytest
import torch
from torch import nn

import gatework
from gatework.bench import engine, machine
from gatework.bench.engine import measure, operations, summarise
from gatework.bench.grid import GRID, QUICK, Point
from gatework.bench.machine import describe_machine, write_record
from gatework.bench.parity import ParityError, check_parity
from gatework.bench.passes import infer, train
from gatework.bench.settings import Settings
from gatework.bench.timing import Roof, find_roof, take_turns, use_threads
from gatework.errors import InputError
from tolerances import FLOOR, assert_close

POINTS = (Point(3, 2, 4, 5), Point(4, 1, 1, 8))
ROOF = Roof((16, 16, 16), 1e9)
FAST = 1e-3


def test_calls_take_turns_in_an_order_drawn_for_each_round():
    order: list[str] = []
    calls = {name: lambda name=name: order.append(name) for name in "abc"}
    take_turns(calls, 0, least=20)
    rounds = ["".join(order[start : start + 3]) for start in range(0, len(order), 3)]
    assert rounds[0] == "abc"
    assert len(rounds) == 21
    assert all(set(each) == set("abc") for each in rounds)
    assert len(set(rounds)) > 3


def test_the_time_is_the_median_and_the_first_round_is_not_in_it():
    pauses = iter([0.2, 0.001, 0.03, 0.002, 0.03, 0.002])
    taken = take_turns({"one": lambda: time.sleep(next(pauses))}, 0, least=5)
    assert 0.002 <= taken["one"] < 0.02


def test_the_roof_is_a_rate():
    roof = find_roof(FAST)
    assert 0.01 < roof.again(FAST).rate / roof.rate < 100


def test_threads_are_put_back():
    before = torch.get_num_threads()
    with use_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    with use_threads(None):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (torch.tensor([1.0, 2.001]), "y differs from float64 by 4.5e-04 of its size"),
        (torch.tensor([1.0, torch.nan]), "y differs from float64 by nan"),
        (torch.tensor([1.0]), r"y has shape \(1,\); expected \(2,\)"),
    ],
)
def test_the_gate_shuts(found, words):
    truth = torch.tensor([1.0, 2.0], dtype=torch.float64)
    with pytest.raises(ParityError, match=f"here: {words}"):
        check_parity({"y": found}, {"y": truth}, "here")


def test_the_gate_opens():
    truth = torch.tensor([1.0, 2.0], dtype=torch.float64)
    error = check_parity({"y": truth.float() + 1e-6}, {"y": truth}, "here")
    assert 1e-7 < error < 1e-6


@pytest.mark.parametrize("lengths", [None, torch.tensor([2, 5, 5])], ids=["dense", "ragged"])
def test_a_pass_is_the_same_for_ours_and_torchs(lengths):
    ours, theirs = gatework.LSTM(3, 4), nn.LSTM(3, 4)
    theirs.load_state_dict(ours.state_dict())
    x, dy = torch.randn(5, 3, 3, requires_grad=True), torch.randn(5, 3, 4)
    for found, truth in (
        (train(ours, x, dy, lengths), train(theirs, x, dy, lengths)),
        (infer(ours, x, lengths), infer(theirs, x, lengths)),
    ):
        assert list(found) == list(truth)
        for name, value in found.items():
            assert not value.isnan().any()
            assert_close(name, value, truth[name], 4 * FLOOR[torch.float32])


def test_operations_of_a_stack_in_both_directions():
    # First layer 4 gates x 5 units x (3 + 5) terms, second 4 x 5 x (10 + 5); twice; 2 a term.
    settings = Settings(layers=2, bidirectional=True)
    assert operations(Point(T=1, B=1, I=3, H=5), settings) == 2 * 2 * (160 + 300)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(seconds=FAST),
        Settings("gru", layers=2, seconds=FAST),
        Settings("rnn", bidirectional=True, seconds=FAST),
    ],
    ids=lambda settings: settings.cell,
)
def test_every_cell_is_measured(settings):
    rows = list(measure(POINTS, settings, ROOF))
    assert [row.point for row in rows] == list(POINTS)
    for row in rows:
        assert row.refusal is None
        assert row.parity is not None
        assert 0 < row.parity < 1e-5
        for figures in (row.training, row.inference):
            assert figures is not None
            assert figures.ratio == pytest.approx(figures.torch_ms / figures.ms)
            assert figures.share > 0


def test_a_point_that_is_wrong_gets_a_reason_and_the_others_their_figures(monkeypatch):
    def wrong(layer, x, dy):
        found = train(layer, x, dy)
        is_ours = isinstance(layer, gatework.LSTM)
        return found | ({"d x": 1.01 * found["d x"]} if is_ours and len(x) == 3 else {})

    monkeypatch.setattr(engine, "train", wrong)
    bad, good = measure(POINTS, Settings(seconds=FAST), ROOF)
    assert bad.training is bad.inference is bad.parity is None
    assert bad.refusal is not None
    assert bad.refusal.startswith("T=3 B=2 I=4 H=5, training: d x differs from float64 by 1.0e-02")
    assert good.training is not None
    summary = summarise([bad, good], "training")
    assert summary is not None
    assert summary == (pytest.approx(good.training.ratio), good.training.ratio, POINTS[1])
    assert summarise([bad], "training") is None


def test_the_grids():
    assert len(GRID) == len(set(GRID)) == 10
    assert set(QUICK) < set(GRID)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cell": "ltsm"}, "cell is 'ltsm'; expected one of lstm, gru, rnn"),
        ({"layers": 0}, "layers is 0; expected at least 1"),
        ({"threads": 0}, "threads is 0; expected at least 1"),
        ({"seconds": 0.0}, "seconds is 0.0; expected more than 0"),
        ({"seconds": float("nan")}, "seconds is nan; expected more than 0"),
    ],
)
def test_settings_are_checked(options, words):
    with pytest.raises(InputError, match=words):
        Settings(**options)


def test_a_record_is_json_with_the_machine(tmp_path):
    path = tmp_path / "record.json"
    rows = list(measure(POINTS[:1], Settings(seconds=FAST), ROOF))
    write_record(path, {"machine": describe_machine(), "settings": Settings(), "points": rows})
    record = json.loads(path.read_text())
    [row] = rows
    assert row.training is not None
    facts = record["machine"]
    assert facts["processor"]
    assert facts["torch"] == torch.__version__
    assert facts["onednn"] in ("on", "off")
    assert facts["native_core"]
    assert record["settings"]["seconds"] == 2.0
    assert record["points"][0]["point"] == {"T": 3, "B": 2, "I": 4, "H": 5}
    assert record["points"][0]["training"]["ratio"] == row.training.ratio


def test_company_on_the_machine_is_told(monkeypatch):
    monkeypatch.setattr(machine.os, "getloadavg", lambda: (1e4, 0.0, 0.0))
    assert any("the machine is busy: 10000" in each for each in describe_machine()["warnings"])
    monkeypatch.setattr(machine.os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    assert not any("busy" in each for each in describe_machine()["warnings"])
