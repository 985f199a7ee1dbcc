"""report.html of a classifier: scores, classes, probabilities, mistakes, data, training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from markupsafe import Markup

from gatework.data.labelled import Recordings, Texts
from gatework.data.labels import count
from gatework.tasks import pictures
from gatework.tasks.classify import metrics, plots
from gatework.tasks.classify.outcome import Judged, Outcome
from gatework.tasks.classify.scores import LOWER_IS_BETTER, MODEL, spoken, written
from gatework.tasks.page import Common, Origin, Table, write_page
from gatework.training.history import curves_of

MOST_CLASSES: Final = 40
MOST_MISTAKES: Final = 20
MOST_LETTERS: Final = 200
_SHOWN: Final = (MODEL, "naive-bayes", "logistic")


@dataclass(frozen=True)
class Page:
    """Everything the template shows, as text, tables and pictures ready to place."""

    protocol: str
    scores: Table
    best_cells: frozenset[tuple[int, int]]
    remarks: tuple[str, ...]
    legend: str
    class_table: Table
    class_remark: str
    confusion_picture: Markup
    confused: Table
    reliability_picture: Markup
    reliability_remark: str
    curves_picture: Markup
    curves_remark: str
    mistakes: Table
    data_facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def write_report(path: Path, outcome: Outcome, origin: Origin) -> None:
    """Write the page, whole or not at all."""
    common, page = _common(outcome, origin), _page(outcome)
    write_page(path, "gatework.tasks.classify", common, page, origin)


def _common(outcome: Outcome, origin: Origin) -> Common:
    scores, fitted = outcome.scores, outcome.fitted
    return Common(
        title=f"{origin.name}: which of {len(outcome.classes)} classes",
        subtitle=f"{len(outcome.train):,} labelled sequences",
        verdict=scores.verdict() if scores else "Nothing was held out, so nothing is known.",
        won=scores is not None and scores.won,
        training=_training_facts(outcome),
        curves=curves_of(fitted.history),
        settings=outcome.settings,
        choices=fitted.choices,
    )


def _page(outcome: Outcome) -> Page:
    scores = outcome.scores
    held = _Held.of(outcome.judged) if outcome.judged else None
    return Page(
        protocol=outcome.protocol,
        scores=[scores.table()[0], *scores.table()[1]] if scores else [],
        best_cells=_best_cells(outcome),
        remarks=scores.remarks if scores else (),
        legend=_LEGEND,
        class_table=_class_table(outcome, held) if held else [],
        class_remark=_class_remark(outcome),
        confusion_picture=_confusion(outcome, held) if held else Markup(""),
        confused=_confused(outcome, held) if held else [],
        reliability_picture=_reliability(held) if held else Markup(""),
        reliability_remark=_reliability_remark(outcome),
        curves_picture=_curves(outcome, held) if held else Markup(""),
        curves_remark=_curves_remark(outcome),
        mistakes=_mistakes(outcome) if held else [],
        data_facts=_data_facts(outcome),
        notes=outcome.notes,
    )


_LEGEND: Final = (
    "Accuracy: the share told rightly. Macro F1: the mean over the classes of F1, which joins "
    "precision and recall. AUROC: how often a member of a class gets a higher probability than a "
    "non-member; AUPRC: the mean precision over all thresholds; of two classes both are those of "
    "the rarer one, of more the mean. Log loss, Brier score and calibration error judge the "
    "probabilities; there, lower is better."
)


@dataclass(frozen=True, eq=False)
class _Held:
    """All rounds end to end: (n, K) probabilities by method, what was said, and what is true."""

    probabilities: dict[str, np.ndarray]
    predicted: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, judged: tuple[Judged, ...]) -> "_Held":
        names = [
            name for name in _SHOWN if all(name in part.answers.probabilities for part in judged)
        ]
        return cls(
            {
                name: np.concatenate([part.answers.probabilities[name] for part in judged])
                for name in names
            },
            np.concatenate([part.answers.predicted[MODEL] for part in judged]),
            np.concatenate([part.targets for part in judged]),
        )


def _best_cells(outcome: Outcome) -> frozenset[tuple[int, int]]:
    """Find the best figure of each column."""
    scores, best = outcome.scores, set()
    if scores is None:
        return frozenset()
    for column, metric in enumerate(scores.metrics, start=1):
        values = np.array([method.mean(metric) for method in scores.methods])
        if np.isfinite(values).any():
            pick = np.nanargmin if metric in LOWER_IS_BETTER else np.nanargmax
            best.add((int(pick(values)), column))
    return frozenset(best)


def _class_table(outcome: Outcome, held: _Held) -> Table:
    names = outcome.classes.names
    found = metrics.by_class(held.predicted, held.targets, len(names))
    rows: Table = [("Class", "Precision", "Recall", "F1", "Judged", "In training")]
    counts = count(outcome.train.known_labels)
    order = np.argsort([-counts[name] for name in names], kind="stable")[:MOST_CLASSES]
    for k in order:
        figures = (written(float(each[k])) for each in found[:3])
        rows.append((names[k], *figures, f"{found.count[k]:,}", f"{counts[names[k]]:,}"))
    return rows


def _class_remark(outcome: Outcome) -> str:
    total = len(outcome.classes)
    return f"The {MOST_CLASSES} most frequent of {total} classes." if total > MOST_CLASSES else ""


def _confusion(outcome: Outcome, held: _Held) -> Markup:
    names = outcome.classes.names
    if outcome.classes.several or len(names) > plots.MOST_CLASSES:
        return Markup("")
    counts = metrics.confusion(held.predicted, held.targets, len(names))
    return _picture(plots.confusion_figure(counts, names), "Which class was taken for which")


def _confused(outcome: Outcome, held: _Held) -> Table:
    names = outcome.classes.names
    if outcome.classes.several or len(names) < 3:
        return []
    counts = metrics.confusion(held.predicted, held.targets, len(names))
    np.fill_diagonal(counts, 0)
    rows: Table = [("True", "Said", "Times")]
    for place in np.argsort(-counts, axis=None, kind="stable")[:8]:
        true, said = np.unravel_index(place, counts.shape)
        if counts[true, said]:
            rows.append((names[true], names[said], f"{counts[true, said]:,}"))
    return rows if len(rows) > 1 else []


def _reliability(held: _Held) -> Markup:
    found = metrics.reliability(held.probabilities[MODEL], held.targets)
    return _picture(plots.reliability_figure(found), "How often answers were right")


def _reliability_remark(outcome: Outcome) -> str:
    calibration = outcome.fitted.calibration
    if calibration.alone == 1.0:
        return "Left: on the line, a probability is as good as its word. Right: how many there are."
    return (
        "Left: on the line, a probability is as good as its word. Right: how many there are. The "
        f"network's scores were multiplied by {calibration.alone:.2f} (a temperature of "
        f"{1 / calibration.alone:.2f}), fitted on the validation part."
    )


def _curves(outcome: Outcome, held: _Held) -> Markup:
    if outcome.classes.several or len(outcome.classes) != 2:
        return Markup("")
    rare = _rare(outcome)
    positive = held.targets == rare
    if positive.all() or not positive.any():
        return Markup("")
    scores = {spoken(name): p[:, rare] for name, p in held.probabilities.items()}
    figure = plots.curves_figure(
        {name: metrics.roc(score, positive) for name, score in scores.items()},
        {name: metrics.precision_recall(score, positive) for name, score in scores.items()},
        float(positive.mean()),
    )
    return _picture(figure, "ROC and precision-recall curves")


def _curves_remark(outcome: Outcome) -> str:
    if len(outcome.classes) != 2 or outcome.classes.several:
        return ""
    thresholds = outcome.fitted.calibration.thresholds
    rare = _rare(outcome)
    text = f"Of the class “{outcome.classes.names[rare]}”. The pale line is chance."
    if thresholds is None:
        return text
    return text + f" It is said from a probability of {thresholds[rare]:.2f}, where F1 was best."


def _rare(outcome: Outcome) -> int:
    return int(np.argmin(outcome.shares))


def _mistakes(outcome: Outcome) -> Table:
    rows: Table = [("Said", "True", "Probability", "What it is")]
    found = []
    names = np.array(outcome.classes.names, object)
    for part in outcome.judged:
        p, said = part.answers.probabilities[MODEL], part.answers.predicted[MODEL]
        if outcome.classes.several:
            wrong = np.flatnonzero((said != part.targets).any(1))
            sure = np.where(said == 1, p, 1 - p).min(1)
        else:
            wrong = np.flatnonzero(said != part.targets)
            sure = p[np.arange(len(p)), said]
        found += [(float(sure[i]), part, int(i)) for i in wrong]
    found.sort(key=lambda item: -item[0])
    for sure, part, i in found[:MOST_MISTAKES]:
        said = part.answers.predicted[MODEL][i]
        chosen = names[said.astype(bool)] if outcome.classes.several else [names[said]]
        words = "; ".join(map(str, chosen))
        true = "; ".join(part.sequences.known_labels[i])
        rows.append((words or "none", true or "none", f"{sure:.3f}", _described(part, i)))
    return rows


def _described(part: Judged, place: int) -> str:
    sequences = part.sequences
    if isinstance(sequences, Texts):
        text = " ".join(sequences.texts[place].split())
        return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"
    if isinstance(sequences, Recordings) and sequences.ids is not None:
        return f"{sequences.ids[place]}, {sequences.lengths[place]:,} steps"
    return sequences.place(place)


def _data_facts(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    train = outcome.train
    facts = [("Sequences", f"{len(train):,}"), ("Classes", f"{len(outcome.classes):,}")]
    largest = int(np.argmax(outcome.shares))
    name = outcome.classes.names[largest]
    facts.append(("Largest class", f"{name} ({outcome.shares[largest]:.1%})"))
    if isinstance(train, Texts):
        letters = np.array([len(text) for text in train.texts])
        facts.append(("Characters a text", f"{np.median(letters):.0f} (median)"))
        facts.append(("Longest text", f"{letters.max():,} characters"))
    if isinstance(train, Recordings):
        lengths = train.lengths
        missing = float(np.isnan(train.values).mean()) if train.values.size else 0.0
        facts += [
            ("Steps a recording", f"{lengths.min():,} to {lengths.max():,}"),
            ("Features", f"{len(train.features):,}"),
            ("Missing values", f"{missing:.1%}" if missing else "none"),
        ]
    return tuple(facts)


def _training_facts(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    fitted = outcome.fitted
    shape, history = fitted.shape, fitted.history
    weights = sum(parameter.numel() for parameter in fitted.model.parameters())
    plural = "s" if shape.members > 1 else ""
    ways = "both ways" if shape.bidirectional else "one way"
    front = f" beside convolutions, {shape.convolution} wide" if shape.convolution else ""
    facts = [
        ("Networks", f"{shape.members} LSTM{plural}, {shape.hidden_size} wide, {ways}{front}"),
        ("Pooling", shape.pooling),
        ("Weights", f"{weights:,}"),
    ]
    if history is not None:
        facts += [
            ("Steps", f"{history.steps:,}"),
            ("Epochs", f"{history.epochs:,}"),
            ("Time", f"{history.elapsed:.0f} s"),
        ]
    return tuple(facts)


def _picture(figure: plots.Figure, label: str) -> Markup:
    return Markup(pictures.svg(figure, label))
