"""`gatework fit tag`, and what the verbs then say."""

import json
from pathlib import Path

import pytest

from gatework.cli import main
from tasks.tag.sayings import sayings

QUICK = ("--epochs", "2", "--hidden-size", "8", "--word-size", "8", "--spelling-size", "4")


def write(path: Path, count: int, seed: int) -> Path:
    rows = [
        f"# mood = {s.label}\n"
        + "".join(f"{w} {t}\n" for w, t in zip(s.tokens, s.tags or (), strict=True))
        for s in sayings(count, seed)
    ]
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tag")
    train, test = write(folder / "train.conll", 60, 0), write(folder / "test.conll", 20, 1)
    words = ["fit", "tag", str(train), "--test", str(test), "--label", "mood", *QUICK]
    assert main([*words, "--out", str(folder / "run")]) == 0
    return folder


def test_fit_prints_the_scores_and_what_to_do_next(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fit", "tag", str(place / "train.conll"), *QUICK, "--out", str(place / "other")]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "held out for validation" in out
    assert "most frequent" in out
    assert "span F1" in out
    assert f"next         gatework predict {place / 'other'} FILE" in out
    page = (place / "other" / "report.html").read_text(encoding="utf-8")
    assert "gatework fit tag" in page
    assert main(words) == 2
    assert "already holds this very fit" in capsys.readouterr().err


def test_predict_and_evaluate(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, test = str(place / "run"), str(place / "test.conll")
    assert main(["predict", run, test]) == 0
    first, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith("# label = ")
    assert rows[0].split("\t")[0] == sayings(20, 1)[0].tokens[0]

    text = place / "ask.txt"
    text.write_text("Ann flies to Rome.\n", encoding="utf-8")
    out = place / "answer.jsonl"
    options = ["--n-best", "2", "--probabilities", "--out", str(out)]
    assert main(["predict", run, str(text), *options]) == 0
    record = json.loads(out.read_text(encoding="utf-8"))
    assert record["offsets"][0] == [0, 3]
    assert len(record["alternatives"]) == 2
    assert len(record["probabilities"]) == 5

    assert main(["evaluate", run, test]) == 0
    assert "test.conll: 20 sentences" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predict", "RUN"], "a tagger needs a FILE to tag"),
        (["predict", "RUN", "FILE", "--levels", "80"], "--levels is no option for"),
        (["predict", "RUN", "FILE", "--out", "a.csv"], "ends in .conll, .tsv or .jsonl"),
        (["evaluate", "RUN", "FILE", "--lag", "3"], "--lag is no option for"),
        (["fit", "tag", "BROKEN"], "broken.conll, row 2: expected 2 columns as in row 1, found 3"),
        (["fit", "tag", "FILE", "--dropout", "2"], "dropout is 2.0; expected from 0 to below 1"),
        (["evaluate", "RUN", "LATIN"], "latin.conll, row 1: byte 0xe9 at place 1 of the row"),
    ],
)
def test_one_line_and_status_2(
    place: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    (place / "broken.conll").write_text("a O\nb O O\n", encoding="utf-8")
    (place / "latin.conll").write_bytes("é O\n".encode("latin-1"))
    paths = {"RUN": "run", "FILE": "test.conll", "BROKEN": "broken.conll", "LATIN": "latin.conll"}
    given = [str(place / paths[word]) if word in paths else word for word in words]
    assert main(given) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
