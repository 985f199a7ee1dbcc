"""A trace for those without a browser: a summary in text, and the same as plain values."""

import itertools
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from gatework.inspector.analyses.doctor import examine
from gatework.inspector.analyses.ledger import Ledger, ledger
from gatework.inspector.analyses.retention import timescales
from gatework.inspector.analyses.rows import table
from gatework.inspector.analyses.saturation import saturation
from gatework.inspector.analyses.surprise import surprise
from gatework.inspector.trace import PassTrace, Recording, Trace

BLOCKS: Final = "▁▂▃▄▅▆▇█"
WIDTH: Final = 64  # letters across a picture
MOST_UNITS: Final = 8
MOST_STEPS: Final = 5


def facts(trace: Trace, *, sequence: int = 0) -> dict[str, Any]:
    """What the summary says, as values that JSON can hold; what is not finite is None.

    Args:
        trace: what was recorded.
        sequence: whose last memory is accounted for.

    Raises:
        InputError: there is no such sequence.

    Example:
        >>> import torch, gatework
        >>> recorded = gatework.trace(gatework.LSTM(3, 8), torch.randn(10, 2, 3))
        >>> facts(recorded)["layers"][0]["passes"][0]["hidden_size"]
        8
    """
    layers = [_layer(each, sequence) for each in trace.recordings]
    name = trace.sequence_name(sequence)
    return {"fingerprint": trace.fingerprint, "sequence": name, "layers": layers}


def _layer(recording: Recording, sequence: int) -> dict[str, Any]:
    lengths = recording.lengths
    return {
        "name": recording.name,
        "kind": recording.kind,
        "sequences": len(lengths),
        "steps": int(lengths.sum()),
        "longest": int(lengths.max(initial=0)),
        "replay_error": recording.replay_error,
        "loss": _loss(recording),
        "passes": [_pass(recording, each, sequence) for each in recording.passes],
    }


def _loss(recording: Recording) -> dict[str, Any] | None:
    if recording.loss is None:
        return None
    found = surprise(recording, MOST_STEPS)
    worst = [
        {"sequence": each.sequence, "step": each.step, "word": each.word, "loss": each.loss}
        for each in found.worst
    ]
    return {"mean": _number(found.mean), "worst": worst}


def _pass(recording: Recording, part: PassTrace, sequence: int) -> dict[str, Any]:
    times = timescales(part)
    found = examine(part)
    book = ledger(part.sequence(sequence))
    shares = book.shares()
    words = recording.step_names(sequence)
    return {
        "name": part.name,
        "cell": " ".join([part.cell.name.upper(), *part.cell.options]),
        "hidden_size": part.hidden_size,
        "timescale": {
            "median": _number(_median(times.timescale)),
            "units": [_number(value) for value in times.timescale],
        },
        "mean_keep": _number(_mean(times.mean_keep)),
        "saturation": {
            gate: {"shut": _number(_mean(each.shut)), "open": _number(_mean(each.open))}
            for gate, each in saturation(part).items()
        },
        "findings": [
            {"unit": each.unit, "kind": each.kind, "evidence": _number(each.evidence),
             "meaning": each.meaning, "advice": each.advice}
            for each in found.findings
        ],
        "ledger": {
            "step": book.step,
            "strongest": [
                {"step": each.step, "word": words[each.step], "share": each.share,
                 "contribution": _number(each.contribution)}
                for each in book.strongest(MOST_STEPS)
            ],
            "initial": _number(shares.initial),
            "unaccounted": _number(shares.other),
            "residual": _number(_largest(book.residual)),
        },
    }  # fmt: skip


def summary(trace: Trace, *, sequence: int = 0) -> str:
    """The trace in a terminal: sizes, timescales, gates over time, the ledger of the last step.

    Args:
        trace: what was recorded.
        sequence: which sequence is drawn.

    Raises:
        InputError: there is no such sequence.

    Example:
        >>> import torch, gatework
        >>> recorded = gatework.trace(gatework.LSTM(3, 8), torch.randn(10, 2, 3))
        >>> print(summary(recorded).splitlines()[0])
        model: gatework.LSTM(3, 8), 2 sequences, 20 steps
    """
    told = facts(trace, sequence=sequence)
    lines: list[str] = []
    for recording, layer in zip(trace.recordings, told["layers"], strict=True):
        head = (
            f"{layer['name']}: {layer['kind']}, {_counted(layer['sequences'], 'sequence')}, "
            f"{_counted(layer['steps'], 'step')}"
        )
        if layer["replay_error"] is not None:
            head += f"; torch's own, replayed with max |dh| = {layer['replay_error']:.1e}"
        lines.append(head)
        for part, found in zip(recording.passes, layer["passes"], strict=True):
            lines += ["", *_pass_lines(trace, recording, part, found, sequence)]
        if layer["loss"] is not None:
            lines += ["", f"mean loss {_short(layer['loss']['mean'])}; the worst steps"]
            rows = [
                (f"{each['loss']:.3g}", f"sequence {each['sequence']}", f"step {each['step']}",
                 _word(each["word"]))
                for each in layer["loss"]["worst"]
            ]  # fmt: skip
            lines += [f"  {line}" for line in table(("loss", "", "", "word"), rows).splitlines()]
        lines.append("")
    return "\n".join(lines).rstrip()


