"""A trained model of frames without the trappings of a task: what it tells, and its way to disk."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, final

import msgspec
import torch
from torch import Tensor

from gatework.errors import InputError
from gatework.models.frames import FrameNetwork, FrameShape
from gatework.tasks.frames.baselines import Baselines
from gatework.tasks.frames.sequences import FrameSchema
from gatework.tasks.settings import Choice
from gatework.training import History
from gatework.training.weights import load_tensors, model_tensors

_VERSION = 1


@final
@dataclass(frozen=True, eq=False)
class Fitted:
    """A network, what its numbers are, and the rules beside it.

    Args:
        schema: Of the frames.
        network: In evaluation.
        baselines: Learnt from the same part.
        choices: What was chosen from the data.
        history: The training; None for a loaded model.
    """

    schema: FrameSchema
    network: FrameNetwork
    baselines: Baselines
    choices: tuple[Choice, ...]
    history: History | None = None

    @property
    def config(self) -> dict[str, Any]:
        """Plain values from which `from_saved` rebuilds all but tensors."""
        return {
            "version": _VERSION,
            "schema": asdict(self.schema),
            "shape": asdict(self.network.shape),
            "choices": [choice._asdict() for choice in self.choices],
        }

    @property
    def state(self) -> dict[str, Tensor]:
        """The weights by name."""
        return model_tensors(self.network)

    @classmethod
    def from_saved(
        cls, config: Mapping[str, Any], state: dict[str, Tensor], rules: Mapping[str, Tensor]
    ) -> "Fitted":
        """Rebuild from `config`, `state` and the tensors of the baselines.

        Raises:
            InputError: They are of another version, or do not belong together.
        """
        if config.get("version") != _VERSION:
            raise InputError(
                f"saved model of frames is of version {config.get('version')}; expected {_VERSION}"
            )
        try:
            schema = msgspec.convert(config["schema"], FrameSchema)
            shape = msgspec.convert(config["shape"], FrameShape)
            choices = tuple(Choice(**choice) for choice in config["choices"])
        except (KeyError, TypeError, msgspec.ValidationError) as error:
            raise InputError(f"the saved model of frames is damaged: {error}") from error
        with torch.random.fork_rng():
            network = FrameNetwork(shape)
        load_tensors(network, state, "the saved model of frames")
        return cls(schema, network.eval(), Baselines.of(rules, shape.frame_size), choices)
