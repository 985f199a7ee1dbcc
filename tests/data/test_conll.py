"""Tagged sentences from files, lists and frames; and what wrong ones are told."""

import gzip
import itertools
from pathlib import Path
from typing import Any, cast

import pandas as pd
import polars as pl
import pytest

from data_paths import shared_data
from gatework.data.conll import Sentence, TagColumns
from gatework.data.tagged import read_tagged, sentences_of, sentences_of_frame
from gatework.errors import InputError

COLUMNS = """-DOCSTART- -X- O O

EU NNP B-NP B-ORG
rejects VBZ B-VP O

# NN B-NP O
1 CD I-NP O
"""

CONLLU = """# sent_id = 1
# text = I don't
1\tI\tI\tPRON\tPRP\t_\t2\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t0\troot\t_\t_
3\tn't\tnot\tPART\tRB\t_\t2\tadvmod\t_\t_
3.1\tsay\tsay\tVERB\tVB\t_\t_\t_\t_\t_

# sent_id = 2
1\tNo\tno\tINTJ\tUH\t_\t0\troot\t_\t_
"""


def write(folder: Path, text: str | bytes, name: str = "data.conll") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_columns(tmp_path: Path) -> None:
    path = write(tmp_path, COLUMNS)
    first, second = read_tagged(path)
    assert first == Sentence(("EU", "rejects"), ("B-ORG", "O"), None, 3)
    assert (second.tokens, second.row) == (("#", "1"), 6)
    chunks = [s.tags for s in read_tagged(path, TagColumns(tags="3"))]
    assert chunks == [("B-NP", "B-VP"), ("B-NP", "I-NP")]
    assert [s.tags for s in read_tagged(path, tagged=False)] == [None, None]
    # Windows line ends, tabs, a byte order mark and gzip change nothing.
    other = b"\xef\xbb\xbf" + COLUMNS.replace(" ", "\t").replace("\n", "\r\n").encode()
    assert list(read_tagged(write(tmp_path, gzip.compress(other), "b.gz"))) == [first, second]


def test_words_with_spaces_need_tabs(tmp_path: Path) -> None:
    (sentence,) = read_tagged(write(tmp_path, "New York\tB-LOC\n. .\tO\n"))
    assert sentence.tokens == ("New York", ". .")


def test_conllu_skips_what_is_no_word(tmp_path: Path) -> None:
    path = write(tmp_path, CONLLU)
    first, second = read_tagged(path)
    assert first == Sentence(("I", "do", "n't"), ("PRON", "AUX", "PART"), None, 3)
    assert second.tokens == ("No",)
    xpos = next(read_tagged(path, TagColumns(tags="xpos")))
    assert xpos.tags == ("PRP", "VBP", "RB")
    assert [s.label for s in read_tagged(path, TagColumns(label="sent_id"))] == ["1", "2"]


def test_json_lines(tmp_path: Path) -> None:
    lines = '{"tokens": ["fly"], "slots": ["O"], "intent": "flight"}\n\n{"tokens": [], "slots": []}'
    first, second = read_tagged(write(tmp_path, lines, "a.jsonl"), TagColumns(tokens="tokens"))
    assert first == Sentence(("fly",), ("O",), "flight", 1)
    assert second == Sentence((), (), None, 3)


def test_real_files_have_the_counts_of_their_manifest() -> None:
    dev = list(read_tagged(shared_data("text/ud_ewt/dev.conllu.gz")))
    assert (len(dev), sum(len(s.tokens) for s in dev)) == (2_001, 25_147)
    assert len({tag for s in dev for tag in s.tags or ()}) == 17
    test = list(read_tagged(shared_data("text/atis/test.jsonl")))
    assert len(test) == 893
    assert sum("#" in (s.label or "") for s in test) == 15


