"""From a Trace to what the page's script reads: a manifest (JSON) and one stream of blocks."""

import dataclasses
import json
from typing import Any, Final, NamedTuple

import numpy as np

from gatework.errors import InputError
from gatework.inspector.page import extras as extra_panels
from gatework.inspector.page.blocks import Blocks
from gatework.inspector.page.columns import Columns, choose
from gatework.inspector.page.extras import Extras, credits, flow_charts
from gatework.inspector.page.units import READINGS, unit_facts, worst_steps
from gatework.inspector.trace import Array, PassTrace, Recording, Trace

FORMAT: Final = 1
MOST_VALUES: Final = 1_600_000  # about 4 MB of page
MOST_WEIGHTS: Final = 2 * 2**20  # bytes of weights that a page may carry at all
SMALL_PAGE: Final = 700_000  # bytes of blocks with which a page stays under 1 MB
MOST_INPUTS: Final = 64  # inputs a step that are shown as they are


class Payload(NamedTuple):
    """A page's data.

    Attributes:
        manifest: names, shapes, words, figures.
        packed: the blocks, deflated and in base64.
    """

    manifest: dict[str, Any]
    packed: str

    def manifest_json(self) -> str:
        """The manifest as JSON that can stand inside a script element, whatever its words are."""
        text = json.dumps(self.manifest, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def payload(
    trace: Trace,
    extras: Extras,
    *,
    sequences: tuple[int, ...] | None = None,
    what_if: bool | None = None,
) -> Payload:
    """Lay out a trace.

    Args:
        trace: what was recorded.
        extras: what else there is to show.
        sequences: which of its sequences; None takes as many as fit, from the first.
        what_if: carry the weights; None does so unless they are what takes the
            page over 1 MB.

    Raises:
        InputError: there is no such sequence, or an attribution is of others.
    """
    total = max(len(recording.lengths) for recording in trace.recordings)
    for number in sequences or ():
        if not 0 <= number < total:
            raise InputError(f"sequence {number} was asked for; the trace holds {total}, from 0.")
    blocks = Blocks()
    most = MOST_VALUES // max(len(trace.recordings), 1)
    recordings = [
        _recording(trace, recording, choose(recording, sequences, most), blocks, extras)
        for recording in trace.recordings
    ]
    _add_weights(trace, recordings, blocks, what_if=what_if)
    manifest = {
        "format": FORMAT,
        "recordings": recordings,
        "readings": READINGS | extra_panels.READINGS,
        "flow": flow_charts(extras, blocks),
        "score": extras.score_name,
        "fingerprint": trace.fingerprint,
        "bytes": blocks.size,
    }
    return Payload(manifest, blocks.packed())


def _recording(
    trace: Trace, recording: Recording, columns: Columns, blocks: Blocks, extras: Extras
) -> dict[str, Any]:
    attention, outputs = recording.attention, recording.outputs
    has_inputs = recording.features is not None or recording.inputs.shape[1] <= MOST_INPUTS
    return {
        "name": recording.name,
        "kind": recording.kind,
        "replay_error": recording.replay_error,
        "sequences": _sequences(trace, recording, columns),
        "total": len(recording.lengths),
        "pool": columns.pool,
        "features": list(recording.feature_names()) if has_inputs else None,
        "words": recording.steps is not None,
        "named": recording.features is not None,
        "loss": _optional(columns, recording, recording.loss, blocks),
        "attention": _optional(columns, recording, attention, blocks),
        "outputs": _optional(columns, recording, outputs, blocks),
        "inputs": _optional(columns, recording, recording.inputs if has_inputs else None, blocks),
        "attributions": credits(extras, recording, columns, blocks),
        "worst": worst_steps(recording),
        "passes": [_pass(recording, each, columns, blocks) for each in recording.passes],
    }


def _optional(
    columns: Columns, recording: Recording, array: Array | None, blocks: Blocks
) -> dict[str, Any] | None:
    if array is None:
        return None
    rows = columns.means(recording, array)
    return blocks.add(rows) if rows.ndim == 1 else blocks.add_coded(rows)


def _sequences(trace: Trace, recording: Recording, columns: Columns) -> list[dict[str, Any]]:
    found, start = [], 0
    for number, count in zip(columns.sequences, columns.counts, strict=True):
        words = recording.step_names(number)
        if columns.pool > 1:
            parts = [words[at : at + columns.pool] for at in range(0, len(words), columns.pool)]
            words = [f"{part[0]} … {part[-1]}" for part in parts]
        found.append(
            {
                "index": number,
                "name": trace.sequence_name(number),
                "start": start,
                "count": count,
                "steps": int(recording.lengths[number]),
                "words": list(words),
            }
        )
        start += count
    return found


def _pass(recording: Recording, one: PassTrace, columns: Columns, blocks: Blocks) -> dict[str, Any]:
    cell = one.cell
    values: dict[str, Any] = {}
    same: dict[str, str] = {}
    states = dict.fromkeys([cell.memory, *cell.states])
    order = [*states, *(name for name in one.values if name not in states)]
    for name in order:
        array = one.values[name]
        twin = next((other for other in values if _equal(array, one.values[other])), None)
        if twin is not None:
            same[name] = twin
        elif name == "h" and columns.pool == 1 and _is_read_of_memory(one):
            read = _gate_of(one, np.asarray(one.roles.read))
            values[name] = {"kind": "shown", "read": read, "memory": cell.memory}
        elif name in states:
            values[name] = blocks.add_coded(columns.ends(recording, one, array))
        else:
            values[name] = blocks.add_coded(columns.means(recording, array))
    pooled = columns.pool > 1
    return {
        "name": one.name,
        "layer": one.layer,
        "reverse": one.reverse,
        "cell": _cell(one),
        "hidden_size": one.hidden_size,
        "memory": cell.memory,
        "candidate": cell.candidate,
        "states": list(cell.states),
        "gates": list(cell.gates),
        "roles": {
            role: _role(one, np.asarray(array), recording, columns, blocks)
            for role, array in one.roles._asdict().items()
        },
        "kept": blocks.add_coded(columns.kept(recording, one)) if pooled else None,
        "written": blocks.add_coded(columns.written(recording, one)) if pooled else None,
        "values": values,
        "units": unit_facts(recording, one, columns, blocks),
        "same": same,
        "initial": {
            name: blocks.add(value[list(columns.sequences)]) for name, value in one.initial.items()
        },
    }


def _cell(one: PassTrace) -> dict[str, Any]:
    """The cell as the page's arithmetic wants it: name, width, options off their defaults."""
    fields = [field for field in dataclasses.fields(one.cell) if field.init]  # pyright: ignore[reportArgumentType]
    options = {
        field.name: getattr(one.cell, field.name)
        for field in fields
        if getattr(one.cell, field.name) != field.default
    }
    return {"name": one.cell.name, "hidden_size": one.hidden_size, **options}


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def _gate_of(one: PassTrace, array: np.ndarray) -> str | None:
    """The gate that an array is, if it is one."""
    for name, gate in one.values.items():
        if name not in one.cell.states and _equal(gate, array):
            return name
    return None


def _is_read_of_memory(one: PassTrace) -> bool:
    """Whether h = read * tanh(memory), so that the page need not carry it as well."""
    read, memory, h = np.asarray(one.roles.read), one.values[one.cell.memory], one.values["h"]
    if h.shape != memory.shape or _gate_of(one, read) is None:
        return False
    return np.allclose(h, read * np.tanh(memory), rtol=0, atol=1e-6, equal_nan=True)


def _role(
    one: PassTrace, array: np.ndarray, recording: Recording, columns: Columns, blocks: Blocks
) -> dict[str, Any]:
    """A role said through a gate's name where it is a gate, or what a gate leaves, or a number."""
    if array.size and array.min() == array.max():
        return {"number": float(array.flat[0])}
    gate = _gate_of(one, array)
    if gate is not None:
        return {"gate": gate}
    for name in one.cell.gates:
        if _equal(1 - one.values[name], array):
            return {"gate": name, "rest": True}
    return {"block": blocks.add_coded(columns.means(recording, array))}


def _add_weights(
    trace: Trace, recordings: list[dict[str, Any]], blocks: Blocks, *, what_if: bool | None
) -> None:
    """Put the weights and exact inputs where the page may compute for itself; else say why not."""
    for entry, recording in zip(recordings, trace.recordings, strict=True):
        numbers = [value.size for one in recording.passes for value in one.params.values()]
        size = 4 * sum(numbers)
        obstacle = None
        if entry["pool"] > 1:
            obstacle = "steps share columns here"
        elif any(one.zoneout for one in recording.passes):
            obstacle = "the layer has zoneout"
        elif what_if is False:
            obstacle = "it was not asked for"
        elif size > MOST_WEIGHTS:
            obstacle = f"the weights are {size / 2**20:.1f} MB, more than 2 MB"
        elif what_if is None and blocks.size <= SMALL_PAGE < blocks.size + size:
            obstacle = (
                f"with its {size / 1e6:.1f} MB of weights the page would pass 1 MB; "
                "what_if=True puts them in"
            )
        carried: dict[str, Any] = {"obstacle": obstacle}
        entry["what_if"] = carried
        if obstacle is None:
            shown = [each["index"] for each in entry["sequences"]]
            rows = [recording.inputs[recording.rows(number)] for number in shown]
            exact = np.concatenate(rows) if rows else recording.inputs[:0]
            carried["inputs"] = blocks.add(exact)
            for made, one in zip(entry["passes"], recording.passes, strict=True):
                made["params"] = {name: blocks.add(value) for name, value in one.params.items()}
