"""Small things to train: a line to fit, and a recurrent network with dropout."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn


class Pair(NamedTuple):
    """Inputs (B, ...) and targets (B, 1)."""

    x: Tensor
    y: Tensor


class Line:
    """64 points of y = 2 x1 - x2, in 4 batches an epoch."""

    def __init__(self, batch_size: int = 16) -> None:
        self.batch_size = batch_size
        self.x = torch.randn(64, 2, generator=Generator().manual_seed(1))
        self.y = self.x @ torch.tensor([[2.0], [-1.0]])

    def plan(self, generator: Generator) -> tuple[Tensor, ...]:
        return torch.randperm(64, generator=generator).split(self.batch_size)

    def load(self, index: Tensor) -> Pair:
        return Pair(self.x[index], self.y[index])


class Sums:
    """30 noisy sequences (10 steps) and their sums, in batches of 8, 8, 8 and 6."""

    def __init__(self) -> None:
        self.x = torch.randn(30, 10, 1, generator=Generator().manual_seed(2))

    def plan(self, generator: Generator) -> tuple[Tensor, ...]:
        return torch.randperm(30, generator=generator).split(8)

    def load(self, index: Tensor) -> Pair:
        x = self.x[index]
        return Pair(x + 0.1 * torch.randn_like(x), x.sum(1))


class Recurrent(nn.Module):
    """LSTM, dropout, and a readout, with one parameter tied to another."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 8, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.readout = nn.Linear(8, 1)
        self.again = nn.Linear(8, 1)
        self.again.weight = self.readout.weight

    def forward(self, x: Tensor) -> Tensor:
        last = self.dropout(self.lstm(x)[0][:, -1])
        return self.readout(last) + self.again(last)


def squared_error(model: nn.Module, batch: Pair) -> Tensor:
    return nn.functional.mse_loss(model(batch.x), batch.y)


def line_model() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(2, 1)


def recurrent_model() -> Recurrent:
    torch.manual_seed(0)
    return Recurrent()


class Score:
    """Scores a model on all of a source: a `validate`. Draws random numbers, to no effect."""

    def __init__(self, source: Line | Sums) -> None:
        self.source = source

    def __call__(self, model: nn.Module) -> float:
        torch.rand(3)
        with torch.no_grad():
            everything = torch.arange(len(self.source.x))
            return squared_error(model, Pair(self.source.x[everything], self.target())).item()

    def target(self) -> Tensor:
        return self.source.y if isinstance(self.source, Line) else self.source.x.sum(1)
