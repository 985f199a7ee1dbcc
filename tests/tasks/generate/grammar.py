"""A small language that has to be remembered to be foretold: who is named first is named again."""

import random
from typing import Any, Final

from gatework.tasks.generate import LanguageModel

SMALL: Final[dict[str, Any]] = {
    "hidden_size": 64,
    "embedding_size": 16,
    "epochs": 8,
    "window": 40,
    "batch_size": 8,
    "dropout": 0.0,
    "weight_decay": 0.01,
    "learning_rate": 1e-2,
}


def small(**changes: Any) -> LanguageModel:
    return LanguageModel(**(SMALL | changes))


def lines(count: int, *, seed: int = 0) -> str:
    draw = random.Random(seed)
    names, verbs = ("Anna", "Ben", "Carla"), ("sees", "likes", "paints")
    return "".join(
        f"{name} {draw.choice(verbs)} {name} at the sea.\n"
        for name in (draw.choice(names) for _ in range(count))
    )
