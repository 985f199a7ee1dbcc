"""What the training loop adds to each step of a tiny model, beside its loss and gradient.

    python benchmarks/training_overhead.py

Prints one JSON object; times are microseconds of processor time a step, which other programs on the
machine disturb little; medians of interleaved repeats. The loop is measured whole: learning rate,
clipping, AdamW, the guard, metrics, a run folder. What is taken off is a bare Python loop over the
same batches that only computes the loss and its gradient.
"""

import json
import platform
import statistics
import tempfile
from pathlib import Path
from time import process_time

import torch
from torch import Generator, Tensor, nn

from gatework.training import TrainSettings, train

STEPS = 1000
REPEATS = 7


class Numbers:
    """512 short sequences in memory, 16 a batch."""

    def __init__(self) -> None:
        self.x = torch.randn(512, 12, 1)

    def plan(self, generator: Generator) -> tuple[Tensor, ...]:
        """Return a shuffled epoch."""
        return torch.randperm(512, generator=generator).split(16)

    def load(self, index: Tensor) -> Tensor:
        """Return the sequences (16, 12, 1)."""
        return self.x[index]


class Tiny(nn.Module):
    """An LSTM of 8 units and a readout."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 8, batch_first=True)
        self.readout = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Predict the sum of each sequence, (16, 1)."""
        return self.readout(self.lstm(x)[0][:, -1])


def loss(model: nn.Module, batch: Tensor) -> Tensor:
    """Return the squared error."""
    return nn.functional.mse_loss(model(batch), batch.sum(1))


def bare_loop() -> float:
    """Return the time of forward and backward alone, in microseconds a step."""
    model, source, generator = Tiny(), Numbers(), Generator()
    began, taken = process_time(), 0
    while taken < STEPS:
        for index in source.plan(generator):
            model.zero_grad()
            loss(model, source.load(index)).backward()
            taken += 1
    return (process_time() - began) / taken * 1e6


def whole_loop() -> float:
    """Return the time of `train`, in microseconds a step."""
    settings = TrainSettings(max_steps=STEPS)
    with tempfile.TemporaryDirectory() as folder:
        began = process_time()
        train(Tiny(), Numbers(), loss, settings=settings, folder=Path(folder))
        return (process_time() - began) / STEPS * 1e6


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    whole_loop()
    whole, bare = zip(*((whole_loop(), bare_loop()) for _ in range(REPEATS)), strict=True)
    figures = {
        "overhead_us": statistics.median(w - b for w, b in zip(whole, bare, strict=True)),
        "whole_loop_us": statistics.median(whole),
        "forward_backward_us": statistics.median(bare),
    }
    facts = {"torch": torch.__version__, "machine": platform.machine(), "threads": 1}
    print(json.dumps({name: round(value, 1) for name, value in figures.items()} | facts))


if __name__ == "__main__":
    main()