def _pass_lines(
    trace: Trace, recording: Recording, part: PassTrace, found: dict[str, Any], sequence: int
) -> list[str]:
    tau = np.sort(timescales(part).timescale)[::-1]
    finite = tau[np.isfinite(tau)]
    lines = [
        f"{found['name']}: {found['hidden_size']} units, {found['cell']}",
        f"  timescales, longest first   {_bars(finite)}  "
        f"{_short(_first(tau))} to {_short(_last(tau))} steps, median {_short(_median(tau))}",
    ]
    for gate, parts in found["saturation"].items():
        lines.append(
            f"  {gate} shut {_percent(parts['shut'])}, open {_percent(parts['open'])} of the time"
        )
    one = part.sequence(sequence)
    if len(one):
        lines += [f"  sequence {trace.sequence_name(sequence)}, time from left to right"]
        order = np.argsort(-timescales(part).timescale, kind="stable")[:MOST_UNITS]
        for unit in order:
            row = one.memory[:, unit].astype(np.float64)
            lines.append(f"  {part.cell.memory} of unit {unit:<7}{_bars(row)}  {_span(row)}")
        for name in part.cell.gates:
            if name != part.cell.candidate:
                row = one.values[name].astype(np.float64).mean(axis=1)
                lines.append(f"  mean of gate {name:<5}{_bars(row)}  {_span(row)}")
    lines += _ledger_lines(ledger(one), recording.step_names(sequence))
    kinds: dict[str, list[int]] = {}
    for each in found["findings"]:
        kinds.setdefault(each["kind"], []).append(each["unit"])
    for kind, units in kinds.items():
        some = ", ".join(map(str, units[:MOST_UNITS])) + (" ..." if len(units) > MOST_UNITS else "")
        lines.append(f"  {kind}: {_counted(len(units), 'unit')} ({some})")
    return lines if kinds else [*lines, "  the unit doctor has nothing to complain of"]


def _ledger_lines(book: Ledger, words: Sequence[str]) -> list[str]:
    if book.step is None:
        return ["  an empty sequence: the memory is its initial state"]
    shares = book.shares()
    lines = [f"  the memory after step {book.step} ({_word(words[book.step])}) was written by"]
    longest = max((each.share for each in book.strongest(1)), default=0.0)
    for each in book.strongest(MOST_STEPS):
        bar = "█" * round(24 * each.share / longest) if longest else ""
        lines.append(
            f"    step {each.step:<6}{_word(words[each.step]):<14}{each.share:6.1%}  {bar}"
        )
    lines.append(f"    {'the initial state':<25}{shares.initial:6.1%}")
    if shares.other > 5e-4:
        lines.append(f"    {'the cell clip':<25}{shares.other:6.1%}")
    return [*lines, f"    residual {_largest(book.residual):.1e}"]


def _bars(values: np.ndarray) -> str:
    """A line of at most WIDTH blocks, each the mean of its part, between the extremes."""
    means = _thinned(values)
    if not len(means) or not np.isfinite(means).any():
        return ""
    low, high = np.nanmin(means), np.nanmax(means)
    levels = (means - low) / (high - low) if high > low else np.full(len(means), 0.5)
    return "".join(
        "?" if np.isnan(level) else BLOCKS[round(float(level) * (len(BLOCKS) - 1))]
        for level in levels
    )


def _thinned(values: np.ndarray) -> np.ndarray:
    values = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    if len(values) <= WIDTH:
        return values
    edges = np.linspace(0, len(values), WIDTH + 1).round().astype(int)
    return np.array([values[a:b].mean() for a, b in itertools.pairwise(edges)])


def _span(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    return f"{_short(known.min())} to {_short(known.max())}" if len(known) else "not finite"


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _median(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _largest(values: np.ndarray) -> float:
    known = np.abs(values[np.isfinite(values)])
    return float(known.max(initial=0.0))


def _first(values: np.ndarray) -> float:
    return float(values[0]) if len(values) else float("nan")


def _last(values: np.ndarray) -> float:
    return float(values[-1]) if len(values) else float("nan")


def _short(value: float | None) -> str:
    return "unknown" if value is None or np.isnan(value) else f"{value:.3g}"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.0%}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _word(word: str) -> str:
    """A word on one line, whatever is in it."""
    plain = word.isprintable() and word == word.strip() and word
    shown = word if plain else repr(word)
    return shown if len(shown) <= 14 else f"{shown[:13]}…"
