"""Text that goes on: from a prompt, token by token, until it is long enough or says it is done."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, final

import numpy as np

from gatework.data.stream_codec import BORDER, Codec, Writer
from gatework.errors import InputError
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.reading import ManyReader, OneReader
from gatework.tasks.generate.sampling import Sampler
from gatework.tasks.generate.settings import Sampling

Ending = Literal["length", "stop", "end"]


class Written(NamedTuple):
    """A text that was written.

    Attributes:
        text: What comes after the prompt.
        tokens: How many tokens were drawn for it.
        ending: "length" (as long as asked for), "stop" (a stop string came; it is left out) or
            "end" (the model ended the document).
    """

    text: str
    tokens: int
    ending: Ending


@final
class StopStrings:
    """Passes text on until one of some strings has come, which is cut off with what follows.

    Args:
        stops: The strings.

    Example:
        >>> stops = StopStrings(["END"])
        >>> [stops.push(piece) for piece in ("a E", "NT", "EN", "D b")], stops.found
        (['a ', 'ENT', '', ''], True)
    """

    def __init__(self, stops: Sequence[str]) -> None:
        if not all(stops):
            raise InputError("a stop string is empty; expected at least one character")
        self._stops = tuple(stops)
        self.held = ""  # it may be the beginning of a stop string
        self.found = False

    def push(self, piece: str) -> str:
        """Take the next piece, and return what is safe to show."""
        if not self._stops:
            return piece
        if self.found:
            return ""
        text = self.held + piece
        places = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if places:
            self.found, self.held = True, ""
            return text[: min(places)]
        keep = max(
            (
                size
                for stop in self._stops
                for size in range(1, min(len(stop), len(text) + 1))
                if text.endswith(stop[:size])
            ),
            default=0,
        )
        self.held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """Return what was held back."""
        held, self.held = self.held, ""
        return held


@final
class Page:
    """One stream's text as it grows.

    Args:
        codec: Whose numbers.
        tail: The numbers before, some of them at least: a character may have begun in them.
        stops: Texts that end it.

    Attributes:
        tokens: How many came.
        ending: Why it ended, None while it goes on.
    """

    def __init__(self, codec: Codec, tail: Sequence[int], stops: Sequence[str] = ()) -> None:
        if codec.kind == "events":
            raise InputError("this model writes music, and no text: use `compose` or --to tune.mid")
        self._writer, self._stops = Writer(codec), StopStrings(stops)
        for number in tail:
            self._writer.write(number)
        self.tokens = 0
        self.ending: Ending | None = None

    @property
    def held(self) -> str:
        """Text that is not shown yet, since it may begin a stop string."""
        return self._stops.held

    @held.setter
    def held(self, value: str) -> None:
        self._stops.held = value

    def turn(self, stops: Sequence[str], held: str) -> str:
        """Go on with other stop strings from what was held back; return what can be shown of it."""
        self._stops, self.ending = StopStrings(stops), None
        return self._show(held)

    def add(self, number: int) -> str:
        """Take a token; return what can be shown of it."""
        if number == BORDER:
            self.ending = "end"
            return self.finish()
        self.tokens += 1
        return self._show(self._writer.write(number))

    def finish(self) -> str:
        """Return what was held back: half a character, and what may have begun a stop string."""
        return self._show(self._writer.finish()) + self._stops.finish()

    def _show(self, text: str) -> str:
        shown = self._stops.push(text)
        if self._stops.found:
            self.ending = "stop"
        return shown


def write_many(
    fitted: Fitted,
    prompt: str,
    sampling: Sampling,
    *,
    count: int,
    length: int,
    stops: Sequence[str] = (),
) -> list[Written]:
    """Continue a prompt in `count` ways at once, as one batch.

    Raises:
        InputError: count or length is below 1, or a stop string is empty.
    """
    check_length(length)
    if count < 1:
        raise InputError(f"count is {count}; expected 1 or more")
    primer, network = fitted.primer(prompt), fitted.network
    reader = OneReader(network) if count == 1 else ManyReader(network, count)
    sampler = Sampler(sampling, count, fitted.barred)
    pages = [Page(fitted.codec, primer.tolist(), stops) for _ in range(count)]
    texts: list[list[str]] = [[] for _ in pages]
    going = list(zip(pages, texts, range(count), strict=True))
    reader.prime(primer[:-1])
    drawn = np.full(count, primer[-1])
    while going:
        drawn = sampler.draw(reader.read(drawn))
        numbers = drawn.tolist()
        for page, text, place in going:
            text.append(page.add(numbers[place]))
            if page.ending is None and page.tokens == length:
                text.append(page.finish())
                page.ending = page.ending or "length"
        going = [each for each in going if each[0].ending is None]
    return [
        Written("".join(text), page.tokens, page.ending or "length")
        for page, text in zip(pages, texts, strict=True)
    ]


def check_length(length: int) -> None:
    """Raise InputError unless something is to be written."""
    if length < 1:
        raise InputError(f"length is {length}; expected 1 or more tokens")
