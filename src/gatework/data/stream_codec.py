"""Text as numbers and back again, for models that write: what is read can be written.

`data.text` cuts text for models that only read; here nothing between the tokens may be lost.
"""

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Final, Literal, final

import numpy as np

from gatework.data.music.events import Events, written
from gatework.data.stream_corpus import in_lines
from gatework.data.text import PADDING, UNKNOWN, Bytes, Characters, Tokeniser, Vocabulary
from gatework.data.text import restore_tokeniser as restore_other
from gatework.errors import InputError

Kind = Literal["characters", "bytes", "words", "subwords", "events"]

# The number that pads elsewhere stands here before the first document and between any two.
BORDER: Final = PADDING
_SPECIAL: Final = 2
_SPACED: Final = re.compile(r" ?\w+(?:['\u2019-]\w+)*| ?[^\w\s]|\s")
_SAMPLE: Final = 200_000  # lines that subwords are learnt from, at most
_SPACE: Final = "\u2581"  # how sentencepiece writes a space
_BYTE: Final = re.compile(r"<0x([0-9A-F]{2})>")


@final
@dataclass(frozen=True)
class SpacedWords(Tokeniser):
    """Words, signs and blanks, a word with the space before it: joined they are the text again.

    Example:
        >>> SpacedWords().tokens("To be, or  not")
        ['To', ' be', ',', ' or', ' ', ' not']
    """

    kind = "spaced words"

    def tokens(self, text: str) -> list[str]:
        """Return the pieces of the text."""
        return _SPACED.findall(text)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each is."""
        return [match.span() for match in _SPACED.finditer(text)]

    def plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": self.kind}


@final
@dataclass(frozen=True)
class Codec:
    """Text to numbers and back: 0 is the border of a document, 1 a character never seen.

    Words that are not in the vocabulary are spelt out in characters, so that no text is out of
    reach and losses of any two kinds can be compared, by the character.

    Args:
        kind: What the tokens are.
        tokeniser: Where text is cut.
        vocabulary: The numbers.

    Example:
        >>> codec = Codec.learn("words", [["to be or not to be"]], size=2)
        >>> ids = codec.encode("to bet")
        >>> codec.decode(ids), [codec.pieces[number] for number in ids]
        ('to bet', ['t', 'o', ' ', 'b', 'e', 't'])
    """

    kind: Kind
    tokeniser: Tokeniser
    vocabulary: Vocabulary

    @classmethod
    def of_events(cls, events: Events) -> "Codec":
        """Return the numbers of the words that music is told in."""
        return cls("events", events, Vocabulary(events.words))

    @classmethod
    def learn(cls, kind: Kind, documents: Iterable[Iterable[str]], *, size: int) -> "Codec":
        """Learn the numbers from documents in pieces.

        Args:
            kind: What the tokens are.
            documents: The training part.
            size: Words or subwords with a number of their own, at most.

        Raises:
            InputError: There are no tokens, or subwords need a package that is not there.
        """
        match kind:
            case "bytes":
                return cls(kind, Bytes(), Vocabulary(tuple(map(chr, range(256)))))
            case "characters":
                found = _count(piece for pieces in documents for piece in pieces)
                return cls(kind, Characters(), Vocabulary(tuple(w for w, _ in found.most_common())))
            case "words":
                return cls(kind, SpacedWords(), _word_vocabulary(documents, size))
        # Its package is an extra: whoever cuts no subwords needs none.
        from gatework.data.text.subwords import Subwords

        lines = (
            line for pieces in documents for block in in_lines(pieces) for line in block.split("\n")
        )
        tokeniser = Subwords.learn(islice(lines, _SAMPLE), size=size)
        processor = tokeniser.processor
        numbers = range(processor.get_piece_size())
        known = [
            processor.id_to_piece(number)
            for number in numbers
            if not (processor.is_control(number) or processor.is_unknown(number))
        ]
        return cls(kind, tokeniser, Vocabulary(("\n", *known)))

    def __len__(self) -> int:
        """Return how many numbers there are."""
        return len(self.vocabulary)

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """What each number adds to a text; of bytes, the byte as a character."""
        words = self.vocabulary.words
        if self.kind == "subwords":
            words = tuple(word.replace(_SPACE, " ") for word in words)
        elif self.kind == "events":
            words = tuple(map(written, words))
        return ("", "", *words)

    def encode(self, text: str) -> np.ndarray:
        """Return (N,) int64 numbers of a text.

        With bytes, a text of a raw corpus has a byte in each character, any other is in UTF-8.
        """
        if self.kind == "characters":
            return self._characters(text)
        if self.kind == "bytes":
            raw = text.encode("utf-8", "surrogatepass")
            return np.frombuffer(raw, np.uint8).astype(np.int64) + _SPECIAL
        return np.array(self._tokens(text), np.int64)

    def encode_pieces(self, pieces: Iterable[str]) -> Iterator[np.ndarray]:
        """Encode a document of a corpus that comes in pieces."""
        if self.kind == "bytes":
            for piece in pieces:
                raw = np.frombuffer(piece.encode("latin-1"), np.uint8)
                yield raw.astype(np.int64) + _SPECIAL
            return
        whole = self.kind == "characters"
        yield from map(self.encode, pieces if whole else in_lines(pieces))

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of numbers; what is not known, or no UTF-8, becomes U+FFFD."""
        writer = Writer(self)
        return "".join(map(writer.write, ids)) + writer.finish()

    def unknown(self, text: str) -> list[str]:
        """Return the characters of a text that the model never saw, each once."""
        if self.kind in ("bytes", "subwords"):
            return []
        if self.kind == "events":
            return [w for w in self.tokeniser.tokens(text) if w not in self.vocabulary]
        return [sign for sign in dict.fromkeys(text) if sign not in self.vocabulary]

    def plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "kind": self.kind,
            "tokeniser": self.tokeniser.plain(),
            "vocabulary": list(self.vocabulary.words),
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Codec":
        """Restore from `plain`.

        Raises:
            InputError: It is damaged.
        """
        try:
            told = plain["tokeniser"]
            match told["kind"]:
                case SpacedWords.kind:
                    tokeniser = SpacedWords()
                case Events.kind:
                    tokeniser = Events.of(told)
                case _:
                    tokeniser = restore_other(told)
            return cls(plain["kind"], tokeniser, Vocabulary(tuple(plain["vocabulary"])))
        except (KeyError, TypeError) as error:
            raise InputError(f"the saved vocabulary is damaged: {error}") from error

    def _characters(self, text: str) -> np.ndarray:
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        return self._table[np.minimum(points, len(self._table) - 1)]

    @cached_property
    def _table(self) -> np.ndarray:
        """The number of each code point; of the last and all above it, unknown."""
        points = np.array([ord(word) for word in self.vocabulary.words])
        table = np.full(points.max(initial=0) + 2, UNKNOWN, np.int64)
        table[points] = np.arange(_SPECIAL, len(self))
        return table

    def _tokens(self, text: str) -> list[int]:
        find, numbers = self.vocabulary.numbers.get, []
        if self.kind == "subwords":
            for line in text.split("\n"):
                numbers += [find(token, UNKNOWN) for token in self.tokeniser.tokens(line)]
                numbers.append(find("\n", UNKNOWN))
            return numbers[:-1]
        for token in self.tokeniser.tokens(text):
            number = find(token)
            if number is None and self.kind == "words":
                numbers += [find(sign, UNKNOWN) for sign in token]
            else:
                numbers.append(UNKNOWN if number is None else number)
        return numbers


