"""Real tables need no option, or one."""

import numpy as np
import pytest

from data_paths import shared_data
from gatework.data import Columns, read_table, to_panel


def test_us_births():
    panel = to_panel(read_table(shared_data("forecasting/us_births/us_births.csv")))
    assert (str(panel.frequency), panel.season, panel.lengths.tolist()) == ("D", 7, [7305])
    assert panel["y"].values[:2].tolist() == [8486.0, 9002.0]


def test_airline_passengers():
    panel = to_panel(read_table(shared_data("forecasting/airline/airline_passengers.csv")))
    assert panel.columns == Columns(None, "Month", "Passengers")
    assert (str(panel.frequency), panel.season, panel.lengths.tolist()) == ("MS", 12, [144])
    assert 'the time is column "Month" (found from the data)' in panel.notes
    assert 'the target is column "Passengers" (found from the data)' in panel.notes


def test_m4_hourly():
    panel = to_panel(read_table(shared_data("forecasting/m4_hourly/train.csv.gz")))
    assert (str(panel.frequency), panel.season, len(panel)) == ("1", 24, 414)
    assert panel.lengths.sum() == 353_500
    assert panel["H1"].times[:2].tolist() == [1, 2]
    assert panel["H1"].values[:2].tolist() == [605.0, 586.0]
    assert not any(np.isnan(series.values).any() for series in panel.series)


@pytest.mark.parametrize(("target", "first"), [("OT", 30.531), ("HUFL", 5.827)])
def test_etth1(target, first):
    frame = read_table(shared_data("forecasting/etth1/ETTh1.csv.gz"))
    panel = to_panel(frame, target_col=target)
    assert panel.columns == Columns(None, "date", target)
    assert (str(panel.frequency), panel.season, panel.lengths.tolist()) == ("h", 24, [17_420])
    assert panel[target].values[0] == pytest.approx(first, abs=1e-4)
