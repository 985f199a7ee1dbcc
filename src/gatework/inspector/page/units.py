"""What is known about each unit of a layer, from the analyses, as entries of the manifest."""

from dataclasses import replace
from typing import Any, Final

import numpy as np

from gatework.inspector.analyses import (
    contexts,
    doctor,
    edits,
    ledger,
    retention,
    saturation,
    surprise,
)
from gatework.inspector.page.blocks import Blocks
from gatework.inspector.page.columns import Columns
from gatework.inspector.trace import Array, PassTrace, Recording

PLACES: Final = 4  # contexts of a unit at either end
AROUND: Final = 12  # letters or words on either side of one
WORST: Final = 12

READINGS: Final = {
    "ledger": ledger.READING,
    "retention": retention.READING,
    "saturation": saturation.READING,
    "contexts": contexts.READING,
    "doctor": doctor.READING,
    "surprise": surprise.READING,
    "what_if": edits.READING,
}


def unit_facts(
    recording: Recording, part: PassTrace, columns: Columns, blocks: Blocks
) -> dict[str, Any]:
    """Timescales, retention, saturation, contexts and complaints of every unit of a pass."""
    times = retention.timescales(part)
    left = retention.survival(part)
    gates = saturation.saturation(part)
    facts: dict[str, Any] = {
        "timescale": blocks.add(times.timescale),
        "half_life": blocks.add(times.half_life),
        "mean_keep": blocks.add(times.mean_keep),
        "bias_timescale": blocks.add(retention.bias_timescales(part)),
        "survival": {"lags": left.lags.tolist(), "mean": blocks.add(left.mean)},
        "saturation": {
            gate: {"shut": blocks.add(found.shut), "open": blocks.add(found.open)}
            for gate, found in gates.items()
        },
        "contexts": _contexts(recording, part, columns, blocks),
        "findings": [
            {"unit": each.unit, "kind": each.kind, "evidence": f"{each.evidence:.3g}",
             "meaning": each.meaning, "advice": each.advice}
            for each in doctor.examine(part).findings
        ],
    }  # fmt: skip
    saturated: list[Array] = [found.shut + found.open for found in gates.values()]
    facts["saturated"] = blocks.add(np.mean(saturated, axis=0))
    return facts


def worst_steps(recording: Recording) -> list[dict[str, Any]] | None:
    """The steps of the largest loss; None where there is none."""
    if recording.loss is None or not np.isfinite(recording.loss).any():
        return None
    return [
        {"sequence": each.sequence, "step": each.step, "word": each.word, "loss": each.loss}
        for each in surprise.surprise(recording, WORST).worst
    ]


def _contexts(
    recording: Recording, part: PassTrace, columns: Columns, blocks: Blocks
) -> dict[str, Any]:
    """Places (H, 2, PLACES, 3): highest and lowest; sequence, step, value, NaN where too few.

    The words around a place are given only where the page does not hold the sequence itself.
    """
    places = np.full((part.hidden_size, 2, PLACES, 3), np.nan)
    words: dict[str, tuple[str, str, str]] = {}
    letters = recording.steps is not None and all(len(word) <= 1 for word in recording.steps)
    shown = set(columns.sequences) if columns.pool == 1 else set()
    glue = "" if letters else " "
    # Without words a name is made of every step each time one is asked for.
    named = recording
    if recording.steps is None:
        named = replace(recording, steps=("",) * len(recording.inputs))
    for unit in range(part.hidden_size):
        found = contexts.top_contexts(named, part, unit, PLACES, width=AROUND)
        for side, chosen in enumerate((found.highest, found.lowest)):
            for rank, each in enumerate(chosen):
                places[unit, side, rank] = each.sequence, each.step, each.value
                if each.sequence not in shown and recording.steps is not None:
                    around = (glue.join(each.before), each.word, glue.join(each.after))
                    words[f"{each.sequence}.{each.step}"] = around
    return {"places": blocks.add(places), "words": words, "around": AROUND, "letters": letters}
