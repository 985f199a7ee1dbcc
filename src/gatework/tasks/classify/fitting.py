"""From labelled sequences to a fitted classifier, and from that to probabilities."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, final

import msgspec
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gatework.data.batches import LengthBatches, in_order_of_length
from gatework.data.labelled import Sequences, Texts
from gatework.data.labels import Classes
from gatework.errors import InputError
from gatework.models.classifier import ClassifierEnsemble, ClassifierShape, Inputs
from gatework.tasks.classify import baselines, splits
from gatework.tasks.classify.bags import PresenceBag
from gatework.tasks.classify.baselines import Baseline
from gatework.tasks.classify.calibration import Calibration, f1_threshold, fit_factors
from gatework.tasks.classify.choices import FEW, choose_effort, choose_shape
from gatework.tasks.classify.encoding import Encoded, Encoder, TextEncoder
from gatework.tasks.classify.settings import ClassifySettings
from gatework.tasks.settings import Choice
from gatework.tasks.threads import one_thread
from gatework.training import History, Progress, TrainSettings, train

_BATCH: Final = 256  # sequences predicted at once
_MOST_STEPS: Final = 30_000  # steps predicted at once
_TRAIN_STEPS: Final = 20_000  # steps trained on at once
_RARE: Final = 0.2


class Answers(NamedTuple):
    """What is said of n sequences: probabilities (n, K) by method; Gatework's own first."""

    probabilities: Mapping[str, np.ndarray]
    predicted: Mapping[str, np.ndarray]


class _Batch(NamedTuple):
    inputs: Inputs
    targets: Tensor


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


def network_scores(model: ClassifierEnsemble, encoded: Encoded) -> Tensor:
    """Return (n, K) the networks' mean scores; the model has to be in eval mode."""
    lengths = encoded.steps.lengths
    out = torch.empty(len(lengths), model.shape.classes)
    with torch.inference_mode():
        for index in in_order_of_length(lengths, batch_size=_BATCH, most_steps=_MOST_STEPS):
            out[index] = model(inputs_of(encoded, index))
    return out


def inputs_of(encoded: Encoded, index: Tensor) -> Inputs:
    """Return the sequences at `index` (B,) as a network reads them."""
    box = encoded.steps.padded(index)
    return Inputs(box.values, box.lengths, encoded.statics[index])


def fit_classifier(
    sequences: Sequences,
    classes: Classes,
    settings: ClassifySettings,
    *,
    validation: Sequences | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
    title: str = "training",
) -> Fitted:
    """Fit networks and baselines to sequences that all have a label.

    Args:
        sequences: What to learn from.
        classes: All classes there may be.
        settings: What the user chose.
        validation: What the weights are chosen and calibrated on; None takes a part of `sequences`,
            or nothing where they are few.
        folder: Where the training keeps what resuming needs. None keeps nothing.
        progress: Where to show how far it is.
        title: What the progress calls it.

    Raises:
        InputError: There is nothing to learn.
    """
    with one_thread():
        return _fit(sequences, classes, settings, validation, (folder, progress, title))


