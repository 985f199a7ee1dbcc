"""Train the primer's tiny models and write the data of its page.

    python -m gatework.inspector.primer.train [FILE]

writes the file that ships, some ten minutes on one core. Of each kind the seed that answers
best on validation tapes is kept; all seeds' scores are written beside it. The LSTMs pay a small
price for what they write, so that their memories are easy to read; those that pay none are scored
too.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gatework.files import atomic_write
from gatework.inspector.primer import task
from gatework.inspector.primer.tiny import HIDDEN_SIZE, KINDS, TinyModel, to_json
from gatework.layers import LSTM
from gatework.ops import scan

SEEDS = range(4)
STEPS = 2500
LEARNING_RATE = 0.02
SILENCE_WEIGHT = 0.2  # of a step that is not asked, in the loss
WRITING_PRICE = 0.05  # of the mean size of i g, in the loss
VALIDATION_GAPS = (100, 300)
TEST_GAPS = (10, 30, 100, 300)

FORGET_BIASES = (0.0, 1.0, 3.0)
BIAS_GAP = 20
BIAS_STEPS = 800
BIAS_EVERY = 50


def main(path: Path) -> None:
    """Train all and write `path`."""
    torch.set_num_threads(1)
    data = {
        "command": "python -m gatework.inspector.primer.train",
        "features": task.FEATURES,
        "answers": task.ANSWERS,
        "models": {kind: _best(kind) for kind in KINDS},
        "forget_bias": _forget_biases(),
    }
    with atomic_write(path) as beside:
        beside.write_text(json.dumps(data, ensure_ascii=False) + "\n", encoding="utf-8")


def train(kind: str, seed: int, *, price: float = 0.0, steps: int = STEPS) -> TinyModel:
    """One model: tapes of 8 steps first, then of 20, then of 20 and 80 by turns."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = TinyModel(kind)
    weights = list(model.parameters())
    optimizer = torch.optim.Adam(weights, betas=(0.9, 0.99))
    for number in range(steps):
        progress = number / steps
        rate = LEARNING_RATE * (1 - progress) ** 0.5 * min(1.0, number / 50)
        optimizer.param_groups[0]["lr"] = rate
        length, capitals = _lesson(progress, number)
        tapes = task.draw(length, 64, generator, capitals=capitals, asks=0.25)
        logits, written = _answer(model, tapes.inputs) if price else (model(tapes.inputs), 0.0)
        losses = cross_entropy(logits.flatten(0, 1), tapes.targets.flatten(), reduction="none")
        weight = torch.where(tapes.asked, 1.0, SILENCE_WEIGHT).flatten()
        loss = (losses * weight).sum() / weight.sum() + price * written
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
    with torch.no_grad():
        for weight in weights:
            weight.copy_(weight.double().mul(1e4).round().div(1e4))
    return model


def _answer(model: TinyModel, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The logits, and the mean size of what was written into the memory."""
    cell, (which,) = model.recurrent.cell, model.recurrent.passes
    result = scan(cell, model.recurrent.params(which), inputs, trace=True, backend="reference")
    assert result.trace is not None
    written = cell.roles(result.trace).write * result.trace[cell.candidate]
    return model.head(result.output), written.abs().mean()


def _lesson(progress: float, number: int) -> tuple[int, float]:
    """The steps of the next tapes and how likely a capital is."""
    if progress < 0.25:
        return 8, 0.25
    if progress < 0.6 or number % 2:
        return 20, 0.12
    return 80, 0.03


def _best(kind: str) -> dict[str, Any]:
    """The model of a kind that answers best on validation tapes, with what it does on the test."""
    price = WRITING_PRICE if kind == "lstm" else 0.0
    models = [train(kind, seed, price=price) for seed in SEEDS]
    scores = [_validate(model) for model in models]
    seed = max(SEEDS, key=lambda each: scores[each])
    model = models[seed]
    facts = {
        "seed": seed,
        "price": price,
        "validation_by_seed": scores,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "test": {str(gap): round(accuracy(model, gap, seed=2), 4) for gap in TEST_GAPS},
    }
    if price:
        free = [_validate(train(kind, each)) for each in SEEDS]
        facts["validation_without_price"] = free
    print(f"{kind}: {facts}", flush=True)
    return {**to_json(kind, model), "facts": facts}


def _validate(model: TinyModel) -> float:
    """The mean accuracy on tapes of two kinds that are neither trained nor tested on."""
    scores = [accuracy(model, gap, seed=1) for gap in VALIDATION_GAPS]
    return round(sum(scores) / len(scores), 4)


@torch.no_grad()
def accuracy(model: TinyModel, gap: int, *, seed: int) -> float:
    """The share of right answers on 500 tapes with a capital each `gap` steps or so."""
    generator = torch.Generator().manual_seed(seed)
    tapes = task.draw(3 * gap, 500, generator, capitals=1 / gap)
    right = model(tapes.inputs).argmax(-1) == tapes.targets
    return float(right[tapes.asked].float().mean())


def _forget_biases() -> dict[str, Any]:
    """Accuracy during training by the forget gate's first bias: one capital, then noise."""
    steps = range(BIAS_EVERY, BIAS_STEPS + 1, BIAS_EVERY)
    curves = {
        str(bias): [list(_learning_curve(bias, seed)) for seed in SEEDS] for bias in FORGET_BIASES
    }
    print(f"forget bias: {curves}", flush=True)
    return {"gap": BIAS_GAP, "steps": list(steps), "curves": curves}


def _learning_curve(forget_bias: float, seed: int) -> Iterator[float]:
    """Accuracy after each BIAS_EVERY updates of an LSTM that must recall the first step."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    lstm = LSTM(len(task.FEATURES), HIDDEN_SIZE, forget_bias=forget_bias)
    head = nn.Linear(HIDDEN_SIZE, len(task.LETTERS))
    weights = [*lstm.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(weights, lr=0.01)

    def answer(inputs: Tensor) -> Tensor:
        return head(lstm(inputs)[0][-1])

    for number in range(1, BIAS_STEPS + 1):
        inputs, letters = _first_letter(32, generator)
        loss = cross_entropy(answer(inputs), letters)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        if number % BIAS_EVERY == 0:
            with torch.no_grad():
                inputs, letters = _first_letter(512, torch.Generator().manual_seed(9))
                yield round(float((answer(inputs).argmax(-1) == letters).float().mean()), 3)


def _first_letter(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Tapes with a capital first, then noise, then `?`: inputs (T, B, 5) and the letters (B,)."""
    tapes = task.draw(BIAS_GAP, batch, generator, capitals=0.0, asks=0.0)
    letters = torch.randint(0, len(task.LETTERS), (batch,), generator=generator)
    tapes.inputs[0] = 0
    tapes.inputs[0, :, -2] = 1
    tapes.inputs[0].scatter_(1, letters.unsqueeze(1), 1)
    return tapes.inputs, letters


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("models.json"))
