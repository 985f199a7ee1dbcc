"""A Trace as one safetensors file: named blocks, and a manifest in the file's own metadata."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, final

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from gatework.cells import ALL_CELLS, AbstractCell
from gatework.errors import InputError
from gatework.files import atomic_write
from gatework.inspector.trace import Array, PassTrace, Recording, Trace, pass_name

FORMAT: Final = 1
KEY: Final = "gatework_trace"


class _Pass(msgspec.Struct, frozen=True):
    layer: int
    reverse: bool
    zoneout: Annotated[float, msgspec.Meta(ge=0, lt=1)]


class _Recording(msgspec.Struct, frozen=True):
    path: str
    call: int
    kind: str
    cell: str
    options: dict[str, Any]
    passes: list[_Pass]
    steps: list[str] | None
    features: list[str] | None
    replay_error: float | None


class _Manifest(msgspec.Struct, frozen=True):
    format: int
    sequences: list[str] | None
    recordings: list[_Recording]


def save_trace(trace: Trace, path: Path) -> None:
    """Write a trace to one file, whole or not at all."""
    blocks: dict[str, np.ndarray] = {}
    for number, recording in enumerate(trace.recordings):
        blocks[f"{number}.offsets"] = recording.offsets
        for name in ("loss", "outputs", "attention"):
            value = getattr(recording, name)
            if value is not None:
                blocks[f"{number}.{name}"] = value
        for each in recording.passes:
            where = f"{number}.{each.name}"
            blocks[f"{where}.inputs"] = each.inputs
            for kind in ("values", "initial", "params"):
                for name, value in getattr(each, kind).items():
                    blocks[f"{where}.{kind}.{name}"] = value
    manifest = msgspec.json.encode(_manifest(trace)).decode()
    plain = {name: np.ascontiguousarray(block) for name, block in blocks.items()}
    data = save(plain, metadata={KEY: manifest})
    with atomic_write(path) as beside:
        beside.write_bytes(data)


def load_trace(path: Path) -> Trace:
    """Read a trace that `save_trace` wrote. Nothing in it is executed.

    Raises:
        InputError: the file is missing, is no trace, is damaged, or is of a later version.
    """
    if not path.is_file():
        raise InputError(f"{path} is not there; expected a trace. `trace.save(path)` writes one.")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            blocks = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged or no safetensors file: {error}.") from error
    if KEY not in metadata:
        raise InputError(f"{path} holds tensors but no trace: expected {KEY} in its metadata.")
    try:
        return _trace(msgspec.json.decode(metadata[KEY], type=_Manifest), _Blocks(blocks))
    except (msgspec.DecodeError, _Misfit) as error:
        raise InputError(f"{path} is damaged: {error}. Record the trace again.") from error


class _Misfit(Exception):
    """The blocks do not fit the manifest, or each other."""


@final
class _Blocks:
    """The named arrays of a file, looked at before they are trusted."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self._arrays = arrays

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def rows(self, name: str, count: int) -> Array:
        """A block of floats with so many rows."""
        block = self._take(name)
        if block.ndim != 2 or len(block) != count or block.dtype.kind != "f":
            raise _Misfit(f"{name} is {block.dtype} {block.shape}; expected {count} rows of floats")
        return block

    def column(self, name: str, count: int) -> Array:
        """A block of one float a row."""
        block = self._take(name)
        if block.shape != (count,) or block.dtype.kind != "f":
            raise _Misfit(f"{name} is {block.dtype} {block.shape}; expected {count} floats")
        return block

    def offsets(self, name: str) -> NDArray[np.int64]:
        """Where sequences begin."""
        block = self._take(name)
        if block.dtype != np.int64 or block.ndim != 1 or not len(block) or block[0] != 0:
            raise _Misfit(f"{name} does not say where sequences begin")
        if (np.diff(block) < 0).any():
            raise _Misfit(f"{name} goes back")
        return block

    def under(self, prefix: str) -> dict[str, np.ndarray]:
        """The blocks whose names begin so, by the rest of their names."""
        return {
            name[len(prefix) :]: block
            for name, block in self._arrays.items()
            if name.startswith(prefix)
        }

    def _take(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            raise _Misfit(f"block {name} is missing")
        return self._arrays[name]


def _manifest(trace: Trace) -> _Manifest:
    return _Manifest(
        FORMAT,
        None if trace.sequences is None else list(trace.sequences),
        [
            _Recording(
                each.path,
                each.call,
                each.kind,
                *_plain(each.passes[0].cell),
                passes=[_Pass(one.layer, one.reverse, one.zoneout) for one in each.passes],
                steps=None if each.steps is None else list(each.steps),
                features=None if each.features is None else list(each.features),
                replay_error=each.replay_error,
            )
            for each in trace.recordings
        ],
    )


def _plain(cell: AbstractCell) -> tuple[str, dict[str, Any]]:
    """A cell's name, and its options as plain values."""
    fields = dataclasses.fields(cell)  # pyright: ignore[reportArgumentType]
    return cell.name, {field.name: getattr(cell, field.name) for field in fields if field.init}


def _cell(name: str, options: dict[str, Any]) -> AbstractCell:
    for kind in ALL_CELLS:
        if kind.name == name:
            try:
                return kind(**options)
            except (TypeError, InputError) as error:
                raise _Misfit(f"the {name} cell cannot be made: {error}") from error
    raise _Misfit(f"there is no cell {name!r}")


def _trace(manifest: _Manifest, blocks: _Blocks) -> Trace:
    if manifest.format > FORMAT:
        raise InputError(
            f"The trace was written by a later Gatework (format {manifest.format}; this one reads "
            f"up to {FORMAT}). Update with `pip install -U gatework`."
        )
    recordings = tuple(
        _recording(plain, f"{number}.", blocks) for number, plain in enumerate(manifest.recordings)
    )
    if not recordings:
        raise _Misfit("it holds no recording")
    names = None if manifest.sequences is None else tuple(manifest.sequences)
    if names is not None and len(names) != len(recordings[0].lengths):
        raise _Misfit(f"{len(names)} names for {len(recordings[0].lengths)} sequences")
    return Trace(recordings, names)


def _recording(plain: _Recording, prefix: str, blocks: _Blocks) -> Recording:
    cell = _cell(plain.cell, plain.options)
    offsets = blocks.offsets(f"{prefix}offsets")
    steps = int(offsets[-1])
    passes = tuple(_pass(each, cell, offsets, prefix, blocks) for each in plain.passes)
    if not passes:
        raise _Misfit("a recording holds no layer")
    inputs = passes[0].inputs.shape[1]
    for words, count, what in ((plain.steps, steps, "steps"), (plain.features, inputs, "inputs")):
        if words is not None and len(words) != count:
            raise _Misfit(f"{len(words)} words for {count} {what}")

    def optional(name: str, read: Callable[[str, int], Array]) -> Array | None:
        return read(prefix + name, steps) if prefix + name in blocks else None

    return Recording(
        path=plain.path,
        call=plain.call,
        kind=plain.kind,
        passes=passes,
        steps=None if plain.steps is None else tuple(plain.steps),
        features=None if plain.features is None else tuple(plain.features),
        loss=optional("loss", blocks.column),
        outputs=optional("outputs", blocks.rows),
        attention=optional("attention", blocks.rows),
        replay_error=plain.replay_error,
    )


def _pass(
    plain: _Pass, cell: AbstractCell, offsets: NDArray[np.int64], prefix: str, blocks: _Blocks
) -> PassTrace:
    where = prefix + pass_name(plain.layer, reverse=plain.reverse)
    steps, batch = int(offsets[-1]), len(offsets) - 1
    values = {
        name: blocks.rows(f"{where}.values.{name}", steps) for name in (*cell.gates, *cell.states)
    }
    initial = {name: blocks.rows(f"{where}.initial.{name}", batch) for name in cell.states}
    inputs = blocks.rows(f"{where}.inputs", steps)
    params = blocks.under(f"{where}.params.")
    width, shown = values[cell.memory].shape[1], values["h"].shape[1]
    shapes = cell.parameter_shapes(
        inputs.shape[1],
        width,
        bias=any("bias" in name for name in params),
        proj_size=shown if "weight_hr" in params else 0,
    )
    if shapes != {name: block.shape for name, block in params.items()}:
        raise _Misfit(f"the weights under {where} are not those of such a layer")
    if any(values[gate].shape[1] != width for gate in cell.gates):
        raise _Misfit(f"the gates under {where} are not all {width} wide")
    return PassTrace(
        layer=plain.layer,
        reverse=plain.reverse,
        cell=cell,
        offsets=offsets,
        values=values,
        initial=initial,
        params=params,
        inputs=inputs,
        zoneout=plain.zoneout,
    )
