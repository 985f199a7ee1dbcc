"""The work of a fit: train, then judge on the test part, or on validation where there is none."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from gatework.data.stream import TokenStream
from gatework.models.language import Judged, judge
from gatework.tasks.generate.composing import compose
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.fitting import fit_network
from gatework.tasks.generate.outcome import Outcome, Sample, surprises_of
from gatework.tasks.generate.parts import Parts, unit_of
from gatework.tasks.generate.scores import MODEL, MethodScore, Scores
from gatework.tasks.generate.settings import GenerateSettings, Sampling
from gatework.tasks.generate.writing import write_many
from gatework.training import Progress
from gatework.training.history import curves_of

_TEMPERATURES: Final = (0.5, 0.8, 1.0)
_SAMPLED: Final = 400  # tokens of each sample
_EXCERPT: Final = 4_000  # tokens


class Job(NamedTuple):
    """A finished fit: the model, and what to tell about it."""

    fitted: Fitted
    outcome: Outcome


def fit_and_judge(
    parts: Parts,
    settings: GenerateSettings,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Job:
    """Fit a language model, and score it on the judged part beside the n-grams.

    Args:
        parts: The data.
        settings: How to train.
        folder: Where the training keeps what resuming needs; None keeps nothing.
        progress: Where to show how far it is.

    Raises:
        InputError: The training part is too short.
        Interrupted: Ctrl-C; the folder holds what a resume needs.
    """
    where = folder / "training" if folder else None
    fitted = fit_network(parts, settings, folder=where, progress=progress)
    stream = parts.judged
    said = judge(fitted.network, stream.ids[:, None])
    outcome = Outcome(
        settings=dataclasses.asdict(settings),
        choices=fitted.choices,
        scores=score(fitted, stream, said, part=parts.judged_name, chosen_on=parts.test is None),
        samples=tuple(samples_of(fitted, settings.seed)),
        surprises=surprises_of(stream.ids, said, parts.codec),
        excerpt=parts.codec.decode(stream.ids[1 : _EXCERPT + 1].tolist()),
        curves=curves_of(fitted.history),
        data=_data_facts(parts),
        training=training_facts(fitted),
        notes=parts.notes,
    )
    return Job(fitted, outcome)


def score(
    fitted: Fitted,
    stream: TokenStream,
    said: Judged,
    *,
    part: str,
    chosen_on: bool = False,
    notes: tuple[str, ...] = (),
) -> Scores:
    """Score what a network said of a stream beside the n-grams.

    Args:
        fitted: The model.
        stream: What was judged.
        said: Of it, (N - 1, 1).
        part: What the stream is called.
        chosen_on: Whether the model was chosen by it.
        notes: What else a reader must know.
    """
    tokens = len(stream.ids) - 1
    counted = fitted.ngrams.totals(stream.ids.numpy())
    totals = [(MODEL, float(said.nats.double().sum()))]
    totals += [(f"{n}-gram", float(counted[n - 1])) for n in sorted({fitted.order, 1})[::-1]]
    return Scores(
        tuple(
            MethodScore(name, total / stream.characters, math.exp(total / tokens))
            for name, total in totals
        ),
        part,
        stream.characters,
        tokens,
        unit_of(fitted.codec),
        chosen_on,
        (*_what_the_model_is(fitted), *notes),
    )


def _what_the_model_is(fitted: Fitted) -> tuple[str, ...]:
    order = fitted.network.shape.counted
    if not order:
        return ()
    return (
        f"{MODEL} is an LSTM that corrects the chances of a {order}-gram of the same text; "
        "--ngram 0 is an LSTM alone",
    )


def samples_of(fitted: Fitted, seed: int) -> Iterator[Sample]:
    """Let the model write, at each temperature."""
    for temperature in _TEMPERATURES:
        how = Sampling(temperature=temperature, seed=seed)
        if fitted.codec.kind == "events":
            (composed,) = compose(fitted, None, how, count=1, length=_SAMPLED)
            yield Sample(temperature, composed.text, composed.piece)
            continue
        (written,) = write_many(fitted, "", how, count=1, length=_SAMPLED)
        yield Sample(temperature, written.text)


def _data_facts(parts: Parts) -> tuple[tuple[str, str], ...]:
    unit = unit_of(parts.codec)
    named = {"Training": parts.train, "Validation": parts.validation, "Test": parts.test}
    facts = []
    for name, stream in named.items():
        if stream is not None:
            tokens = "" if unit == "event" else f", {len(stream.ids) - 1:,} tokens"
            facts.append((name, f"{stream.characters:,} {unit}s{tokens}"))
    return (
        ("Pieces" if unit == "event" else "Documents", f"{parts.documents:,}"),
        ("Tokens", f"{parts.codec.kind}, {len(parts.codec):,} different"),
        *facts,
    )


def training_facts(fitted: Fitted) -> tuple[tuple[str, str], ...]:
    """Return facts about the network and its training, to read."""
    shape, history = fitted.network.shape, fitted.history
    weights = sum(parameter.numel() for parameter in fitted.network.parameters())
    facts = [
        ("Network", f"LSTM, {shape.num_layers} x {shape.hidden_size} wide"),
        ("Weights", f"{weights:,}"),
    ]
    if history is not None:
        facts += [("Steps", f"{history.steps:,}"), ("Time", f"{history.elapsed:.0f} s")]
        facts.append(("Best weights", f"of step {history.best_step:,}"))
    return tuple(facts)
