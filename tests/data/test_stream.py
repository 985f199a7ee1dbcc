"""Corpora in pieces, text as numbers and back, and windows through a stream."""

from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatework.data import stream_corpus
from gatework.data.stream import StreamWindows, encode
from gatework.data.stream_codec import BORDER, Codec, Writer
from gatework.data.stream_corpus import in_lines, open_corpus
from gatework.data.text import UNKNOWN
from gatework.errors import InputError

KINDS = ("characters", "bytes", "words")
TEXT = "To be, or not to be:\n\tthat  is the question.\r\nDon't café 東京!\n" * 3


def whole(corpus, start: int = 0, stop: int | None = None) -> list[str]:
    stop = corpus.size if stop is None else stop
    return ["".join(pieces) for pieces in corpus.part(start, stop)]


def test_a_folder_is_its_files_in_order_without_the_hidden(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    for name, text in {"b/2.txt": "two", "a.txt": "one", ".git/x": "no", "e.txt": ""}.items():
        (tmp_path / name).write_text(text)
    corpus = open_corpus(tmp_path)
    assert whole(corpus) == ["one", "two"]  # the empty one is no document
    assert corpus.digest == open_corpus([tmp_path / "a.txt", tmp_path / "b"]).digest
    assert corpus.digest != open_corpus([tmp_path / "b", tmp_path / "a.txt"]).digest
    assert corpus.digest != open_corpus(["onetwo"]).digest


def test_blocks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Characters that a block cuts in two come out whole, and parts begin where they should."""
    path = tmp_path / "a.txt"
    path.write_text("\ufeff" + TEXT, encoding="utf-8", newline="")
    for block in (1, 2, 3, 7, 1 << 20):
        monkeypatch.setattr(stream_corpus, "_BLOCK", block)
        corpus = open_corpus(path)
        assert corpus.size == len(TEXT)
        assert whole(corpus) == [TEXT]
        assert whole(corpus, 5, 40) == [TEXT[5:40]]
        assert "".join(in_lines(next(corpus.part(0, 99)))) == TEXT[:99]


def test_parts_of_several_documents() -> None:
    corpus = open_corpus(["abc", "", "de", "fghi"])
    assert corpus.size == 9
    assert [whole(corpus, 0, 3), whole(corpus, 2, 6), whole(corpus, 5, 9)] == [
        ["abc"],
        ["c", "de", "f"],
        ["fghi"],
    ]
    assert whole(corpus, 3, 3) == []


@pytest.mark.parametrize("before", [0, 5, stream_corpus._BLOCK - 1, stream_corpus._BLOCK])
def test_what_is_no_utf8_is_named_by_file_and_byte(tmp_path: Path, before: int) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes(b"a" * before + "é".encode("latin-1") + b" rest")
    with pytest.raises(InputError, match=rf"old\.txt is not UTF-8: byte {before:,} is 0xe9"):
        open_corpus(path)
    assert open_corpus(path, raw=True).size == before + 6


def test_what_ends_amid_a_character(tmp_path: Path) -> None:
    path = tmp_path / "cut.txt"
    path.write_bytes("ab€".encode()[:-1])
    with pytest.raises(InputError, match=r"cut\.txt is not UTF-8: byte 2 is 0xe2"):
        open_corpus(path)


def test_a_zero_byte_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "image.bin"
    path.write_bytes("é".encode() + b"ab\0c")
    with pytest.raises(InputError, match=r"image\.bin is no text: byte 4 is zero"):
        open_corpus(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "is a list"),
        (3, "is a int"),
        (["a", Path("b")], "mixed"),
        ([""], "data is empty"),
        (Path("nowhere.txt"), "nowhere.txt is not there"),
    ],
)
def test_what_is_no_corpus(data, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_corpus(data)


def test_an_empty_file_and_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    with pytest.raises(InputError, match="f is empty: a folder without files"):
        open_corpus(tmp_path / "f")
    (tmp_path / "f" / "e.txt").touch()
    with pytest.raises(InputError, match=r"e\.txt is empty"):
        open_corpus(tmp_path / "f" / "e.txt")


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_learnt_comes_back_letter_for_letter(kind) -> None:
    codec = Codec.learn(kind, [[TEXT]], size=9)
    ids = codec.encode(TEXT)
    assert codec.decode(ids) == TEXT
    assert codec.unknown(TEXT) == []
    assert ids.min() > UNKNOWN
    again = Codec.of(codec.plain())
    assert again.encode(TEXT).tolist() == ids.tolist()
    assert again.decode(ids) == TEXT


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(max_size=30))
def test_any_text_can_be_read(kind, text: str) -> None:
    codec = Codec.learn(kind, [["ab ab cd"]], size=5)
    ids = codec.encode(text)
    assert all(0 < number < len(codec) for number in ids)
    known = "".join(sign if sign in "ab cd" else "\ufffd" for sign in text)
    if kind == "bytes":
        known = text.encode("utf-8", "replace").decode()
    assert codec.decode(ids) == known
    unknown = set() if kind == "bytes" else set(text) - set("ab cd")
    assert set(codec.unknown(text)) == unknown


def test_words_that_are_rare_are_spelt() -> None:
    codec = Codec.learn("words", [["the cat the dog the cat"]], size=9)
    pieces = [codec.pieces[number] for number in codec.encode("the dog the cat")]
    assert pieces == ["t", "h", "e", " ", "d", "o", "g", " the", " cat"]


def test_subwords_write_what_they_read() -> None:
    pytest.importorskip("sentencepiece")
    text = "the lower the better\nnewer and wider\n" * 30
    codec = Codec.learn("subwords", [[text]], size=320)
    assert codec.decode(codec.encode(text)) == text
    assert codec.decode(codec.encode("lower\n\nbetter 東京")) == "lower\n\nbetter 東京"
    assert Codec.of(codec.plain()).encode(text).tolist() == codec.encode(text).tolist()


def test_a_writer_holds_back_halves_of_characters() -> None:
    codec = Codec.learn("bytes", [], size=0)
    writer = Writer(codec)
    first, second = codec.encode("é")
    assert [writer.write(first), writer.write(second), writer.write(first)] == ["", "é", ""]
    assert writer.finish() == "\ufffd"
    assert writer.write(int(codec.encode("a")[0])) == "a"


def test_a_stream_has_borders_and_counts_them() -> None:
    codec = Codec.learn("characters", [["abc"]], size=0)
    stream = encode([["a", "b"], ["cd"]], codec)
    assert codec.decode(stream.ids.tolist()) == "abc\ufffd"
    assert stream.ids.tolist()[0] == stream.ids.tolist()[3] == BORDER
    assert (stream.characters, stream.unknown) == (5, 1)
    assert encode([], codec).characters == 0


def test_many_tokens_are_wider_numbers() -> None:
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    codec = Codec.learn("characters", [[text]], size=0)
    stream = encode([[text]], codec)
    assert stream.ids.dtype == torch.int32
    assert codec.decode(stream.ids.tolist()) == text


def test_windows_go_on_where_the_last_ended_and_all_is_seen() -> None:
    ids = torch.arange(103)
    source = StreamWindows(ids, batch_size=4, window=5)
    plan = source.plan(torch.Generator().manual_seed(3))
    batches = [source.load(index) for index in plan]
    assert [batch.begins for batch in batches] == [True, False, False, False, False]
    for now, following in pairwise(batches):
        assert torch.equal(now.targets[-1], following.inputs[0])
    for batch in batches:
        assert torch.equal(batch.targets, (batch.inputs + 1) % 103)
    seen = torch.cat([batch.targets.flatten() for batch in batches])
    assert len(seen.unique()) == 100  # 103 hold 20 windows of 5


def test_epochs_begin_elsewhere_and_a_plan_is_of_its_generator() -> None:
    source = StreamWindows(torch.arange(500), batch_size=2, window=10)
    generator = torch.Generator().manual_seed(0)
    first, second = (source.plan(generator)[0][0] for _ in range(2))
    assert not torch.equal(first, second)
    again = source.plan(torch.Generator().manual_seed(0))
    assert torch.equal(again[0][0], first)


@pytest.mark.parametrize(("batch_size", "window"), [(0, 5), (2, 0), (5, 5)])
def test_windows_that_cannot_be(batch_size: int, window: int) -> None:
    with pytest.raises(InputError):
        StreamWindows(torch.arange(20), batch_size=batch_size, window=window)


def test_encoding_by_pieces_is_encoding_the_whole() -> None:
    for kind in KINDS:
        codec = Codec.learn(kind, [[TEXT]], size=9)
        raw = TEXT.encode().decode("latin-1") if kind == "bytes" else TEXT
        pieces = [raw[at : at + 7] for at in range(0, len(raw), 7)]
        parts = np.concatenate(list(codec.encode_pieces(pieces)))
        assert parts.tolist() == codec.encode(TEXT).tolist()


def test_a_table_has_a_text_in_each_row(tmp_path: Path) -> None:
    rows = [{"id": n, "text": text} for n, text in enumerate(["to be", "", "or not\n", "to"])]
    lines = "\n".join(msgspec.json.encode(row).decode() for row in [*rows, {"id": 9}])
    (tmp_path / "a.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "b.csv").write_text('n,said\n1,"that, is"\n2,"the ""question"""\n')
    (tmp_path / "c.txt").write_text("plain")
    corpus = open_corpus(tmp_path)
    texts = ["to be", "or not\n", "to", "that, is", 'the "question"', "plain"]
    assert whole(corpus) == texts
    assert (corpus.documents, corpus.size) == (6, sum(map(len, texts)))
    assert whole(corpus, 7, 16) == [" not\n", "to", "th"]
    assert corpus.digest == open_corpus(texts).digest
    assert whole(open_corpus(tmp_path / "b.csv", column="n")) == ["1", "2"]
    raw = open_corpus(tmp_path / "a.jsonl", raw=True)
    assert whole(raw) == texts[:3]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "x"}\n{"text": ', r"a\.jsonl, line 2: expected an object"),
        ("a.jsonl", '{"n": 1}\n', r"a\.jsonl has no column of texts; it has "),
        ("a.jsonl", '{"text": ["x"]}\n', r'a\.jsonl, column "text": expected texts, found List'),
        ("a.jsonl", '{"text": ""}\n', r"a\.jsonl is empty: there is no text"),
        ("a.csv", "text\n", r"a\.csv has no rows"),
    ],
)
def test_what_is_no_table_of_texts(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        open_corpus(tmp_path / name)
    (tmp_path / "b.jsonl").write_text('{"word": "a"}')
    with pytest.raises(InputError, match='no column "words" for the text'):
        open_corpus(tmp_path / "b.jsonl", column="words")
