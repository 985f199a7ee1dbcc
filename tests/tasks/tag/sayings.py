"""Sentences of a small grammar: cities after `from` and `to`, names before verbs; two intents."""

import random

from gatework.data.conll import Sentence

CITIES = ("Rome", "New York", "Lima", "Bonn", "San Jose", "Oslo")
NAMES = ("Ann", "Bob Ray", "Eve")


def sayings(count: int, seed: int = 0) -> list[Sentence]:
    """Draw sentences with BIO tags and a label."""
    drawn = random.Random(seed)
    made = []
    for row in range(count):
        tokens: list[str] = []
        tags: list[str] = []

        def put(text: str, kind: str | None = None, into=(tokens, tags)) -> None:
            for place, word in enumerate(text.split()):
                into[0].append(word)
                into[1].append("O" if kind is None else f"{'I' if place else 'B'}-{kind}")

        asks = drawn.random() < 0.5
        if asks:
            put("can")
        put(drawn.choice(NAMES), "PER")
        put("fly" if asks else "flies")
        for way in drawn.sample(("from", "to"), drawn.randint(1, 2)):
            put(way)
            put(drawn.choice(CITIES), way.upper())
        put("?" if asks else ".")
        made.append(Sentence(tuple(tokens), tuple(tags), "ask" if asks else "tell", row))
    return made


def parts(sentences: list[Sentence]) -> tuple[list, list, list]:
    """Split sentences into lists of words, tags and labels, as `fit` takes them."""
    return (
        [list(s.tokens) for s in sentences],
        [list(s.tags or ()) for s in sentences],
        [s.label for s in sentences],
    )
