"""Music from fit to a run and back."""

import math
from pathlib import Path

import pytest

from gatework.cli import main
from gatework.data.music import Note, Piece, Tempo
from gatework.data.music.folder import shape_of
from gatework.data.music.midi import read_midi
from gatework.data.music.piece import tidy
from gatework.data.music.writing import write_midi
from gatework.errors import InputError
from gatework.tasks import run as folder
from gatework.tasks.generate import LanguageModel
from gatework.tasks.generate.music import gather_music
from gatework.tasks.generate.settings import GenerateSettings, Sampling
from gatework.tasks.generate.sources import settle_tokens
from tasks.cut_off import fit_and_be_killed
from tasks.generate.scales import SMALL, in_key, pieces, scale


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel(**SMALL).fit(pieces())


@pytest.fixture(scope="module")
def run(model: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "scales"
    model.save(place)
    return place


def test_it_learns_the_rule_and_is_scored_by_the_event(model: LanguageModel) -> None:
    scores = model.scores_
    assert scores is not None
    ours, best, unigram = scores.methods
    assert ours.nats < best.nats < unigram.nats
    assert ours.perplexity == pytest.approx(math.exp(ours.nats))
    assert scores.unit == "event"
    assert scores.part == "4 of 40 pieces"
    assert "nats an event, against" in scores.verdict()
    assert "every one scored" in str(scores)
    assert "tokens," not in str(scores)


def test_the_choices_are_the_datas(model: LanguageModel) -> None:
    assert model.outcome_ is not None
    chosen = {each.name: (each.value, each.reason) for each in model.outcome_.choices}
    assert chosen["steps_per_quarter"] == (2, "100.0% of the notes begin on one")
    assert chosen["loudnesses"] == (1, "all notes are equally loud")
    assert model.outcome_.notes == (
        "pieces, drawn by seed 0: 32 to learn from, 4 choose the weights, 4 are judged, once",
    )


def test_every_piece_is_whole_and_in_one_part() -> None:
    settings = GenerateSettings(tokens="events", transpose=0, validation_share=0.2)
    parts = gather_music(pieces(), None, None, settings)
    assert parts.test is not None
    told: list[str] = []
    for stream in (parts.train, parts.validation, parts.test):
        text = [parts.codec.decode([number]) or "|" for number in stream.ids.tolist()]
        told += [each for each in "".join(text).split("|") if each]
    events = parts.codec.tokeniser
    assert sorted(told) == sorted(map(events.text, pieces()))  # type: ignore[attr-defined]
    assert parts.test.ids[0] == parts.test.ids[-1] == 0  # that a piece ends is scored
    other = gather_music(
        pieces(), None, None, GenerateSettings(tokens="events", seed=1, transpose=0)
    )
    assert not other.train.ids.equal(parts.train.ids)


def test_what_is_judged_is_not_learnt_from() -> None:
    moved = [
        Piece(tuple(n._replace(pitch=n.pitch + 1) for n in piece.notes), 480)
        for piece in pieces()[:5]
    ]
    parts = gather_music(pieces(), None, moved, GenerateSettings(tokens="events", transpose=0))
    assert "5 pieces that validation or test have too are not learnt from" in parts.notes
    assert {shape_of(piece) for piece in moved} <= {shape_of(piece) for piece in pieces()}
    assert parts.judged_name == "test"


def test_what_it_writes_is_music_with_nothing_left_open(model: LanguageModel) -> None:
    for temperature in (0.0, 1.0, 4.0):
        for each in model.compose(None, Sampling(temperature, seed=2), count=4, length=60):
            assert each.events <= 60
            assert each.piece.tempos == (Tempo(0, 100.0),)
            words = each.text.split()
            assert sum(w[-1] == "+" for w in words) == sum(w[-1] == "-" for w in words)
            assert len(each.piece.notes) == sum(word[-1] == "+" for word in words)
            assert all(note.length <= 960 for note in each.piece.notes)


def test_moving_pieces_teaches_the_keys_that_are_not_there() -> None:
    strange = [in_key(piece, 61) for piece in pieces()[:6]]  # in no piece is C sharp the tonic
    nats = [
        LanguageModel(**SMALL, ngram=ngram, transpose=keys)
        .fit(pieces())
        .evaluate(strange)
        .methods[0]
        .nats
        for keys, ngram in ((6, 5), (6, 0), (0, 0))
    ]
    assert nats[0] < 0.5 < 1.2 < nats[2]
    assert nats[0] < nats[1] < 0.8


def test_it_goes_on_from_a_primer(model: LanguageModel) -> None:
    primer = Piece(scale(61, 4).notes[:6], 480)
    for each in model.compose(primer, Sampling(0.5), count=2, length=60):
        assert each.piece.notes[:6] == primer.notes
        assert each.primed == 3 * 240
        assert len(each.piece.notes) > 6


def test_the_same_seed_writes_the_same_alone_or_not(model: LanguageModel, run: Path) -> None:
    how = Sampling(1.0, seed=5)
    first = model.compose(None, how, count=3, length=80)
    again = LanguageModel.load(run).compose(None, how, count=3, length=80)
    assert first == again
    assert len({each.text for each in first}) > 1
    greedy = Sampling(0)
    (alone,) = model.compose(None, greedy, length=50)
    assert model.compose(None, greedy, count=3, length=50) == [alone] * 3


def test_tempo(model: LanguageModel) -> None:
    primer = Piece((Note(0, 480, 60),), 480, (Tempo(0, 66.0),))
    assert model.compose(primer, length=20)[0].piece.tempos == (Tempo(0, 66.0),)
    assert model.compose(primer, length=20, tempo=90.0)[0].piece.tempos == (Tempo(0, 90.0),)
    with pytest.raises(InputError, match="tempo is 1; expected 4 to 10,000"):
        model.compose(primer, tempo=1.0)
    with pytest.raises(InputError, match="length is 0"):
        model.compose(primer, length=0)
    with pytest.raises(InputError, match="count is 0"):
        model.compose(primer, count=0)


def test_there_and_back(model: LanguageModel, run: Path, tmp_path: Path) -> None:
    again = LanguageModel.load(run)
    for number, piece in enumerate(pieces()[:6]):
        write_midi(tmp_path / f"{number}.mid", piece)
    (tmp_path / "bad.mid").write_bytes(b"")
    scores = again.evaluate(tmp_path)
    ours, theirs = (each.records() for each in (scores, model.evaluate(pieces()[:6])))
    assert [each["nats"] for each in ours] == [each["nats"] for each in theirs]
    assert f"{tmp_path / 'bad.mid'} left out: is empty" in str(scores)
    trace = again.inspection(tmp_path, most=2).trace()
    assert trace["lstm"].step_names(0)[:2] == ("(end)", "Bb3+")
    page = (run / folder.REPORT).read_text()
    assert page.count("data:audio/wav;base64,") == 3
    assert page.count('aria-label="Piano roll') == 3
    assert "<script" not in page
    assert (run / folder.REPORT).stat().st_size < 1_200_000


def test_a_model_of_music_writes_no_text(model: LanguageModel) -> None:
    with pytest.raises(InputError, match="writes music, and no text"):
        model.generate("a")
    with pytest.raises(InputError, match="events completes no words"):
        model.complete("a")
    with pytest.raises(InputError, match="has 2 pieces that can be used"):
        LanguageModel(**SMALL).fit(pieces()[:2])


def test_a_model_of_text_writes_no_music() -> None:
    text = LanguageModel(window=16, epochs=1, hidden_size=16).fit(["to be or not. " * 60])
    with pytest.raises(InputError, match="one of characters, which are no music"):
        text.compose()


def test_music_is_not_adapted(model: LanguageModel) -> None:
    with pytest.raises(InputError, match="adapt is for text"):
        model.adapt(["a text"])


def test_names_say_what_is_music(tmp_path: Path) -> None:
    write_midi(tmp_path / "a.mid", scale(60, 3))
    assert settle_tokens(GenerateSettings(), tmp_path).tokens == "events"
    assert settle_tokens(GenerateSettings(tokens="bytes"), tmp_path).tokens == "bytes"
    assert settle_tokens(GenerateSettings(), ["a text"]).tokens == "characters"


def test_from_a_folder_to_a_tune(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    melodies, run = tmp_path / "melodies", str(tmp_path / "run")
    melodies.mkdir()
    for piece in pieces()[:12]:
        write_midi(melodies / f"{piece.name}.mid", piece)
    (melodies / "cut.mid").write_bytes(b"MThd")
    words = ["--epochs", "1", "--window", "16", "--hidden-size", "16", "--out", run]
    assert main(["fit", "generate", str(melodies), *words]) == 0
    out = capsys.readouterr().out
    assert f"{melodies / 'cut.mid'}: is no MIDI file" in out
    assert "nats/event" in out
    assert f"gatework generate {run} --to tune.mid" in out
    assert "complete" not in out

    to = str(tmp_path / "tune.mid")
    assert main(["generate", run, "--to", to, "--primer", "60 64*2", "-n", "2", "--seed", "3"]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'tune-1.mid'}: ")
    found = read_midi(tmp_path / "tune-2.mid")
    assert found.hanging == 0
    assert found.piece.notes[:2] == (Note(0, 480, 60), Note(480, 960, 64))
    assert found.piece.tempos == (Tempo(0, 100.0),)

    wav = tmp_path / "tune.wav"
    assert main(["predict", run, str(tmp_path / "tune-1.mid"), "--out", str(wav)]) == 0
    assert wav.read_bytes()[:4] == b"RIFF"
    assert main(["generate", run, "--length", "30", "--primer", str(tmp_path / "tune-1.mid")]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[-1][-1] == "-"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--prompt", "a"], "--prompt is for text; a model of music takes --primer"),
        (["--stop", "x"], "--stop is an option for text"),
        (["--to", "a.csv"], "--to is a.csv; expected a name that ends in .mid or .wav"),
        (["--primer", "H4"], "'H4' is no pitch"),
        (["--primer", "none.mid"], "none.mid is not there"),
        (["--primer-frames", "3"], "--primer-frames is for frames"),
        (["--tempo", "1"], "tempo is 1"),
    ],
)
def test_what_cannot_be_asked_for(
    run: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", str(run), *words]) == 2
    assert message in capsys.readouterr().err


KILLED = """
from gatework.tasks.generate import LanguageModel
from tasks.generate.scales import SMALL, pieces

LanguageModel(**SMALL).fit(pieces(), run=run)
"""


def test_a_killed_fit_goes_on_in_the_same_keys(model: LanguageModel, tmp_path: Path) -> None:
    run, whole = tmp_path / "killed", tmp_path / "whole"
    fit_and_be_killed(KILLED, run, step=25, saved=15, training="training")
    LanguageModel(**SMALL).fit(pieces(), run=run)
    model.save(whole)
    assert (run / folder.WEIGHTS).read_bytes() == (whole / folder.WEIGHTS).read_bytes()


def test_loudness_is_learnt_and_written() -> None:
    def played(number: int, piece: Piece) -> Piece:
        notes = [
            note._replace(
                start=note.start + (7 * place + number) % 5, velocity=40 + 8 * (place % 8)
            )
            for place, note in enumerate(piece.notes)
        ]
        return Piece(tidy(notes), 480, piece.tempos)

    music = [played(number, piece) for number, piece in enumerate(pieces())]
    model = LanguageModel(**SMALL).fit(music)
    assert model.outcome_ is not None
    chosen = {each.name: each.value for each in model.outcome_.choices}
    assert chosen["steps_per_quarter"] == 2  # five ticks of 480 are nobody's rhythm
    assert chosen["loudnesses"] == 8
    found = model.compose(None, Sampling(1.0), count=4, length=100)
    velocities = {note.velocity for each in found for note in each.piece.notes}
    assert len(velocities) > 3
    assert all("v" in each.text for each in found)
