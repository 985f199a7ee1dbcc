"""What a page shows beside the trace if it is given: gradient flow, attributions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np

from gatework.errors import InputError
from gatework.inspector.analyses import agreement, attribution, family, flow
from gatework.inspector.analyses.attribution import Attribution
from gatework.inspector.analyses.family import Family
from gatework.inspector.analyses.flow import GradientFlow
from gatework.inspector.page.blocks import Blocks
from gatework.inspector.page.columns import Columns
from gatework.inspector.trace import Array, Recording

WAYS = {"hidden": "hidden state", "memory": "memory", "cell_path": "along the memory alone"}


@final
@dataclass(frozen=True)
class Extras:
    """Results of analyses that run the model, which a trace alone cannot give.

    Args:
        score_name: What the score is that they explain, in words.
        flow: The gradient flow of the model.
        family: That of its twins: an RNN, a GRU and an LSTM on the same data.
        attributions: By several methods, for the sequences of the trace.
        path: Of the layer whose inputs the attributions are about; "" is the model itself.
        call: Which call of it.
    """

    score_name: str = "the score"
    flow: GradientFlow | None = None
    family: Family | None = None
    attributions: tuple[Attribution, ...] = ()
    path: str = ""
    call: int = 0


def flow_charts(extras: Extras, blocks: Blocks) -> list[dict[str, Any]]:
    """One chart for the model and one for its twins before and after training, each of lines."""
    charts = []
    if extras.flow is not None:
        charts += [
            {
                "title": f"This model, {each.name}",
                "lines": [
                    {"label": label, "kind": way, "values": blocks.add(each.mean(way))}
                    for way, label in WAYS.items()
                ],
            }
            for each in extras.flow.passes
        ]
    twins = extras.family
    if twins is not None:
        for title, by_kind in (("Before training", twins.fresh), ("After", twins.trained)):
            trained = by_kind is twins.trained
            lines = [
                {
                    "label": _with_loss(kind, twins.losses.get(kind, []) if trained else []),
                    "kind": kind,
                    "values": blocks.add(found.passes[0].mean("memory")),
                }
                for kind, found in by_kind.items()
            ]
            if lines:
                charts.append({"title": title, "lines": lines})
    return charts


def _with_loss(kind: str, losses: Sequence[float]) -> str:
    return f"{kind}, loss {losses[-1]:.3g}" if losses else kind


def credits(
    extras: Extras, recording: Recording, columns: Columns, blocks: Blocks
) -> list[dict[str, Any]]:
    """The attributions of the shown sequences, column by column.

    Raises:
        InputError: they are of other sequences than the trace.
    """
    if (recording.path, recording.call) != (extras.path, extras.call):
        return []
    found = []
    alike = _agreement(extras.attributions, columns)
    for place, each in enumerate(extras.attributions):
        if each.lengths.tolist() != recording.lengths.tolist():
            raise InputError(
                f"the attribution by {each.method} is of sequences of {each.lengths.tolist()} "
                f"steps; {recording.name} has {recording.lengths.tolist()}."
            )
        shown = list(columns.sequences)
        found.append(
            {
                "method": each.method,
                "baseline": each.baseline,
                "steps": blocks.add(_pooled(each.x.sum(axis=2, keepdims=True), columns)[:, 0]),
                "state": {
                    name: blocks.add(np.asarray(value)[shown]) for name, value in each.state.items()
                },
                "score": blocks.add(np.asarray(each.score)[shown]),
                "baseline_score": blocks.add(np.asarray(each.baseline_score)[shown]),
                "error": blocks.add(np.asarray(each.completeness_error)[shown]),
                "agreement": blocks.add(alike.correlation[place]),
                "alarm": alike.alarm[place],
            }
        )
    return found


class _Alike(NamedTuple):
    """How methods agree: (M, M, shown sequences), and which rank steps by position alone."""

    correlation: Array
    alarm: list[bool]


def _agreement(methods: tuple[Attribution, ...], columns: Columns) -> _Alike:
    table = np.ones((len(methods), len(methods), len(columns.sequences)))
    alarm = [False] * len(methods)
    for at, reference in enumerate(methods):
        others = [k for k in range(len(methods)) if k != at]
        if not others:
            break
        found = agreement.agreement([methods[k] for k in others], reference)
        table[others, at] = found.correlation[:, list(columns.sequences)]
        for k, is_alarm in zip(others, found.alarm, strict=True):
            alarm[k] |= is_alarm
    return _Alike(table, alarm)


def _pooled(table: Array, columns: Columns) -> Array:
    """The sums over the steps of each column of (T, B, I): (N', I)."""
    parts = [np.zeros((0, table.shape[2]))]
    for number, length in zip(columns.sequences, columns.lengths, strict=True):
        rows = table[:length, number].astype(np.float64)
        if length:
            parts.append(np.add.reduceat(rows, np.arange(0, length, columns.pool), axis=0))
    return np.concatenate(parts)


READINGS = {
    "flow": flow.READING,
    "family": family.READING,
    "attribution": attribution.READING,
    "agreement": agreement.READING,
}
