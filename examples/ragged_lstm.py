"""A drop-in LSTM on a ragged batch: which of two symbols did each sequence begin with?

Run it with `python examples/ragged_lstm.py`. The answer has to be carried to the end of sequences
of 5 to 20 steps, so the accuracy shows that the final states are those of the last real steps.
"""

import torch

import gatework


class FirstSymbol(torch.nn.Module):
    """Reads (T, B, 2) with lengths (B,), answers one logit a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = gatework.LSTM(2, 16)
        self.head = torch.nn.Linear(16, 1)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return logits, (B,)."""
        _, (h, _) = self.lstm(x, lengths=lengths)
        return self.head(h[-1]).squeeze(-1)


def make_batch(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return noise whose first step holds the answer, the lengths, and the answers."""
    lengths = torch.randint(5, 21, (64,), generator=generator)
    answers = torch.randint(0, 2, (64,), generator=generator).float()
    x = torch.rand(20, 64, 2, generator=generator) - 0.5
    x[0, :, 1] = 4 * answers - 2
    return x, lengths, answers


def main() -> None:
    """Train for 80 steps and print the accuracy on fresh sequences."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = FirstSymbol()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(80):
        x, lengths, answers = make_batch(generator)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x, lengths), answers)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    x, lengths, answers = make_batch(generator)
    with torch.no_grad():
        accuracy = ((model(x, lengths) > 0) == answers.bool()).float().mean()
    print(f"accuracy {accuracy:.0%}")
    print(gatework.explain(model.lstm, x, lengths=lengths))


if __name__ == "__main__":
    main()