@final
class Writer:
    """Turns numbers into text one by one, holding back what is not yet a whole character.

    Args:
        codec: Whose numbers.

    Example:
        >>> codec = Codec.learn("bytes", [], size=0)
        >>> writer = Writer(codec)
        >>> [writer.write(number) for number in codec.encode("né")]
        ['n', '', 'é']
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace")
        self._begins = True  # a line of subwords begins with a space that is not in the text

    def write(self, number: int) -> str:
        """Return what the number adds to the text."""
        if number == UNKNOWN:
            return self.finish() + "\ufffd"
        piece = self._codec.pieces[number]
        match self._codec.kind:
            case "bytes":
                return self._bytes.decode(piece.encode("latin-1"))
            case "subwords":
                return self._subword(piece)
        return piece

    def finish(self) -> str:
        """Return what is left of a character that was never finished."""
        left = self._bytes.decode(b"", final=True)
        self._bytes.reset()
        return left

    def _subword(self, piece: str) -> str:
        if found := _BYTE.fullmatch(piece):
            self._begins = False
            return self._bytes.decode(bytes([int(found[1], 16)]))
        left = self.finish()
        text = piece.removeprefix(" ") if self._begins else piece
        if piece:
            self._begins = piece == "\n"
        return left + text


def _count(tokens: Iterable[Iterable[str]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in tokens:
        found.update(each)
    return found


def _word_vocabulary(documents: Iterable[Iterable[str]], size: int) -> Vocabulary:
    """All characters, and the words seen at least twice, the frequent first."""
    words: Counter[str] = Counter()
    signs: Counter[str] = Counter()
    for pieces in documents:
        for block in in_lines(pieces):
            words.update(_SPACED.findall(block))
            signs.update(block)
    frequent = [w for w, count in words.most_common() if len(w) > 1 and count > 1][:size]
    return Vocabulary((*(sign for sign, _ in signs.most_common()), *frequent))
