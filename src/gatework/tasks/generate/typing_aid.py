"""What completions are worth to somebody who types: words foretold, keystrokes saved, time taken.

A text is typed word by word. Before each letter the offers are looked at; the word is taken with
one keystroke as soon as it is among them and that saves at least one. Every other character is a
keystroke of its own.
"""

import re
import time
from typing import Final, NamedTuple

import numpy as np

from gatework.tasks.generate.completing import Completer

OFFERS: Final = 3
_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_MOST_WORDS: Final = 200  # the last of a text
_BEFORE: Final = 300  # characters before them that are read too


class Typed(NamedTuple):
    """How a text was typed.

    Attributes:
        words: How many there were.
        foretold: Part of them that were among the offers before their first letter.
        saved: 1 - keystrokes / characters.
        median: Seconds until the offers were there, half of the time.
        slow: Seconds, 95 % of the time.
    """

    words: int
    foretold: float
    saved: float
    median: float
    slow: float


def type_out(completer: Completer, text: str, *, offers: int = OFFERS) -> Typed | None:
    """Type the last words of a text; None where it has no word.

    Args:
        completer: Whose offers.
        text: What is typed.
        offers: How many are shown at a time.
    """
    words = list(_WORD.finditer(text))[-_MOST_WORDS:]
    if not words:
        return None
    start, end = words[0].start(), words[-1].end()
    begin, times = max(0, start - _BEFORE), []
    foretold, keystrokes = 0, end - start
    for word in words:
        for letters in range(len(word[0]) - 1):
            began = time.perf_counter()
            found = completer.complete(text[begin : word.start() + letters], count=offers)
            times.append(time.perf_counter() - began)
            if word[0] in [each.word for each in found]:
                foretold += letters == 0
                keystrokes -= len(word[0]) - letters - 1
                break
    if not times:
        return None
    return Typed(
        len(words),
        foretold / len(words),
        1 - keystrokes / (end - start),
        float(np.median(times)),
        float(np.percentile(times, 95)),
    )
