"""The parts of a fit's text: what is learnt from, what chooses, and what is judged once."""

from typing import Any, Final, NamedTuple

import numpy as np
import torch

from gatework.data.music.transposing import Keys, TransposedWindows, in_all_keys
from gatework.data.stream import StreamWindows, TokenStream, encode
from gatework.data.stream_codec import Codec
from gatework.data.stream_corpus import Corpus, open_corpus
from gatework.errors import InputError
from gatework.models.ngrams import MOST_COUNTED
from gatework.tasks.generate.settings import GenerateSettings
from gatework.tasks.settings import Choice

_STRETCH: Final = 1 << 20  # tokens looked at at once
_SHOWN: Final = 10  # characters that a note lists
_AS_IT_IS: Final = Keys(0, 0)


class Parts(NamedTuple):
    """Text as numbers, in three parts.

    Attributes:
        codec: The numbers, known from the training part alone.
        train: What weights are learnt from.
        validation: What chooses the best weights and the order of the n-grams.
        test: What is judged, once; None where nothing was held out, and validation is judged.
        judged_name: What the judged part is called.
        documents: How many texts the data has.
        digest: SHA-256 of all of it.
        notes: What a reader must know.
        keys: Of music, how far a piece is moved in training.
        chosen: What was chosen by the data, besides.
    """

    codec: Codec
    train: TokenStream
    validation: TokenStream
    test: TokenStream | None
    judged_name: str
    documents: int
    digest: str
    notes: tuple[str, ...]
    keys: Keys = _AS_IT_IS
    chosen: tuple[Choice, ...] = ()

    def windows(self, *, batch_size: int, window: int) -> StreamWindows | TransposedWindows:
        """Return the training part as batches."""
        if self.keys == _AS_IT_IS:
            return StreamWindows(self.train.ids, batch_size=batch_size, window=window)
        return TransposedWindows(self.train.ids, self.keys, batch_size=batch_size, window=window)

    def counted(self, ids: np.ndarray) -> np.ndarray:
        """Return what n-grams count of (N,) tokens: of music, the pieces in all keys."""
        if self.keys == _AS_IT_IS:
            return ids
        return in_all_keys(torch.from_numpy(ids), self.keys, most=MOST_COUNTED).numpy()

    @property
    def judged(self) -> TokenStream:
        """The part that is scored."""
        return self.validation if self.test is None else self.test


def gather(
    data: Any,
    validation: Any,
    test: Any,
    settings: GenerateSettings,
    column: str | None = None,
) -> Parts:
    """Read the data, and cut it in the order in which it stands.

    Args:
        data: What `open_corpus` takes.
        validation: Likewise, or None: the last `validation_share` of what is left.
        test: Likewise, or None: the last `test_share` of the data.
        settings: The shares and the tokens, with none of them left open.
        column: Of tables, which has the texts; None is found.

    Raises:
        InputError: There is too little text, or it cannot be read; the file is named.
    """
    if settings.tokens is None or settings.tokens == "events":
        raise ValueError(f"tokens are {settings.tokens}; expected a kind of text")
    raw = settings.tokens == "bytes"
    corpus = open_corpus(data, raw=raw, column=column)
    others = [
        None if each is None else open_corpus(each, raw=raw, column=column)
        for each in (validation, test)
    ]
    stop = corpus.size
    held = round(stop * settings.test_share) if test is None else 0
    cut = stop - held
    chosen_by = round(cut * settings.validation_share) if validation is None else 0
    train = cut - chosen_by
    _check(corpus, train, [chosen_by or 2, held or 2], settings)

    codec = Codec.learn(settings.tokens, corpus.part(0, train), size=settings.vocabulary_size)
    streams = [encode(corpus.part(0, train), codec)]
    for other, start, end in zip(others, (train, cut), (cut, stop), strict=True):
        whole = corpus.part(start, end) if other is None else other.part(0, other.size)
        streams.append(encode(whole, codec))
    judged = streams[2] if test is not None or held else None
    for name, stream in zip(("training", "validation", "test"), streams, strict=True):
        if len(stream.ids) < 2 and (name != "test" or judged is not None):
            raise InputError(f"{corpus.name}: the {name} part has no tokens; give more text")
    if test is not None:
        name = "test"
    elif held:
        name = f"last {settings.test_share:.0%}"
    else:
        name = "validation"
    return Parts(
        codec,
        streams[0],
        streams[1],
        judged,
        name,
        corpus.documents,
        "+".join([corpus.digest, *(other.digest if other else "" for other in others)]),
        tuple(_notes(corpus, codec, streams, settings, held=held, chosen_by=chosen_by)),
    )


def unit_of(codec: Codec) -> str:
    """Return what a loss is counted by: the character, the byte, or the event of music."""
    return {"bytes": "byte", "events": "event"}.get(codec.kind, "character")


def _check(corpus: Corpus, train: int, held: list[int], settings: GenerateSettings) -> None:
    """Refuse a text that nothing can be learnt from, before any work is done."""
    signs: set[str] = set()
    for pieces in corpus.part(0, corpus.size):
        for piece in pieces:
            signs.update(piece)
        if len(signs) > 1:
            break
    if len(signs) == 1:
        raise InputError(
            f"{corpus.name} holds nothing but the character {signs.pop()!r}: there is nothing to "
            "learn"
        )
    if train <= settings.window or min(held) < 2:
        raise InputError(
            f"{corpus.name} has {corpus.size:,} characters, of which {train:,} are to learn from: "
            f"less than one window of {settings.window}, or a part without text. Give more text, "
            "or a shorter window"
        )


def _notes(
    corpus: Corpus,
    codec: Codec,
    streams: list[TokenStream],
    settings: GenerateSettings,
    *,
    held: int,
    chosen_by: int,
) -> list[str]:
    notes = []
    cuts = []
    if held:
        cuts.append(f"the last {settings.test_share:.0%} is judged, once")
    if chosen_by:
        cuts.append(
            f"the last {settings.validation_share:.0%} of what is before it chooses the weights"
            if held
            else f"the last {settings.validation_share:.0%} chooses the weights"
        )
    if cuts:
        notes.append(f"split in order: {', '.join(cuts)}")
    train, *rest = streams
    seen = _numbers_in(train, len(codec))
    for name, stream in zip(("validation", "test"), rest, strict=True):
        if len(stream.ids) < 2:
            continue
        if stream.unknown:
            notes.append(
                f"{stream.unknown:,} characters of the {name} part are not in the training part: "
                "they count as unknown"
            )
        if codec.kind == "characters":
            missing = sorted(seen - _numbers_in(stream, len(codec)) - {0})
            if missing:
                shown = " ".join(repr(codec.pieces[number]) for number in missing[:_SHOWN])
                more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
                notes.append(f"characters that the {name} part has not: {shown}{more}")
    return notes


def _numbers_in(stream: TokenStream, size: int) -> set[int]:
    """Which numbers occur in a stream, which may be larger than the memory."""
    occurs = np.zeros(size, bool)
    for part in stream.ids.split(_STRETCH):
        occurs[part.numpy()] = True
    return set(np.flatnonzero(occurs).tolist())
