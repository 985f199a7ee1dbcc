"""What a network over steps has to beat: the majority, and logistic regression on each step."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatework.data.batches import LengthBatches
from gatework.data.conll import Sentence
from gatework.tasks.tag.baselines import RuleAnswers
from gatework.tasks.tag.steps import StepEncoder
from gatework.training import TrainSettings, train

_SETTINGS: Final = TrainSettings(max_steps=1_500, learning_rate=0.05, weight_decay=1e-4)
_BATCH: Final = 1_024


@final
@dataclass(frozen=True)
class StepRules:
    """Two rules for steps: always the most frequent tag; and multinomial logistic regression on the
    numbers of the step alone, as the network reads them.

    Saves as plain data.

    Args:
        encoder: What makes recordings ready.
        majority: The most frequent tag.
        weight: Of the regression, a row a tag.
        bias: Likewise, one a tag.
    """

    encoder: StepEncoder
    majority: str
    weight: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]

    @classmethod
    def learn(cls, recordings: Sequence[Sentence], encoder: StepEncoder) -> "StepRules":
        """Fit both to labelled recordings."""
        encoded = encoder.encode(recordings)
        values, tags = encoded.values.values, encoded.tags.values
        counts = Counter(tag for one in recordings for tag in one.tags or ())
        line = nn.Linear(values.shape[1], len(encoder.tags))
        nn.init.zeros_(line.weight)
        nn.init.zeros_(line.bias)
        ones = torch.ones(len(values), dtype=torch.int64)
        source = LengthBatches(ones, lambda index: (values[index], tags[index]), batch_size=_BATCH)
        train(line, source, _loss, settings=_SETTINGS)
        return cls(
            encoder,
            counts.most_common(1)[0][0],
            tuple(map(tuple, line.weight.tolist())),
            tuple(line.bias.tolist()),
        )

    def answers(self, recordings: Sequence[Sentence]) -> tuple[RuleAnswers, ...]:
        """Return what each rule says of recordings."""
        encoded = self.encoder.encode(recordings)
        scores = encoded.values.values @ torch.tensor(self.weight).T + torch.tensor(self.bias)
        said = [self.encoder.tags[number] for number in scores.argmax(-1).tolist()]
        ends = encoded.values.offsets.tolist()
        none = [None] * len(recordings)
        return (
            RuleAnswers("logistic", [said[a:b] for a, b in pairwise(ends)], none),
            RuleAnswers(
                "majority", [[self.majority] * len(one.tokens) for one in recordings], none
            ),
        )


def _loss(line: nn.Linear, batch: tuple[Tensor, Tensor]) -> Tensor:
    return functional.cross_entropy(line(batch[0]), batch[1])