def _fit(
    sequences: Sequences,
    classes: Classes,
    settings: ClassifySettings,
    validation: Sequences | None,
    work: tuple[Path | None, Progress | None, str],
) -> Fitted:
    folder, progress, title = work
    trained, held, choices = _parts(sequences, validation, settings)
    encoder, more = fit_encoder(trained, settings)
    encoded = encoder.encode(trained)
    targets = torch.from_numpy(classes.numbers(trained.known_labels))
    checks = None
    if held is not None:
        checks = (encoder.encode(held), torch.from_numpy(classes.numbers(held.known_labels)))
    shape, shape_choices = choose_shape(encoder, encoded, len(classes), settings)
    effort, effort_choices = choose_effort(trained, shape, settings)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        model = ClassifierEnsemble(shape)

    def load(index: Tensor) -> _Batch:
        return _Batch(inputs_of(encoded, index), targets[index])

    source = LengthBatches(
        encoded.steps.lengths, load, batch_size=effort.batch_size, most_steps=_TRAIN_STEPS
    )
    weights = _class_weights(targets, len(classes), settings)

    def loss(network: ClassifierEnsemble, batch: _Batch) -> Tensor:
        return _loss(network.by_member(batch.inputs), batch.targets, weights, settings)

    def validate(network: ClassifierEnsemble) -> float:
        assert checks is not None
        return _calibrated_loss(network_scores(network, checks[0]), checks[1])

    batches = len(source.plan(torch.Generator().manual_seed(0)))
    history = train(
        model,
        source,
        loss,
        settings=TrainSettings(
            epochs=effort.epochs,
            time_budget=settings.time_budget,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            schedule="one_cycle",
            warmup=0.1,
            validate_every=max(1, batches),
            seed=settings.seed,
        ),
        validate=validate if checks is not None else None,
        folder=folder,
        progress=progress,
        title=title,
    )
    model.eval()
    rules = _fit_baselines(encoded, targets, checks, len(classes), isinstance(trained, Texts))
    calibration, rules, calibration_choices = _calibrate(
        model, rules, checks, classes, targets, settings
    )
    choices += [*more, *shape_choices, *effort_choices, *calibration_choices]
    return Fitted(encoder, classes, shape, model, calibration, rules, tuple(choices), history)


def fit_encoder(sequences: Sequences, settings: ClassifySettings) -> tuple[Encoder, list[Choice]]:
    """Fit the encoder that these sequences need."""
    if isinstance(sequences, Texts):
        return TextEncoder.fit(sequences, settings)
    raise InputError("expected texts")


def _parts(
    sequences: Sequences, validation: Sequences | None, settings: ClassifySettings
) -> tuple[Sequences, Sequences | None, list[Choice]]:
    """What is trained on and what is validated on."""
    if validation is not None:
        return sequences, validation, []
    if len(sequences) < FEW:
        reason = f"{len(sequences)} sequences are too few to spare any"
        return sequences, None, [Choice("validation_share", 0, reason)]
    generator = np.random.default_rng(settings.seed)
    groups = splits.strata(sequences.known_labels)
    kept, held = splits.hold_out(groups, settings.validation_share, generator)
    return sequences.take(kept), sequences.take(held), []


def _class_weights(targets: Tensor, classes: int, settings: ClassifySettings) -> Tensor | None:
    """(K,) weights in the loss, of mean 1 over the sequences; None if all weigh the same."""
    if settings.class_weight == "none":
        return None
    if targets.dim() == 2:
        share = targets.mean(0).clamp(1e-3, 1 - 1e-3)
        return (1 - share) / share
    counts = torch.bincount(targets, minlength=classes).clamp_min(1)
    return len(targets) / (classes * counts.float())


def _loss(
    scores: Tensor, targets: Tensor, weights: Tensor | None, settings: ClassifySettings
) -> Tensor:
    """Mean loss of (members, B, K) scores."""
    members = len(scores)
    flat = scores.flatten(0, 1)
    if targets.dim() == 1:
        return functional.cross_entropy(
            flat, targets.repeat(members), weights, label_smoothing=settings.label_smoothing
        )
    smooth = targets + settings.label_smoothing * (0.5 - targets)
    return functional.binary_cross_entropy_with_logits(
        flat, smooth.repeat(members, 1), pos_weight=weights
    )


def _calibrated_loss(scores: Tensor, targets: Tensor) -> float:
    """The loss at the best temperature: how good the order is, however sure the network is."""
    (factor,) = fit_factors([scores], targets)
    return float(baselines.loss(factor * scores.double(), targets))


