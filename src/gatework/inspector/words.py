"""Words, losses, outputs and attention beside the steps of a trace that they fit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from gatework.errors import InputError
from gatework.inspector.trace import Array, Recording, Trace

Words = Sequence[Sequence[str]]


def label(
    trace: Trace,
    *,
    path: str | None = None,
    steps: Words | None = None,
    features: Sequence[str] | None = None,
    loss: Tensor | None = None,
    outputs: Tensor | None = None,
    attention: Tensor | None = None,
) -> Trace:
    """Return the trace with words or figures beside the recordings that they fit.

    Args:
        trace: it stays as it is.
        path: of the layer they are of; None is every layer they fit.
        steps: a word for each step of each sequence: tokens, times.
        features: a word for each input of a layer's first.
        loss: of each step, (T, B) or (B, T); what lies past a length is not read.
        outputs: what the model answered at each step, (T, B, O) or (B, T, O).
        attention: how much each step looked at each of S places, (T, B, S) or (B, T, S).

    Raises:
        InputError: they fit no recording, and what would have fitted.

    Example:
        >>> import torch, gatework
        >>> trace = gatework.trace(gatework.GRU(3, 8), torch.randn(2, 1, 3))
        >>> label(trace, steps=[["to", "be"]])[""].step_names(0)
        ('to', 'be')
    """
    meant = [path is None or each.path == path for each in trace.recordings]
    if not any(meant):
        _ = trace[path or ""]  # says what there is
    made: list[Recording] = []
    figures = {"loss": (loss, 2), "outputs": (outputs, 3), "attention": (attention, 3)}
    fitted = dict.fromkeys(("steps", "features", *figures), False)
    for recording, is_meant in zip(trace.recordings, meant, strict=True):
        if is_meant:
            if steps is not None and [len(words) for words in steps] == recording.lengths.tolist():
                flat = tuple(word for words in steps for word in words)
                recording, fitted["steps"] = replace(recording, steps=flat), True
            if features is not None and len(features) == recording.inputs.shape[1]:
                recording, fitted["features"] = replace(recording, features=tuple(features)), True
            for name, (table, axes) in figures.items():
                rows = None if table is None else _rows(table, axes, recording)
                if rows is not None:
                    recording, fitted[name] = _with_figure(recording, name, rows), True
        made.append(recording)
    _require(fitted, trace, steps, features, {name: table for name, (table, _) in figures.items()})
    return replace(trace, recordings=tuple(made))


def _with_figure(recording: Recording, name: str, rows: Array) -> Recording:
    if name == "loss":
        return replace(recording, loss=rows)
    if name == "outputs":
        return replace(recording, outputs=rows)
    return replace(recording, attention=rows)


def _rows(figure: Tensor, axes: int, recording: Recording) -> Array | None:
    """The figures of the real steps, sequence by sequence, or None where the shape does not fit."""
    table = figure.detach().float().cpu().numpy()
    batch, longest = len(recording.lengths), int(recording.lengths.max(initial=0))
    for grid in (table.swapaxes(0, 1), table) if table.ndim == axes else ():
        if grid.shape[0] == batch and grid.shape[1] >= longest:
            parts = [grid[b, :n] for b, n in enumerate(recording.lengths)]
            return np.concatenate(parts) if parts else np.empty((0, *grid.shape[2:]))
    return None


def _require(
    fitted: dict[str, bool],
    trace: Trace,
    steps: Words | None,
    features: Sequence[str] | None,
    figures: dict[str, Tensor | None],
) -> None:
    """Raise an InputError for what was given and fits nothing."""
    lengths = ", ".join(f"{each.name} {each.lengths.tolist()}" for each in trace.recordings)
    if steps is not None and not fitted["steps"]:
        raise InputError(
            f"steps has {[len(words) for words in steps]} words a sequence; expected those of a "
            f"layer: {lengths}."
        )
    if features is not None and not fitted["features"]:
        sizes = ", ".join(f"{each.name} {each.inputs.shape[1]}" for each in trace.recordings)
        raise InputError(f"features has {len(features)} words; layers read {sizes} inputs.")
    for name, table in figures.items():
        if table is not None and not fitted[name]:
            last = "" if name == "loss" else ", size"
            raise InputError(
                f"{name} has shape {tuple(table.shape)}; expected (T, B{last}) or (B, T{last}) of "
                f"a layer with the lengths {lengths}."
            )
