"""Pieces as files by their names, and as a picture."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from gatework.data.music import Note, Piece
from gatework.data.music.files import write_pieces
from gatework.data.music.picture import draw_roll
from gatework.errors import InputError
from gatework.tasks import pictures

PIECE = Piece((Note(0, 480, 60, 127), Note(480, 960, 67, 20), Note(960, 480, 72)))


def test_one_piece_has_the_name_itself_and_several_a_number(tmp_path: Path) -> None:
    assert write_pieces(tmp_path / "a.MID", [PIECE]) == [tmp_path / "a.MID"]
    names = write_pieces(tmp_path / "b.wav", [PIECE, PIECE])
    assert [name.name for name in names] == ["b-1.wav", "b-2.wav"]
    assert all(name.read_bytes()[:4] == b"RIFF" for name in names)
    assert (tmp_path / "a.MID").read_bytes()[:4] == b"MThd"
    with pytest.raises(InputError, match=r"ends in '\.mp3'; expected one of \.mid"):
        write_pieces(tmp_path / "c.mp3", [PIECE])


def test_a_roll_has_a_bar_for_each_note() -> None:
    axes = Figure().subplots()
    draw_roll(axes, PIECE, colour="#0072b2")
    (bars,) = (each for each in axes.collections if isinstance(each, PolyCollection))
    boxes = np.array([path.get_extents().extents for path in bars.get_paths()])
    assert boxes[:, 0].tolist() == [0, 1, 2]  # quarter notes
    assert ((boxes[:, 2] - [1, 3, 3]) < 0).all()  # a gap before what may come next
    assert np.allclose((boxes[:, 1] + boxes[:, 3]) / 2, [60, 67, 72])
    strength = np.asarray(bars.get_facecolor())[:, 3]
    assert strength[0] > strength[2] > strength[1]
    assert axes.get_xlim() == (0, 3)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["C4", "C5"]


def test_a_roll_may_be_cut_or_empty() -> None:
    axes = Figure().subplots()
    draw_roll(axes, PIECE, colour="#0072b2", most=1.5)
    assert axes.get_xlim() == (0, 1.5)
    draw_roll(Figure().subplots(), Piece(()), colour="#0072b2")
    text = pictures.svg(pictures.roll_figure(PIECE), "a roll")
    assert text.count("var(--model)") >= 3  # it takes its colour from the page
    assert 'aria-label="a roll"' in text