def test_reading_is_lazy(tmp_path: Path) -> None:
    """The first sentences come before a wrong row far behind them is met."""
    text = "a O\n\n" * 500 + "a b O\n"
    reader = read_tagged(write(tmp_path, text))
    assert len(list(itertools.islice(reader, 500))) == 500
    with pytest.raises(InputError, match="row 1001: expected 2 columns as in row 1, found 3"):
        next(reader)


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("a O\nb\n", None, "row 2: expected 2 columns as in row 1, found 1: 'b'"),
        ("a\nb\n", None, "row 1: expected a word and its tag, found one column"),
        ("a O\n", TagColumns(tags="3"), "tags is column '3'; expected a number from 1 to 2"),
        ("a O\n", TagColumns(tags="ner"), "tags is column 'ner'; expected a number from 1 to 2"),
        (CONLLU, TagColumns(tags="pos"), 'expected a number from 1 to 10, or one of "id", "form"'),
        (
            CONLLU.replace("2\tdo\t", "2\t"),
            None,
            "row 5: expected 10 columns of CoNLL-U, found 9",
        ),
        (CONLLU.replace("2\tdo", "x\tdo"), None, "row 5: the id is 'x'; expected 1, 3-4 or 5.1"),
        (CONLLU, TagColumns(label="topic"), "row 3: the sentence has no comment `# topic = ...`"),
        ("", None, "is empty"),
        ("\n \n", None, "is empty"),
        ("a O\n\xe9 O\n".encode("latin-1"), None, "row 2: byte 0xe9 at place 1 of the row is not"),
        ("a O\n".encode("utf-16"), None, "is UTF-16 text; save it as UTF-8"),
        (b"\x1f\x8b\x08broken", None, "is a damaged gzip file"),
        ("{}", None, "row 1: nothing holds the words; name it"),
        ('{"tokens": ["a"]}', None, 'row 1: none of "tokens" is known to hold the tags; name it'),
        ('{"tokens": ["a"], "tags": []}', None, "row 1: 1 tokens but 0 tags"),
        ('{"tokens": "a b", "tags": []}', None, "row 1, \"tokens\" is 'a b'; expected a list of"),
        ('{"tokens": [1], "tags": ["O"]}', None, 'row 1, "tokens", place 0: expected text, found'),
        (
            '{"tokens": [], "tags": [], "label": 3}',
            None,
            'row 1: "label" is 3; expected the label as text',
        ),
        ('{"tokens": [}', None, "row 1: expected a JSON object a line"),
        (
            '{"tokens": [], "tags": []}',
            TagColumns(tags="tgas"),
            'there is no "tgas" for the tags; there is "tokens", "tags"; did you mean "tags"?',
        ),
    ],
)
def test_wrong_files(
    tmp_path: Path, text: str | bytes, columns: TagColumns | None, message: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        list(read_tagged(path, columns))
    assert message in str(caught.value)
    assert "data.conll" in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        list(read_tagged(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="is a folder"):
        list(read_tagged(tmp_path))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sentences_of([["a"]], [["O", "O"]]), "sentence 0 (counting from 0): 1 tokens but"),
        (lambda: sentences_of([["a"]], []), "there are 1 sentences and 0 tags"),
        (lambda: sentences_of([["a"]], [["O"]], ["x", "y"]), "there are 1 sentences and 2 labels"),
        (lambda: sentences_of(["a b"]), "tokens[0] is 'a b'; expected a list of texts"),
        (
            lambda: sentences_of([["a"]], cast(Any, [[1]])),
            "tags[0], place 0: expected text, found 1",
        ),
    ],
)
def test_wrong_lists(call, message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)


def test_frames_with_a_row_a_sentence_or_a_row_a_word() -> None:
    expected = [("b", "a"), ("c",)]
    wide = pl.DataFrame({"tokens": [["b", "a"], ["c"]], "tags": [["O", "X"], ["O"]]})
    long = pd.DataFrame({"id": [7, 7, 5], "word": ["b", "a", "c"], "tag": ["O", "X", "O"]})
    for frame in (wide, long):
        sentences = sentences_of_frame(frame)
        assert [s.tokens for s in sentences] == expected
        assert [s.tags for s in sentences] == [("O", "X"), ("O",)]
        assert [s.tags for s in sentences_of_frame(frame, tagged=False)] == [None, None]
    labelled = sentences_of_frame(long.assign(intent=["p", "p", "q"]))
    assert [s.label for s in labelled] == ["p", "q"]


def test_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sentence,word,tag\n1,a,X\n1,b,O\n2,c,O\n", encoding="utf-8")
    assert [s.tokens for s in read_tagged(path)] == [("a", "b"), ("c",)]
    assert [s.tags for s in read_tagged(path)] == [("X", "O"), ("O",)]
    path.write_text("sentence,word,tag\n1,a,X\n1,,O\n", encoding="utf-8")
    with pytest.raises(InputError, match=r'a\.csv, row 3, column "word": empty'):
        list(read_tagged(path))
    wide = tmp_path / "b.parquet"
    pl.DataFrame({"tokens": [["a"], []], "tags": [["X"], []]}).write_parquet(wide)
    assert [s.tokens for s in read_tagged(wide)] == [("a",), ()]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({"word": ["a"], "tag": ["O"]}), "no column that says of which sentence"),
        (
            pl.DataFrame({"id": [1], "word": ["a"]}),
            'none of "id", "word" is known to hold the tags',
        ),
        (
            pl.DataFrame({"id": [1, 1], "word": ["a", None], "tag": ["O", "O"]}),
            'data frame, row 1 (counting from 0), column "word": empty',
        ),
    ],
)
def test_wrong_frames(frame: pl.DataFrame, message: str) -> None:
    with pytest.raises(InputError) as caught:
        sentences_of_frame(frame)
    assert message in str(caught.value)
