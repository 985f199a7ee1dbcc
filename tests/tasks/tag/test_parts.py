"""The parts of a tagger: encoding, corpus, rule, scores, vectors, texts."""

import json
from pathlib import Path

import pytest
import torch

from gatework.data.conll import Sentence, TagColumns
from gatework.data.vectors import read_vectors
from gatework.errors import InputError
from gatework.tasks.tag.baselines import MostFrequent
from gatework.tasks.tag.corpus import LONGEST, gather
from gatework.tasks.tag.encoding import Encoder, normal
from gatework.tasks.tag.fitted import Alternative, Answer
from gatework.tasks.tag.scores import MODEL, Scores, score_method
from gatework.tasks.tag.settings import TagSettings
from gatework.tasks.tag.spans import Scheme
from gatework.tasks.tag.texts import Asked, as_columns, as_json, cut_text, read_asked, spans_of
from tasks.tag.sayings import sayings


def tagged(text: str, tags: str, label: str | None = None, row: int = 0) -> Sentence:
    return Sentence(tuple(text.split()), tuple(tags.split()), label, row)


def test_encoding_numbers_each_different_word_once() -> None:
    sentences = [tagged("a B a", "X Y X", "p"), tagged("", "", None), tagged("c42 B", "X Y", "q")]
    encoder = Encoder.learn(sentences)
    assert encoder.words.words == ("a", "b", "c00")
    assert (encoder.tags, encoder.labels) == (("X", "Y"), ("p", "q"))
    encoded = encoder.encode(sentences)
    batch, tags, labels = encoded.load(torch.tensor([2, 0, 1]))
    assert batch.lengths.tolist() == [2, 3, 0]
    assert encoder.words.tokens(batch.words[batch.places[:3, 1]].tolist()) == ["a", "b", "a"]
    letters = encoder.characters.tokens(batch.characters[:, batch.places[0, 0]].tolist())
    assert letters == ["c", "4", "2"]
    assert tags[:3, 1].tolist() == [0, 1, 0]
    assert labels.tolist() == [1, 0, -1]


def test_what_was_never_seen_is_unknown() -> None:
    encoder = Encoder.learn([tagged("a a b", "X X Y")], least=2, extra=["zebra", "a"])
    assert encoder.words.words == ("a", "zebra")
    assert encoder.learnt == 3
    assert encoder.counts([tagged("a a b", "X X Y")]).tolist() == [0, 0, 2]
    encoded = encoder.encode([tagged("a b é zebra", "X Z Z Y")])
    assert encoded.words.tolist() == [2, 1, 1, 3]
    assert encoded.spellings[2].tolist() == [1]
    assert encoded.labels.tolist() == [-1]
    long = encoder.encode([Sentence(("a" * 1_000_000,))])
    assert long.spellings.lengths.tolist() == [30]
    nothing = encoder.encode([Sentence(("",))]).load(torch.tensor([0]))
    assert nothing.batch.sizes.tolist() == [0]


def test_corpus_holds_out_what_is_not_given() -> None:
    corpus = gather(sayings(50), None, None, share=0.1, seed=3)
    assert (len(corpus.train), len(corpus.validation), corpus.test) == (45, 5, ())
    assert corpus.scheme == "BIO"
    assert corpus.judged_name == "validation"
    assert corpus.notes == ("5 sentences of the training file are held out for validation",)
    assert {s.row for s in corpus.train} | {s.row for s in corpus.validation} == set(range(50))
    again = gather(sayings(50), None, None, share=0.1, seed=3)
    assert again.validation == corpus.validation
    given = gather(sayings(9), sayings(4, 1), sayings(5, 2), share=0.1, seed=0)
    assert [len(p) for p in (given.train, given.validation, given.test)] == [9, 4, 5]
    assert given.judged_name == "test"


def test_corpus_says_what_is_odd() -> None:
    train = [
        tagged("a b", "I-X O", "p", 1),
        Sentence((), (), "p", 2),
        tagged("c", "B-X", "q", 4),
        Sentence(("w",) * (LONGEST + 1), ("O",) * (LONGEST + 1), "p", 5),
    ]
    test = [tagged("a b", "B-NEW B-X", "r", 1), tagged("a", "E-NEWER", "p", 3)]
    corpus = gather(train, [tagged("a", "B-X", "q")], test, share=0.1, seed=0)
    assert [len(s.tokens) for s in corpus.train] == [2, 1, LONGEST, 1]
    assert corpus.notes == (
        "training: 1 sentence empty: left out, first in row 2",
        f"training: 1 sentence over {LONGEST} words: cut in pieces, first in row 5",
        "1 tag not as BIO has them: read as the CoNLL scorer does, where an I- after O or another "
        "type begins a span",
        'test: 2 tags of 2 kinds that training never saw ("NEW", "NEWER"); every answer there '
        "counts as wrong",
        'test: 1 sentence label of 1 kind that training never saw ("r"); every answer there '
        "counts as wrong",
    )


