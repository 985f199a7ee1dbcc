"""Text that goes on: from a prompt, token by token, until it is long enough or says it is done."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, final

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
        self._held = ""  # it may be the beginning of a stop string
        self.found = False

    def push(self, piece: str) -> str:
        """Take the next piece, and return what is safe to show."""
        if not self._stops:
            return piece
        if self.found:
            return ""
        text = self._held + piece
        places = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if places:
            self.found, self._held = True, ""
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
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return held


@final
class _Page:
    """One stream's text as it grows."""

    def __init__(self, codec: Codec, primer: Sequence[int], stops: Sequence[str]) -> None:
        self._writer, self._stops = Writer(codec), StopStrings(stops)
        for number in primer:
            self._writer.write(number)
        self.tokens = 0
        self.ending: Ending | None = None

    def add(self, number: int, length: int) -> str:
        """Take a token; return what can be shown of it."""
        if number == BORDER:
            self.ending = "end"
            return self._stops.push(self._writer.finish()) + self._stops.finish()
        self.tokens += 1
        text = self._stops.push(self._writer.write(number))
        if self._stops.found:
            self.ending = "stop"
        elif self.tokens == length:
            self.ending = "length"
            text += self._stops.push(self._writer.finish()) + self._stops.finish()
        return text


def write(
    fitted: Fitted,
    prompt: str,
    sampling: Sampling,
    *,
    length: int,
    stops: Sequence[str] = (),
) -> Iterator[str]:
    """Continue a prompt, and give each piece of text when it is there.

    Raises:
        InputError: length is below 1, or a stop string is empty.
    """
    _check(length)
    primer = fitted.primer(prompt)
    reader, sampler = OneReader(fitted.network), Sampler(sampling, 1, fitted.barred)
    page = _Page(fitted.codec, primer.tolist(), stops)
    logits = reader.prime(primer)
    while True:
        drawn = sampler.draw(logits)
        if text := page.add(int(drawn[0]), length):
            yield text
        if page.ending is not None:
            return
        logits = reader.read(drawn)


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
    _check(length)
    if count < 1:
        raise InputError(f"count is {count}; expected 1 or more")
    primer, network = fitted.primer(prompt), fitted.network
    reader = OneReader(network) if count == 1 else ManyReader(network, count)
    sampler = Sampler(sampling, count, fitted.barred)
    pages = [_Page(fitted.codec, primer.tolist(), stops) for _ in range(count)]
    texts: list[list[str]] = [[] for _ in pages]
    going = list(zip(pages, texts, range(count), strict=True))
    logits = reader.prime(primer)
    while going:
        drawn = sampler.draw(logits)
        for page, text, place in going:
            text.append(page.add(int(drawn[place]), length))
        going = [each for each in going if each[0].ending is None]
        if going:
            logits = reader.read(drawn)
    return [
        Written("".join(text), page.tokens, page.ending or "length")
        for page, text in zip(pages, texts, strict=True)
    ]


def _check(length: int) -> None:
    if length < 1:
        raise InputError(f"length is {length}; expected 1 or more tokens")
