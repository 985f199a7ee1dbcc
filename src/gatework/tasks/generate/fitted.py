"""A trained language model without the trappings of a task: what it predicts, and its way to
disk."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, final

import msgspec
import numpy as np
import torch
from torch import Tensor

from gatework.data.stream_codec import BORDER, Codec
from gatework.data.text import UNKNOWN
from gatework.errors import InputError
from gatework.models.counted import CountedChances
from gatework.models.language import LanguageNetwork, LanguageShape
from gatework.models.ngrams import NGrams
from gatework.tasks.settings import Choice
from gatework.training import History
from gatework.training.weights import load_tensors, model_tensors

_KNOWN_FROM: Final = 10  # documents
_VERSION: Final = 2


@final
@dataclass(frozen=True, eq=False)
class Fitted:
    """A network, the numbers it reads, and the n-grams beside it.

    Args:
        codec: Text to numbers and back.
        network: In evaluation.
        ngrams: Of the same text.
        order: Of the n-grams that did best on validation: the baseline's.
        documents: How many texts it learnt from.
        choices: What was chosen from the data.
        history: The training; None for a loaded model.
    """

    codec: Codec
    network: LanguageNetwork
    ngrams: NGrams
    order: int
    documents: int
    choices: tuple[Choice, ...]
    history: History | None = None

    @property
    def ends(self) -> bool:
        """Whether it saw enough documents to know where one begins and ends."""
        return self.documents >= _KNOWN_FROM

    @property
    def barred(self) -> tuple[int, ...]:
        """Tokens that it does not write: what is unknown, and ends that it does not know."""
        return (UNKNOWN,) if self.ends else (UNKNOWN, BORDER)

    def primer(self, prompt: str) -> np.ndarray:
        """Return (N,) int64 what is read before anything is written: a beginning and the prompt.

        The beginning is a border or, for a model that knows none, the end of a line.
        """
        line = self.codec.encode("\n")
        is_none = not len(line) or (line == UNKNOWN).any()
        begins = np.array([BORDER]) if self.ends or is_none else line
        return np.concatenate([begins, self.codec.encode(prompt)])

    def replica(self) -> LanguageNetwork:
        """Return a network with the same weights, in evaluation, to be changed."""
        with torch.random.fork_rng():
            network = LanguageNetwork(self.network.shape, counted=self.network.counted)
        network.load_state_dict(self.network.state_dict())
        return network.eval()

    @property
    def config(self) -> dict[str, Any]:
        """Plain values from which `from_saved` rebuilds all but tensors."""
        return {
            "version": _VERSION,
            "order": self.order,
            "codec": self.codec.plain(),
            "shape": asdict(self.network.shape),
            "documents": self.documents,
            "choices": [choice._asdict() for choice in self.choices],
        }

    @property
    def state(self) -> dict[str, Tensor]:
        """The weights by name."""
        return model_tensors(self.network)

    @classmethod
    def from_saved(
        cls, config: Mapping[str, Any], state: dict[str, Tensor], ngrams: Mapping[str, Tensor]
    ) -> "Fitted":
        """Rebuild from `config`, `state` and the tensors of the n-grams.

        Raises:
            InputError: They are of another version, or do not belong together.
        """
        if config.get("version") != _VERSION:
            raise InputError(
                f"saved language model is of version {config.get('version')}; expected {_VERSION}"
            )
        try:
            codec = Codec.of(config["codec"])
            shape = msgspec.convert(config["shape"], LanguageShape)
            order, documents = int(config["order"]), int(config["documents"])
            choices = tuple(Choice(**choice) for choice in config["choices"])
        except (KeyError, TypeError, msgspec.ValidationError) as error:
            raise InputError(f"the saved language model is damaged: {error}") from error
        counted = NGrams.of(ngrams, len(codec))
        with torch.random.fork_rng():
            network = LanguageNetwork(shape, counted=chances_of(counted, shape))
        load_tensors(network, state, "the saved language model")
        return cls(codec, network.eval(), counted, order, documents, choices)


def chances_of(ngrams: NGrams, shape: LanguageShape) -> CountedChances | None:
    """Return what n-grams say, where a network of this shape corrects it."""
    return CountedChances(ngrams.shortened(shape.counted)) if shape.counted else None