@pytest.mark.parametrize(
    ("train", "validation", "test", "message"),
    [
        ([], None, None, "0 sentences to learn from; expected 2 or more"),
        ([tagged("a b", "X Y")], None, None, "1 sentence to learn from; expected 2 or more"),
        ([tagged("", "")], [tagged("a", "X")], None, "the training part has no sentence with"),
        ([tagged("a b", "X Y")], [], None, "the validation part has no sentence with words"),
        ([tagged("a b", "X Y")], [tagged("a", "X")], [], "the test part has no sentence with"),
        (
            [tagged("a", "O")],
            [tagged("a", "O")],
            None,
            'every training word has the tag "O": nothing to learn',
        ),
    ],
)
def test_corpus_refuses_what_cannot_be_learnt(train, validation, test, message: str) -> None:
    with pytest.raises(InputError) as caught:
        gather(train, validation, test, share=0.1, seed=0)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs is 0; expected 1 or more"),
        ({"hidden_size": -1}, "hidden_size is -1; expected 1 or more"),
        ({"dropout": 1.0}, "dropout is 1.0; expected from 0 to below 1"),
        ({"validation_share": 0.0}, "validation_share is 0; expected above 0"),
        ({"scheme": "IOB1"}, "scheme is 'IOB1'; expected BIO or IOBES"),
        ({"time_budget": 0.0}, "time_budget is 0.0; expected seconds above 0"),
        ({"unknown": -1.0}, "unknown -1.0; expected above 0, and 0 or above"),
    ],
)
def test_settings_out_of_range(values: dict, message: str) -> None:
    with pytest.raises(InputError) as caught:
        TagSettings(**values)
    assert message in str(caught.value)


def test_the_rule_knows_words_then_endings_then_the_most_frequent() -> None:
    rule = MostFrequent.learn(
        [
            tagged("run run run", "V N V", "p"),
            tagged("jumping Anna the the the", "V P D D D", "p"),
            tagged("seeing", "V", "q"),
        ]
    )
    assert rule.label == "p"
    assert rule.tags(["run", "going", "Elsa", "B2"]) == ("V", "V", "P", "V")
    only = MostFrequent.learn([tagged("a a a", "X X Y")])
    assert (only.tags(["b"]), only.label) == (("X",), None)


def scores_of(answers: list[list[str]], scheme: Scheme = "BIO") -> Scores:
    true = [tagged("a b c", "B-X I-X O", "p"), tagged("d", "B-Y", "q")]
    ours, types = score_method(
        MODEL, answers, ["p", "p"], true, scheme=scheme, known={"a", "b", "c"}
    )
    said = [["B-X", "O", "O"], ["O"]]
    rule, _ = score_method(
        "most-frequent", said, ["p", "p"], true, scheme=scheme, known={"a", "b", "c"}
    )
    return Scores((ours, rule), types, "test", 2, 4, chosen_on=True, notes=("A note.",))


def test_scores_by_hand() -> None:
    scores = scores_of([["B-X", "I-X", "B-Y"], ["B-Y"]])
    model, rule = scores.methods
    assert model.accuracy == 3 / 4
    assert model.unknown_accuracy == 1.0
    assert (model.precision, model.recall) == (2 / 3, 1.0)
    assert model.label_accuracy == rule.label_accuracy == 0.5
    assert rule.f1 == 0.0
    assert [each.type for each in scores.types] == ["X", "Y"]
    assert not scores.won()
    assert scores.verdict() == (
        "Gatework beats the most frequent tag in part (span F1 0.8000 against 0.0000; label "
        "accuracy 0.5000 against 0.5000)."
    )
    text = str(scores)
    assert "test: 2 sentences, 4 words." in text
    assert "give a test file for a clean score" in text
    assert "A note." in text
    assert scores.records()[0]["f1"] == pytest.approx(0.8)