def _fit_baselines(
    encoded: Encoded,
    targets: Tensor,
    checks: tuple[Encoded, Tensor] | None,
    classes: int,
    texts: bool,  # noqa: FBT001
) -> list[Baseline]:
    """Fit the simple rules; the majority is last."""
    rules = []
    if texts:
        assert isinstance(encoded.bag, PresenceBag)
        rules.append(baselines.naive_bayes(encoded.bag, targets, classes))
    rules.append(
        baselines.logistic(
            encoded.bag,
            targets,
            classes,
            held=None if checks is None else (checks[0].bag, checks[1]),
        )
    )
    return [*rules, baselines.majority(targets, classes)]


def _calibrate(
    model: ClassifierEnsemble,
    rules: list[Baseline],
    checks: tuple[Encoded, Tensor] | None,
    classes: Classes,
    targets: Tensor,
    settings: ClassifySettings,
) -> tuple[Calibration, tuple[Baseline, ...], list[Choice]]:
    """Fit factors and thresholds on the validation part; the rule that is mixed in comes first."""
    if checks is None:
        return Calibration(several=classes.several), tuple(rules), []
    encoded, truth = checks
    network = network_scores(model, encoded)
    (factor,) = fit_factors([network], truth)
    found = Calibration(factor, 0.0, factor, classes.several)
    choices = []
    if settings.blend:
        *candidates, _ = rules
        tried = []
        for place, rule in enumerate(candidates):
            parts = [network, rule.scores(encoded.bag)]
            factors = fit_factors(parts, truth)
            mixed = sum(f * part.double() for f, part in zip(factors, parts, strict=True))
            assert isinstance(mixed, Tensor)
            tried.append((float(baselines.loss(mixed, truth)), place, factors))
        low, place, (first, second) = min(tried)
        alone = float(baselines.loss(factor * network.double(), truth))
        helps = second > 0 and low < alone
        if helps:
            found = found._replace(network=first, baseline=second)
            rules = [rules[place], *rules[:place], *rules[place + 1 :]]
        name = rules[0].name if helps else "nothing"
        reason = f"log loss on validation {low:.3f}, of the network alone {alone:.3f}"
        choices.append(Choice("mixed in", name, reason))
    found, why = _with_thresholds(found, rules, network, encoded, truth, targets, settings)
    return found, tuple(rules), choices + why


def _with_thresholds(
    calibration: Calibration,
    rules: list[Baseline],
    network: Tensor,
    encoded: Encoded,
    truth: Tensor,
    targets: Tensor,
    settings: ClassifySettings,
) -> tuple[Calibration, list[Choice]]:
    several = calibration.several
    classes = network.shape[1]
    if not several and classes != 2:
        return calibration, []
    share = targets.mean(0) if several else torch.bincount(targets, minlength=2) / len(targets)
    wanted, choices = settings.threshold, []
    rarest = float(share.min())
    if wanted is None:
        wanted = "f1" if rarest < _RARE else "half"
        choices.append(Choice("threshold", wanted, f"the rarest class is {rarest:.1%} of all"))
    if wanted == "half":
        return calibration, choices
    baseline = rules[0].scores(encoded.bag) if calibration.baseline else None
    p = calibration.probabilities(network, baseline)
    if several:
        each = [f1_threshold(p[:, k], truth[:, k].numpy()) for k in range(classes)]
        return calibration._replace(thresholds=tuple(each)), choices
    rare = int(share.argmin())
    at = f1_threshold(p[:, rare], (truth == rare).numpy())
    thresholds = (at, 1 - at) if rare == 0 else (1 - at, at)
    return calibration._replace(thresholds=thresholds), choices


def plain_of(fitted: Fitted) -> dict[str, Any]:
    """Return plain values from which `restore` rebuilds all but the tensors."""
    return {
        "version": 1,
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
    if plain.get("version") != 1:
        raise InputError(f"saved classifier is of version {plain.get('version')}; expected 1")
    try:
        own = {
            name.removeprefix("encoder."): tensor
            for name, tensor in tensors.items()
            if name.startswith("encoder.")
        }
        encoder = TextEncoder.restore(plain["encoder"], own)
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
