"""What a keyboard offers: the words that may come next, with their probabilities.

The likeliest words are searched for token by token, a few beginnings at a time. The probability of
a word is that of its letters and then of something that is no letter.
"""

from typing import Final, NamedTuple, final

import numpy as np

from gatework.data.text import UNKNOWN
from gatework.errors import InputError
from gatework.models.language import State
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.reading import ManyReader

WIDTH: Final = 8  # beginnings that are followed at once
LEAST: Final = 1e-3  # probability of what is still offered
LONGEST: Final = 24  # tokens of a word
REMEMBERED: Final = 400  # tokens of a text that was not read yet; what is older is left out
_LOG_LEAST: Final = float(np.log(LEAST))
_JOINING: Final = "'\u2019-"  # letters, where words are meant


class Completion(NamedTuple):
    """A word that may come next.

    Attributes:
        ending: What is to be typed for it.
        word: The whole word.
        probability: That just this word comes.
    """

    ending: str
    word: str
    probability: float


class _Found(NamedTuple):
    text: str
    log_chance: float


@final
class Completer:
    """Offers endings of the word that is being typed, or next words after a blank.

    What was read of a text is kept, so that the next letter costs one step.

    Args:
        fitted: The model.

    Raises:
        InputError: It is one of bytes, which are no letters.
    """

    def __init__(self, fitted: Fitted) -> None:
        codec = fitted.codec
        if not completes_words(fitted):
            raise InputError(
                f"a model of {codec.kind} completes no words; fit one of characters or words"
            )
        self._fitted, self._codec = fitted, codec
        self._reader = ManyReader(fitted.network, WIDTH)
        pieces = codec.pieces
        self._letters = np.array([_is_word(piece) for piece in pieces])
        self._ends = np.array([not _is_letter(piece[:1]) for piece in pieces])
        self._ends[UNKNOWN] = False
        self._read: tuple[int, ...] = ()
        self._logits = np.empty(0)
        self._state: State | None = None

    def complete(self, text: str, *, count: int = 5) -> list[Completion]:
        """Return at most `count` completions of a text, the likeliest first, none below 1 in 1,000.

        Args:
            text: What has been typed; after a letter, endings of its last word are offered.
            count: How many.

        Raises:
            InputError: count is below 1.
        """
        if count < 1:
            raise InputError(f"count is {count}; expected 1 or more")
        begun = len(text)
        while begun and _is_letter(text[begun - 1]):
            begun -= 1
        typed = text[begun:]
        before, demand = self._cut(text, begun)
        return [
            Completion(each.text, typed + each.text, float(np.exp(each.log_chance)))
            for each in self._search(self._at(before), demand, count, is_begun=bool(typed))
        ]

    def _cut(self, text: str, begun: int) -> tuple[str, str]:
        """What is read as it is, and what the tokens after it have to begin with.

        A token may hold a whole word and the space before it: go back to where that begins.
        """
        if self._codec.kind == "characters":
            return text, ""
        before, demand = text[:begun], text[begun:]
        if before.endswith(" "):
            return before[:-1], f" {demand}"
        if self._codec.kind == "subwords" and (not before or before.endswith("\n")):
            return before, f" {demand}"
        return before, demand

    def _at(self, before: str) -> np.ndarray:
        """(1, V) logits after a text, reading no more of it than is new."""
        ids = tuple(self._fitted.primer(before).tolist())
        known = len(self._read)
        if self._state is None or ids[:known] != self._read:
            known = len(ids) - 1
            self._reader.prime(np.array(ids[-REMEMBERED:-1], np.int64))
        else:
            self._reader.state = self._state
        for number in ids[known:]:
            self._logits = self._reader.read(np.full(WIDTH, number))[:1].copy()
        self._read, self._state = ids, self._reader.state
        return self._logits

    def _search(
        self, logits: np.ndarray, demand: str, count: int, *, is_begun: bool
    ) -> list[_Found]:
        """Follow the likeliest beginnings; `is_begun`: the word may end before anything comes."""
        beginnings, demands = [_Found("", 0.0)], [demand]
        done: list[_Found] = []
        for _ in range(LONGEST):
            chances = _log_softmax(logits)
            ended = np.logaddexp.reduce(np.where(self._ends, chances, -np.inf), axis=1)
            done = _best(
                [
                    *done,
                    *(
                        _Found(each.text, each.log_chance + float(end))
                        for each, end, wanted in zip(beginnings, ended, demands, strict=True)
                        if not wanted and (each.text or is_begun)
                    ),
                ],
                count,
            )
            totals = np.array([each.log_chance for each in beginnings])[:, None] + chances
            totals = np.where(self._allowed(demands), totals, -np.inf).ravel()
            picked = totals.argpartition(-min(WIDTH, len(totals)))[-WIDTH:]
            # What is less likely than all that is found cannot become likelier.
            least = done[-1].log_chance if len(done) == count else _LOG_LEAST
            picked = picked[totals[picked] > least]
            if not len(picked):
                break
            rows, tokens = np.divmod(picked, chances.shape[1])
            followed = [
                self._follow(beginnings[row], demands[row], int(token), float(total))
                for row, token, total in zip(rows, tokens, totals[picked], strict=True)
            ]
            beginnings, demands = map(list, zip(*followed, strict=True))
            self._reader.choose(rows)
            logits = self._reader.read(tokens)
        return [each for each in done if each.log_chance > _LOG_LEAST]

    def _follow(
        self, beginning: _Found, demand: str, token: int, total: float
    ) -> tuple[_Found, str]:
        piece = self._codec.pieces[token]
        return _Found(beginning.text + piece[len(demand) :], total), demand[len(piece) :]

    def _allowed(self, demands: list[str]) -> np.ndarray:
        """(C, V) which tokens may come after each beginning."""
        rows = np.tile(self._letters, (len(demands), 1))
        for row, demand in enumerate(demands):
            if demand:
                rows[row] = [_meets(piece, demand) for piece in self._codec.pieces]
        return rows


def completes_words(fitted: Fitted) -> bool:
    """Whether the tokens of a model are letters or words."""
    return fitted.codec.kind not in ("bytes", "events")


def _best(found: list[_Found], count: int) -> list[_Found]:
    """The likeliest, the same word by two ways as one."""
    joined: dict[str, float] = {}
    for each in found:
        joined[each.text] = float(np.logaddexp(joined.get(each.text, -np.inf), each.log_chance))
    ranked = sorted(joined.items(), key=lambda item: -item[1])
    return [_Found(text, chance) for text, chance in ranked[:count]]


def _meets(piece: str, demand: str) -> bool:
    """Whether a piece is a part of what is demanded, or all of it and letters."""
    if piece.startswith(demand):
        return piece == demand or _is_word(piece[len(demand) :])
    return piece != "" and demand.startswith(piece)


def _is_letter(sign: str) -> bool:
    return sign.isalnum() or (sign != "" and sign in _JOINING)


def _is_word(piece: str) -> bool:
    return piece != "" and all(map(_is_letter, piece))


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits - logits.max(1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))
