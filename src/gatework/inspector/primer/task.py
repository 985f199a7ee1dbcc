"""The primer's task: small letters are noise, a capital is to be remembered, `?` asks for it.

At `?` the answer is the last capital, at every other step, and where there was none, silence. It
needs all three gates: one to write at a capital, one to keep across the noise and clear at the
next capital, one to speak at `?` only.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from gatework.errors import InputError

LETTERS = "abc"
ASK = "?"
SILENCE = "\N{EN DASH}"
FEATURES = (*LETTERS, "capital", ASK)
ANSWERS = (*LETTERS.upper(), SILENCE)


class Batch(NamedTuple):
    """Tapes as numbers.

    Attributes:
        inputs: (T, B, 5), the letter as one of three, whether it is a capital, whether it is `?`.
        targets: (T, B), the index in ANSWERS.
        asked: (T, B), whether the step is `?`.
    """

    inputs: Tensor
    targets: Tensor
    asked: Tensor


def encode(tape: str) -> Batch:
    """One tape, B = 1.

    Raises:
        InputError: it has a character that is no letter of the task.

    Example:
        >>> encode("Ba?").targets.flatten().tolist()
        [3, 3, 1]
    """
    rows, targets, held = [], [], ANSWERS.index(SILENCE)
    for place, symbol in enumerate(tape):
        letter = LETTERS.find(symbol.lower())
        if symbol != ASK and letter < 0:
            raise InputError(f"step {place} is {symbol!r}; expected a, b, c, A, B, C or ?.")
        row = [0.0] * len(FEATURES)
        if symbol == ASK:
            row[-1] = 1.0
        else:
            row[letter] = 1.0
            row[-2] = float(symbol.isupper())
            held = letter if symbol.isupper() else held
        rows.append(row)
        targets.append(held if symbol == ASK else ANSWERS.index(SILENCE))
    inputs = torch.tensor(rows).reshape(len(tape), 1, len(FEATURES))
    asked = inputs[..., -1].bool()
    return Batch(inputs, torch.tensor(targets, dtype=torch.long).unsqueeze(1), asked)


def draw(
    steps: int, batch: int, generator: torch.Generator, *, capitals: float, asks: float = 0.15
) -> Batch:
    """Random tapes that end with `?`.

    Args:
        steps: T.
        batch: B.
        generator: where chance comes from.
        capitals: the probability that a step is a capital: the gaps are about its inverse.
        asks: the probability that a step is `?`.

    Example:
        >>> draw(9, 2, torch.Generator(), capitals=0.2).inputs.shape
        torch.Size([9, 2, 5])
    """
    chance = torch.rand(steps, batch, generator=generator)
    letter = torch.randint(0, len(LETTERS), (steps, batch), generator=generator)
    capital, asked = chance < capitals, chance > 1 - asks
    capital[-1], asked[-1] = False, True
    inputs = torch.zeros(steps, batch, len(FEATURES))
    inputs[..., : len(LETTERS)] = torch.nn.functional.one_hot(letter, len(LETTERS))
    inputs[..., -2] = capital
    inputs[asked] = torch.eye(len(FEATURES))[-1]

    silence = len(LETTERS)
    held = torch.full((batch,), silence)
    targets = torch.full((steps, batch), silence)
    for t in range(steps):
        held = torch.where(capital[t], letter[t], held)
        targets[t] = torch.where(asked[t], held, targets[t])
    return Batch(inputs, targets, asked)
