"""Small tasks with a known answer, and models trained for them in seconds, each once a process."""

import functools
from typing import NamedTuple, final

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

import gatework
from gatework.inspector import Trace, label, recording

SYMBOLS = "BTPSXVE"
_REBER = {  # state -> (symbol, next state); state 5 ends with E
    0: (("T", 1), ("P", 2)),
    1: (("S", 1), ("X", 3)),
    2: (("T", 2), ("V", 4)),
    3: (("X", 2), ("S", 5)),
    4: (("P", 3), ("V", 5)),
}


class Sums(NamedTuple):
    """The adding problem (Hochreiter & Schmidhuber 1997, section 5.4), with values in [0, 1].

    Attributes:
        x: (T, B, 2) a random value and a mark, which is 1 at one step of each half, else 0.
        y: (B,) the sum of the two marked values.
        marked: (B, 2) the marked steps.
    """

    x: Tensor
    y: Tensor
    marked: Tensor


def adding(steps: int, batch: int, generator: Generator) -> Sums:
    """Draw sequences of the adding problem."""
    half = steps // 2
    first = torch.randint(0, half, (batch,), generator=generator)
    second = torch.randint(half, steps, (batch,), generator=generator)
    marked = torch.stack([first, second], dim=1)
    values = torch.rand(steps, batch, generator=generator)
    marks = functional.one_hot(marked, steps).sum(1).T.float()
    return Sums(torch.stack([values, marks], dim=-1), (values * marks).sum(0), marked)


@final
class Adder(nn.Module):
    """A recurrent layer, `rnn`, and a linear `head` on its last output: (T, B, 2) to (B,)."""

    def __init__(self, rnn: nn.Module, hidden_size: int) -> None:
        super().__init__()
        self.rnn = rnn
        self.head = nn.Linear(hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        output, _ = self.rnn(x)
        return self.head(output[-1]).squeeze(-1)


@torch.enable_grad()
def train_adder(model: Adder, *, steps: int, updates: int, seed: int = 0) -> float:
    """Train with Adam on fresh batches; return the mean squared error of the last 50."""
    generator = Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(updates):
        drawn = adding(steps, 64, generator)
        loss = functional.mse_loss(model(drawn.x), drawn.y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return sum(losses[-50:]) / len(losses[-50:])


@functools.cache
def trained_adder(kind: str = "LSTM", steps: int = 50, updates: int = 1200) -> Adder:
    """An adder of 16 units of `kind`, "LSTM", "GRU" or "RNN"; never change it, it is shared.

    A few seconds on one core. Answering 1 every time has an error of 0.167: there the RNN stays;
    the LSTM and the GRU end below 0.001.
    """
    torch.manual_seed(0)
    layer = {
        "LSTM": lambda: gatework.LSTM(2, 16, forget_bias=1.0),
        "GRU": lambda: gatework.GRU(2, 16),
        "RNN": lambda: gatework.RNN(2, 16, init="orthogonal"),
    }[kind]()
    model = Adder(layer, 16)
    train_adder(model, steps=steps, updates=updates)
    return model


def reber_string(generator: Generator) -> str:
    """An embedded Reber string (Hochreiter & Schmidhuber 1997, section 5.1).

    B, then T or P, then a Reber string from B to E, then the same T or P, then E.
    """

    def toss() -> int:
        return int(torch.randint(0, 2, (), generator=generator))

    first = "TP"[toss()]
    inner, state = "B", 0
    while state != 5:
        symbol, state = _REBER[state][toss()]
        inner += symbol
    return f"B{first}{inner}E{first}E"


def reber_strings(count: int, seed: int) -> list[str]:
    """Draw `count` of them."""
    generator = Generator().manual_seed(seed)
    return [reber_string(generator) for _ in range(count)]


class ReberBatch(NamedTuple):
    """Strings as numbers: x (T, B, 7) one-hot symbols, y (T, B) the next ones, -100 past the end.

    A string of n symbols has n - 1 steps: the last symbol is only ever predicted.
    """

    x: Tensor
    y: Tensor
    lengths: Tensor


def encode(strings: list[str]) -> ReberBatch:
    """One-hot inputs and next symbols."""
    codes = [torch.tensor([SYMBOLS.index(symbol) for symbol in string]) for string in strings]
    x = nn.utils.rnn.pad_sequence([functional.one_hot(code[:-1], 7).float() for code in codes])
    y = nn.utils.rnn.pad_sequence([code[1:] for code in codes], padding_value=-100)
    return ReberBatch(x, y, torch.tensor([len(code) - 1 for code in codes]))


@final
class ReberModel(nn.Module):
    """Predicts the next symbol: x (T, B, 7) and lengths to logits (T, B, 7)."""

    def __init__(self, rnn: gatework.LSTM, hidden_size: int) -> None:
        super().__init__()
        self.rnn = rnn
        self.head = nn.Linear(hidden_size, 7)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        output, _ = self.rnn(x, lengths=lengths)
        return self.head(output)


@functools.cache
@torch.enable_grad()
def trained_reber(updates: int = 1500) -> ReberModel:
    """An LSTM of 12 units that has learnt embedded Reber strings, in a few seconds on one core.

    Never change it, it is shared.
    """
    torch.manual_seed(0)
    model = ReberModel(gatework.LSTM(7, 12, forget_bias=1.0), 12)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    generator = Generator().manual_seed(0)
    for _ in range(updates):
        batch = encode([reber_string(generator) for _ in range(32)])
        loss = reber_loss(model, batch).sum() / batch.lengths.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def reber_loss(model: ReberModel, batch: ReberBatch) -> Tensor:
    """The cross-entropy of each next symbol, (T, B), in nats; zero past the end."""
    logits = model(batch.x, batch.lengths).transpose(1, 2)
    return functional.cross_entropy(logits, batch.y, reduction="none", ignore_index=-100)


def second_last_accuracy(model: ReberModel, strings: list[str]) -> float:
    """How often the T or P that repeats the first one is the likelier of the two: the long lag."""
    batch = encode(strings)
    with torch.no_grad():
        logits = model(batch.x, batch.lengths)
    asked = logits[batch.lengths - 2, torch.arange(len(strings))]  # after the inner string's E
    likelier_is_t = asked[:, SYMBOLS.index("T")] > asked[:, SYMBOLS.index("P")]
    is_t = torch.tensor([string[1] == "T" for string in strings])
    return float((likelier_is_t == is_t).float().mean())


def reber_trace(model: ReberModel, strings: list[str]) -> Trace:
    """The trace of `strings`, each step with its symbol and its loss."""
    batch = encode(strings)
    with recording(model) as recorder:
        model(batch.x, batch.lengths)
    with torch.no_grad():
        loss = reber_loss(model, batch)
    steps = [string[:-1] for string in strings]
    return label(recorder.trace(sequences=strings), steps=steps, loss=loss)
