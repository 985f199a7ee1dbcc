"""What is fitted and judged, text or music, as streams of numbers."""

import dataclasses
from typing import Any, Final, NamedTuple

from gatework.data.music.events import Events
from gatework.data.music.folder import is_music, read_music
from gatework.data.stream import TokenStream, encode
from gatework.data.stream_codec import Codec
from gatework.data.stream_corpus import open_corpus
from gatework.errors import InputError
from gatework.tasks.generate.music import gather_music, music_stream
from gatework.tasks.generate.parts import Parts, gather
from gatework.tasks.generate.settings import GenerateSettings

_LOOKED_AT: Final = 4_000  # characters of a text to look inside with


class Judgeable(NamedTuple):
    """A stream to be judged, what it is called, and what a reader must know of it."""

    name: str
    stream: TokenStream
    notes: tuple[str, ...]


def settle_tokens(settings: GenerateSettings, data: Any) -> GenerateSettings:
    """Return settings with the kind of tokens, by the data where it was left open."""
    if settings.tokens is not None:
        return settings
    return dataclasses.replace(settings, tokens="events" if is_music(data) else "characters")


def gather_parts(
    data: Any,
    validation: Any,
    test: Any,
    settings: GenerateSettings,
    column: str | None = None,
) -> Parts:
    """Read the data in parts, by the kind of tokens; `column` of a table has the texts.

    Raises:
        InputError: There is too little of it, or it cannot be read; the file is named.
    """
    if settings.tokens == "events":
        return gather_music(data, validation, test, settings)
    return gather(data, validation, test, settings, column)


def read_stream(codec: Codec, data: Any, column: str | None = None) -> Judgeable:
    """Read what a model is to be judged on.

    Raises:
        InputError: It cannot be read, or is empty.
    """
    if isinstance(codec.tokeniser, Events):
        music = read_music(data)
        skipped = tuple(f"{each.name} left out: {each.reason}" for each in music.skipped)
        return Judgeable(music.name, music_stream(music.pieces, codec), (*music.notes, *skipped))
    corpus = open_corpus(data, raw=codec.kind == "bytes", column=column)
    stream = encode(corpus.part(0, corpus.size), codec)
    if len(stream.ids) < 2:
        raise InputError(f"{corpus.name} has no token to judge")
    notes = (
        (f"{stream.unknown:,} characters were never seen in training: they count as unknown",)
        if stream.unknown
        else ()
    )
    return Judgeable(corpus.name, stream, notes)


def read_excerpt(codec: Codec, data: Any, column: str | None = None) -> str:
    """Return the beginning of the data, to look inside with; of music, as words.

    Raises:
        InputError: It cannot be read.
    """
    if isinstance(codec.tokeniser, Events):
        return "".join(map(codec.tokeniser.text, read_music(data).pieces))
    corpus = open_corpus(data, column=column)
    return "".join(p for pieces in corpus.part(0, _LOOKED_AT) for p in pieces)
