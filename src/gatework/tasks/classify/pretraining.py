"""Language-model pre-training: before it learns labels, the network learns to guess tokens.

At each step the half of the LSTM that reads forwards guesses the next token and the half that reads
backwards the one before, as in Dai & Le 2015 (arXiv:1511.01432) and Peters et al. 2018 (ELMo,
arXiv:1802.05365); the output vectors are the word vectors (Press & Wolf 2017, arXiv:1608.05859).
"""

from pathlib import Path
from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatework.data.batches import LengthBatches
from gatework.data.labelled import Sequences, Texts
from gatework.errors import InputError
from gatework.models.classifier import ClassifierEnsemble, Inputs, SequenceClassifier
from gatework.tasks.classify.encoding import Encoder, TextEncoder
from gatework.tasks.classify.fitted import inputs_of
from gatework.tasks.classify.settings import ClassifySettings
from gatework.tasks.settings import Choice
from gatework.training import Progress, TrainSettings, train

_BATCH: Final = 64
_MOST_STEPS: Final = 4_000  # steps trained on at once: each has a score for every token


@final
class LanguageModel(nn.Module):
    """The embedding and the LSTM of a classifier, guessing the tokens before and after each step.

    Args:
        network: Whose layers are trained.
    """

    def __init__(self, network: SequenceClassifier) -> None:
        super().__init__()
        shape = network.shape
        self.network = network
        self.ways = 2 if shape.bidirectional else 1
        self.out = nn.ModuleList(
            nn.Linear(shape.hidden_size, shape.embedding_size) for _ in range(self.ways)
        )
        self.bias = nn.Parameter(torch.zeros(shape.vocabulary))

    def forward(self, inputs: Inputs) -> Tensor:
        """Return the mean loss of all guesses, in nats; 0 if no text has two tokens."""
        output, _ = self.network.lstm(self.network.front(inputs), lengths=inputs.lengths)
        both = inputs.lengths - 1 > torch.arange(len(output) - 1)[:, None]
        tokens = inputs.steps
        losses = []
        for way, (out, half) in enumerate(zip(self.out, output.chunk(self.ways, 2), strict=True)):
            seen, wanted = (half[:-1], tokens[1:]) if way == 0 else (half[1:], tokens[:-1])
            guess = functional.linear(out(seen[both]), self.network.embedding.weight, self.bias)
            losses.append(functional.cross_entropy(guess, wanted[both], reduction="sum"))
        return torch.stack(losses).sum() / max(1, self.ways * int(both.sum()))


def pretrain(
    model: ClassifierEnsemble,
    encoder: Encoder,
    texts: list[Sequences],
    settings: ClassifySettings,
    learning_rate: float,
    *,
    folder: Path | None,
    progress: Progress | None,
) -> Choice:
    """Train the first network as a language model, and give the others the same start.

    Args:
        model: The networks.
        encoder: Makes texts ready.
        texts: What to learn from; labels are not looked at.
        settings: `pretrain` says for how many epochs.
        learning_rate: Peak of the learning rate.
        folder: Where the training keeps what resuming needs.
        progress: Where to show how far it is.

    Raises:
        InputError: The data is no text, or the network would see what it has to guess.
    """
    if not isinstance(encoder, TextEncoder):
        raise InputError("pretrain learns the language of texts; this data is none")
    if settings.bidirectional and settings.num_layers > 1:
        raise InputError(
            "pretrain needs num_layers 1 or no-bidirectional: the second layer of both directions "
            "would see the tokens it has to guess"
        )
    parts = [part.texts for part in texts if isinstance(part, Texts)]
    encoded = encoder.encode(Texts([text for part in parts for text in part]))

    def load(index: Tensor) -> Inputs:
        return inputs_of(encoded, index)

    source = LengthBatches(encoded.steps.lengths, load, batch_size=_BATCH, most_steps=_MOST_STEPS)
    first = model.members[0]
    assert isinstance(first, SequenceClassifier)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        language = LanguageModel(first)
    history = train(
        language,
        source,
        lambda network, inputs: network(inputs),
        settings=TrainSettings(
            epochs=settings.pretrain,
            learning_rate=learning_rate,
            weight_decay=settings.weight_decay,
            schedule="one_cycle",
            warmup=0.1,
            seed=settings.seed,
        ),
        folder=None if folder is None else folder.with_name(f"{folder.name}-language"),
        progress=progress,
        title="pre-training",
    )
    for member in list(model.members)[1:]:
        for name in ("embedding", "lstm"):
            member.get_submodule(name).load_state_dict(first.get_submodule(name).state_dict())
    loss = history.records[-1].loss if history.records else float("nan")
    reason = f"on {len(encoded.steps):,} texts, to {loss:.2f} nats a token"
    return Choice("pretrain", settings.pretrain, reason)
