"""A fitted classifier: from sequences to probabilities, and to plain values and back."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, final

import msgspec
import numpy as np
import torch
from torch import Tensor

from gatework.data.batches import in_order_of_length
from gatework.data.labelled import Sequences
from gatework.data.labels import Classes
from gatework.errors import InputError
from gatework.models.classifier import ClassifierEnsemble, ClassifierShape, Inputs
from gatework.tasks.classify.baselines import Baseline
from gatework.tasks.classify.calibration import Calibration
from gatework.tasks.classify.encoding import Encoded, Encoder, TextEncoder
from gatework.tasks.classify.recordings import RecordingEncoder
from gatework.tasks.settings import Choice
from gatework.training import History

_VERSION: Final = 3  # of the values that `plain_of` returns; 2 had no slopes and squares
_BATCH: Final = 256  # sequences predicted at once
_MOST_STEPS: Final = 30_000  # steps predicted at once


class Answers(NamedTuple):
    """What is said of n sequences: probabilities (n, K) by method; Gatework's own first."""

    probabilities: Mapping[str, np.ndarray]
    predicted: Mapping[str, np.ndarray]


@final
@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted classifier.

    Args:
        encoder: Makes sequences ready.
        classes: What they can be.
        shape: What the weights' shapes follow from.
        model: The networks, in eval mode.
        calibration: How scores become probabilities and labels.
        baselines: The simple rules, fitted on the same part; the one that is mixed in is first.
        choices: What was chosen from the data, and why.
        history: How the training went; None for one that was loaded.
    """

    encoder: Encoder
    classes: Classes
    shape: ClassifierShape
    model: ClassifierEnsemble
    calibration: Calibration
    baselines: tuple[Baseline, ...]
    choices: tuple[Choice, ...] = ()
    history: History | None = None

    def probabilities(self, sequences: Sequences) -> np.ndarray:
        """Return (n, K) float64 probabilities of the classes.

        Raises:
            InputError: The sequences are not like those of the fit.
        """
        return self._probabilities(self.encoder.encode(sequences))

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Return (n,) classes, or of several at once (n, K) zeros and ones."""
        return self.calibration.decide(probabilities)

    def answers(self, sequences: Sequences) -> Answers:
        """Return what Gatework says, what its network says alone, and the baselines."""
        encoded = self.encoder.encode(sequences)
        network = network_scores(self.model, encoded)
        found = {"gatework": self._mixed(network, encoded)}
        if self.calibration.baseline:
            alone = self.calibration._replace(network=self.calibration.alone, baseline=0.0)
            found["network-alone"] = alone.probabilities(network, None)
        plain = Calibration(several=self.classes.several)
        for baseline in self.baselines:
            found[baseline.name] = plain.probabilities(baseline.scores(encoded.bag), None)
        ours = ("gatework", "network-alone")
        predicted = {
            name: (self.calibration if name in ours else plain).decide(p)
            for name, p in found.items()
        }
        return Answers(found, predicted)

    def _probabilities(self, encoded: Encoded) -> np.ndarray:
        return self._mixed(network_scores(self.model, encoded), encoded)

    def _mixed(self, network: Tensor, encoded: Encoded) -> np.ndarray:
        if not self.calibration.baseline:
            return self.calibration.probabilities(network, None)
        return self.calibration.probabilities(network, self.baselines[0].scores(encoded.bag))


def network_scores(
    network: Callable[[Inputs], Tensor], encoded: Encoded, index: Tensor | None = None
) -> Tensor:
    """Return (n, K) the scores of a network, or of several in the mean; it is in eval mode.

    Args:
        network: What answers.
        encoded: The sequences.
        index: Which of them, (n,); None is all.
    """
    lengths = encoded.steps.lengths
    wanted = torch.arange(len(lengths)) if index is None else index
    parts = []
    batches = in_order_of_length(lengths[wanted], batch_size=_BATCH, most_steps=_MOST_STEPS)
    with torch.inference_mode():
        parts = [network(inputs_of(encoded, wanted[batch])) for batch in batches]
    if not parts:
        return torch.zeros(0, 1)
    order = torch.cat(batches)
    found = torch.cat(parts)
    return found[order.argsort()].clone()


def inputs_of(encoded: Encoded, index: Tensor) -> Inputs:
    """Return the sequences at `index` (B,) as a network reads them."""
    box = encoded.steps.padded(index)
    return Inputs(box.values, box.lengths, encoded.statics[index])


def plain_of(fitted: Fitted) -> dict[str, Any]:
    """Return plain values from which `restore` rebuilds all but the tensors."""
    return {
        "version": _VERSION,
        "encoder": fitted.encoder.plain(),
        "classes": msgspec.to_builtins(fitted.classes),
        "shape": dataclasses.asdict(fitted.shape),
        "calibration": list(fitted.calibration),
        "baselines": [baseline.name for baseline in fitted.baselines],
        "choices": [choice._asdict() for choice in fitted.choices],
    }


def tensors_of(fitted: Fitted) -> dict[str, Tensor]:
    """Return the baselines and what the encoder keeps, for baselines.safetensors."""
    tensors = {f"encoder.{name}": each for name, each in fitted.encoder.tensors().items()}
    for baseline in fitted.baselines:
        tensors[f"{baseline.name}.weight"] = baseline.weight
        tensors[f"{baseline.name}.bias"] = baseline.bias
    return tensors


def restore(
    plain: Mapping[str, Any], weights: Mapping[str, Tensor], tensors: Mapping[str, Tensor]
) -> Fitted:
    """Rebuild a fitted classifier.

    Raises:
        InputError: The parts are of another version, or do not belong together.
    """
    if plain.get("version") != _VERSION:
        raise InputError(
            f"saved classifier is of version {plain.get('version')}; expected {_VERSION}: fit again"
        )
    try:
        own = {
            name.removeprefix("encoder."): tensor
            for name, tensor in tensors.items()
            if name.startswith("encoder.")
        }
        kind = RecordingEncoder if plain["encoder"]["kind"] == "recordings" else TextEncoder
        encoder = kind.restore(plain["encoder"], own)
        shape = ClassifierShape(**plain["shape"])
        model = ClassifierEnsemble(shape)
        model.load_state_dict(dict(weights))
        network, baseline, alone, several, thresholds = plain["calibration"]
        return Fitted(
            encoder,
            msgspec.convert(plain["classes"], Classes),
            shape,
            model.eval(),
            Calibration(network, baseline, alone, several, thresholds and tuple(thresholds)),
            tuple(
                Baseline(name, tensors[f"{name}.weight"], tensors[f"{name}.bias"])
                for name in plain["baselines"]
            ),
            tuple(Choice(**choice) for choice in plain["choices"]),
        )
    except (KeyError, TypeError, ValueError, RuntimeError, msgspec.ValidationError) as error:
        raise InputError(f"the saved classifier is damaged: {error}") from error