def test_a_loss_is_said() -> None:
    scores = scores_of([["O", "O", "B-Y"], ["O"]], scheme="plain")
    assert scores.methods[0].f1 is None
    assert scores.verdict() == (
        "Gatework loses to the most frequent tag (tag accuracy 0.0000 against 0.5000; label "
        "accuracy 0.5000 against 0.5000): prefer the rule here."
    )
    assert "f1" not in scores.records()[0]
    assert {each.type for each in scores.types} == {"B-X", "I-X", "B-Y", "O"}


def test_vectors_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("4 2\nThe 1 -1\n. . 0.5 2\nthe 9 9\nA1 3 4\n", encoding="utf-8")
    words, values = read_vectors(path, {"the"}, normal)
    assert words == ("the", ". .", "a0")
    torch.testing.assert_close(values / values[0, 0], torch.tensor([[1, -1], [0.5, 2], [3, 4.0]]))
    path.write_text("a 1 2 3\n", encoding="utf-8")
    assert read_vectors(path, set(), normal).values.shape == (1, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected a word and its vector"),
        ("3 2\n", "has no vectors after its first row"),
        ("a\n", "row 1: expected a word and its vector, found ['a']"),
        ("a 1 2\nb 1\n", "row 2: expected a word and 2 numbers, found 2 parts"),
        ("a 1 2\nb 1 x\n", "row 2: the vector of 'b' holds what is no number"),
        ("a 1 2\nb 1 inf\n", "the vector of 'b' is not finite"),
    ],
)
def test_wrong_vectors(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_vectors(path, set(), normal)
    assert message in str(caught.value)


def test_texts_are_cut_where_treebanks_cut() -> None:
    asked = cut_text("Ann's  can't — U.S. 3.5%!")
    assert asked.sentence.tokens == ("Ann", "'s", "ca", "n't", "—", "U.S", ".", "3.5", "%", "!")
    assert asked.text is not None
    assert asked.offsets is not None
    assert tuple(asked.text[a:b] for a, b in asked.offsets) == asked.sentence.tokens
    assert cut_text("").sentence.tokens == ()


def read(tmp_path: Path, name: str, text: str) -> list[Asked]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return list(read_asked(path, TagColumns()))


def test_what_is_asked_is_told_from_the_file(tmp_path: Path) -> None:
    lines = read(tmp_path, "a.txt", "Fly to Rome.\n\nStop\n")
    assert [one.sentence.tokens for one in lines] == [("Fly", "to", "Rome", "."), (), ("Stop",)]
    assert [one.sentence.row for one in lines] == [1, 2, 3]
    columns = read(tmp_path, "b.txt", "Fly O\nRome B-X\n\nStop O\n")
    assert [one.sentence.tokens for one in columns] == [("Fly", "Rome"), ("Stop",)]
    assert columns[0].text is None
    texts = read(tmp_path, "c.jsonl", '{"text": "Go home"}\n{"text": ""}\n')
    assert [one.sentence.tokens for one in texts] == [("Go", "home"), ()]
    words = read(tmp_path, "d.jsonl", '{"tokens": ["Go", "home"]}\n')
    assert words[0].sentence.tokens == ("Go", "home")
    with pytest.raises(InputError, match=r"e.jsonl, row 2: .*missing required field `text`"):
        read(tmp_path, "e.jsonl", '{"text": "Go"}\n{"words": []}\n')


def test_answers_are_written_as_columns_and_as_json() -> None:
    asked = cut_text("to New York")
    tags = ("O", "B-C", "I-C")
    answer = Answer(asked.sentence.tokens, tags, "go", (0.5, 1.0, 0.25), (), asked.offsets)
    assert as_columns(answer) == (
        "# label = go\nto\tO\t0.5000\nNew\tB-C\t1.0000\nYork\tI-C\t0.2500\n\n"
    )
    (span,) = spans_of(answer, asked.text)
    assert span == ("C", "New York", (1, 3), (3, 11))
    record = json.loads(as_json(asked, answer, has_spans=True))
    assert record["text"] == "to New York"
    assert record["spans"] == [
        {"type": "C", "text": "New York", "words": [1, 3], "characters": [3, 11]}
    ]
    ways = (Alternative(tags, 0.75), Alternative(("O", "O", "O"), 0.25))
    both = answer._replace(label=None, probabilities=None, alternatives=ways)
    assert as_columns(both) == (
        "# probabilities = 0.7500 0.2500\nto\tO\tO\nNew\tB-C\tO\nYork\tI-C\tO\n\n"
    )
    assert (
        json.loads(as_json(asked, both, has_spans=False))["alternatives"][1]["probability"] == 0.25
    )
