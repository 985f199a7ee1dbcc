"""The unit doctor: units that do nothing, never change, never show, run away, or are broken."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from gatework.errors import InputError
from gatework.inspector.analyses.rows import locate, roles_of, table
from gatework.inspector.trace import PassTrace

READING = (
    "Each line is one unit and one complaint, with the number that speaks for it. One frozen or "
    "dead unit in many is nothing; half of them means that the layer is wider than the task, or "
    "that training went wrong early. A drifting unit is safe on sequences as long as these and no "
    "longer. Judge on data like that of training: a unit may only seem dead because nothing here "
    "woke it."
)

Mask = NDArray[np.bool_]

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "not finite": "Look at the input of that step, lower the learning rate, clip the gradient.",
        "dead": "What it shows never changes: make the layer narrower, or train longer.",
        "frozen": "It keeps all and writes nothing: lower the forget bias, or start it anew.",
        "mute": "Its output gate is shut, nothing reads it: make the layer narrower.",
        "saturated": "A gate hardly has a gradient: lower the learning rate, or scale the inputs.",
        "drifting": "Its memory grows with time: train on longer sequences, or use a cell clip.",
    }
)


@final
@dataclass(frozen=True)
class Thresholds:
    """From where on a unit is reported.

    Args:
        dead: The standard deviation of what a unit shows, below it.
        frozen_keep: keep, above it, and
        frozen_write: write, below it: the unit neither forgets nor writes.
        mute: read, below it.
        saturated: The sum |z| that enters a gate, above it; 8 leaves a gradient of 3e-4. Half of
            it for a candidate, since tanh(z) = 2 sigmoid(2 z) - 1. Other activations have no edge.
        share: Of the steps at which the three above must hold, at least.
        growth: How much larger |m| is in the last quarter of the steps than in the second, above
            it; a steady drift from zero makes it 2.3.
        drift: Mean |m| in that last quarter, above it: where tanh no longer tells values apart.
        shortest: Sequences with fewer steps do not count for a drift.
    """

    dead: float = 1e-3
    frozen_keep: float = 0.99
    frozen_write: float = 0.01
    mute: float = 0.01
    saturated: float = 8.0
    share: float = 0.99
    growth: float = 1.5
    drift: float = 2.0
    shortest: int = 8

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(f"share is {self.share}; expected a part of the steps, up to 1.")


class Finding(NamedTuple):
    """One complaint about one unit.

    Attributes:
        unit: which, from 0.
        kind: a key of `ADVICE`.
        evidence: the number that speaks for it.
        meaning: what that number is.
        advice: what to do, in a sentence.
    """

    unit: int
    kind: str
    evidence: float
    meaning: str
    advice: str


class Findings(NamedTuple):
    """All complaints, by unit; printed, a table."""

    units: int
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        if not self.findings:
            return f"{self.units} units, nothing to complain of."
        rows = [
            (f"{each.unit}", each.kind, f"{each.evidence:.3g}", each.meaning)
            for each in self.findings
        ]
        return table(("unit", "finding", "evidence", "which is"), rows)


def examine(part: PassTrace, thresholds: Thresholds | None = None) -> Findings:
    """Look for units that do not do their work, as see-rnn does; the criteria are our own.

    Steps at which any unit is not finite take no part in the rest. A unit that is mute or frozen is
    not also called dead.

    Example:
        >>> import torch, gatework
        >>> lstm = gatework.LSTM(3, 8, forget_bias=9.0)
        >>> _ = lstm.bias_ih_l0.data[:8].fill_(-9)  # the input gate
        >>> found = examine(gatework.trace(lstm, torch.randn(10, 2, 3))[""].find())
        >>> found.findings[0].kind
        'frozen'
    """
    chosen = thresholds or Thresholds()
    finite, found = _broken(part)
    if finite.any():
        for judge in (_frozen, _mute, _saturated, _drifting):
            found += judge(part, finite, chosen)
        excused = {each.unit for each in found if each.kind in ("frozen", "mute")}
        found += [each for each in _dead(part, finite, chosen) if each.unit not in excused]
    order = list(ADVICE)
    found.sort(key=lambda each: (each.unit, order.index(each.kind)))
    return Findings(part.hidden_size, tuple(found))


def _finding(unit: np.intp, kind: str, evidence: float, meaning: str) -> Finding:
    return Finding(int(unit), kind, float(evidence), meaning, ADVICE[kind])


def _broken(part: PassTrace) -> tuple[Mask, list[Finding]]:
    """(N,) the rows at which every unit is finite, and the units that are not at all of them."""
    names = (part.cell.memory, *part.cell.gates)
    good = np.all([np.isfinite(part.values[name]) for name in names], axis=0)
    found = []
    for unit in np.flatnonzero(~good.all(0)):
        sequences, steps = locate(part.offsets, np.flatnonzero(~good[:, unit]))
        first_read = steps[sequences == sequences[0]][-1 if part.reverse else 0]
        meaning = f"steps not finite, first step {first_read} of sequence {sequences[0]}"
        found.append(_finding(unit, "not finite", len(steps), meaning))
    return good.all(1), found


def _where_often(
    holds: Mask, finite: Mask, chosen: Thresholds, kind: str, meaning: str
) -> list[Finding]:
    """A finding for each unit at which `holds`, (N, H), is true often enough."""
    shares = holds[finite].mean(0)
    return [
        _finding(unit, kind, shares[unit], meaning)
        for unit in np.flatnonzero(shares >= chosen.share)
    ]


def _frozen(part: PassTrace, finite: Mask, chosen: Thresholds) -> list[Finding]:
    keep, write, _ = roles_of(part)
    holds = (keep > chosen.frozen_keep) & (np.abs(write) < chosen.frozen_write)
    return _where_often(
        holds, finite, chosen, "frozen", "of the steps it keeps all and writes nothing"
    )


def _mute(part: PassTrace, finite: Mask, chosen: Thresholds) -> list[Finding]:
    holds = np.abs(roles_of(part)[2]) < chosen.mute
    return _where_often(holds, finite, chosen, "mute", "of the steps its output gate is shut")


def _dead(part: PassTrace, finite: Mask, chosen: Thresholds) -> list[Finding]:
    memory, shown = part.values[part.cell.memory], part.values["h"]
    looked_at = shown if shown.shape == memory.shape else memory  # a projection mixes units
    spread = looked_at[finite].astype(np.float64).std(0)
    return [
        _finding(unit, "dead", spread[unit], "standard deviation of what it shows")
        for unit in np.flatnonzero(spread < chosen.dead)
    ]


def _saturated(part: PassTrace, finite: Mask, chosen: Thresholds) -> list[Finding]:
    """By the activations, which are all that a trace has."""
    found = []
    edge = 1 / (1 + np.exp(-chosen.saturated))
    for gate in part.cell.gates:
        kind = part.cell.activation_of(gate)
        values = part.values[gate].astype(np.float64)
        if kind == "tanh" and gate == part.cell.candidate:
            holds, limit = np.abs(values) > 2 * edge - 1, chosen.saturated / 2
        elif kind in ("sigmoid", "hard_sigmoid"):
            holds, limit = (values > edge) | (values < 1 - edge), chosen.saturated
        else:
            continue
        meaning = f"of the steps |z| of gate {gate} is above {limit:g}"
        found += _where_often(holds, finite, chosen, "saturated", meaning)
    return found


def _drifting(part: PassTrace, finite: Mask, chosen: Thresholds) -> list[Finding]:
    """|m| by quarters of each sequence, in the order of reading."""
    quarters = []
    for index, length in enumerate(np.diff(part.offsets)):
        rows = slice(part.offsets[index], part.offsets[index + 1])
        if length < chosen.shortest or not finite[rows].all():
            continue
        one = part.sequence(index)
        size = np.abs(one.in_scan_order(one.memory).astype(np.float64))
        quarters.append([each.mean(0) for each in np.array_split(size, 4)])
    if not quarters:
        return []
    _, second, _, last = np.mean(quarters, axis=0)
    growth = np.divide(last, second, out=np.ones_like(last), where=second > 0)
    return [
        _finding(unit, "drifting", growth[unit], "times |m| has grown from 2nd to last quarter")
        for unit in np.flatnonzero((growth > chosen.growth) & (last > chosen.drift))
    ]
