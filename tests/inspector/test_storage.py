"""A trace is one file: what was written comes back, and what is damaged is named."""

import dataclasses
import json
import struct

import numpy as np
import pytest
import torch
from torch import nn

import gatework
from gatework.errors import InputError
from gatework.inspector import Recording, Trace

SEVENTH = {"layer": 7, "reverse": False, "zoneout": 0.0}


def make_trace() -> Trace:
    torch.manual_seed(0)
    model = gatework.LSTM(3, 7, num_layers=2, bidirectional=True, peephole=True, proj_size=2)
    return gatework.trace(
        model,
        torch.randn(5, 3, 3),
        lengths=[5, 0, 2],
        steps=[["a", "\u00e9", "</script>", "", "e"], [], ["x", "y"]],
        features=["u", "v", "w"],
        sequences=["one", "two", "three"],
        loss=torch.randn(5, 3),
    )


def same(one: Recording, other: Recording) -> None:
    for field in dataclasses.fields(Recording):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if field.name == "passes":
            for mine, theirs in zip(left, right, strict=True):
                for name in ("layer", "reverse", "cell", "zoneout"):
                    assert getattr(mine, name) == getattr(theirs, name)
                np.testing.assert_array_equal(mine.offsets, theirs.offsets)
                np.testing.assert_array_equal(mine.inputs, theirs.inputs)
                for kind in ("values", "initial", "params"):
                    assert set(getattr(mine, kind)) == set(getattr(theirs, kind))
                    for name, value in getattr(mine, kind).items():
                        np.testing.assert_array_equal(value, getattr(theirs, kind)[name])
        elif isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right)
        else:
            assert left == right


def test_everything_comes_back(tmp_path):
    trace = make_trace()
    trace.save(tmp_path / "a.trace")
    back = Trace.load(tmp_path / "a.trace")
    assert (back.sequences, back.fingerprint) == (trace.sequences, trace.fingerprint)
    for one, other in zip(trace.recordings, back.recordings, strict=True):
        same(one, other)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_replayed_layers_come_back(tmp_path, kind):
    trace = gatework.trace(kind(3, 4), torch.randn(5, 2, 3))
    trace.save(tmp_path / "a.trace")
    same(trace[""], Trace.load(tmp_path / "a.trace")[""])


@pytest.mark.parametrize(
    "options",
    [
        {"layer_norm": True},
        {"layer_norm": True, "bias": False},
        {"bias": False, "coupled": True},
        {"cell_clip": 1.0, "forget_gate": False},
        {"full_recurrence": True},
        {"dtype": torch.float64},
        {"zoneout": 0.2},
    ],
    ids=str,
)
def test_every_cell_comes_back(tmp_path, options):
    layer = gatework.LSTM(3, 4, **options)
    trace = gatework.trace(layer, torch.randn(5, 2, 3, dtype=layer.all_weights[0][0].dtype))
    trace.save(tmp_path / "a.trace")
    same(trace[""], Trace.load(tmp_path / "a.trace")[""])


def header(path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def rewrite(path, change) -> None:
    """Change the manifest of a trace's file."""
    head, body = header(path)
    manifest = json.loads(head["__metadata__"]["gatework_trace"])
    change(manifest)
    head["__metadata__"]["gatework_trace"] = json.dumps(manifest)
    plain = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(plain)) + plain + body)


def first(manifest):
    return manifest["recordings"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(format=9), "later Gatework"),
        (lambda m: m.update(recordings=[]), "holds no recording"),
        (lambda m: first(m).update(cell="lstn"), "no cell 'lstn'"),
        (lambda m: first(m).update(options={"colour": 1}), "cannot be made"),
        (lambda m: first(m)["options"].update(peephole=False), "not those of such a layer"),
        (lambda m: first(m)["options"].update(coupled=True), "not those of such a layer"),
        (lambda m: first(m).update(passes=[]), "holds no layer"),
        (
            lambda m: first(m)["passes"].append({"layer": 7, "reverse": False, "zoneout": 0.0}),
            "is missing",
        ),
        (lambda m: first(m)["steps"].pop(), "6 words for 7 steps"),
        (lambda m: first(m)["features"].append("z"), "4 words for 3 inputs"),
        (lambda m: m["sequences"].append("four"), "4 names for 3 sequences"),
        (lambda m: m.pop("sequences"), "sequences"),
    ],
)
def test_a_damaged_manifest_is_named(tmp_path, change, said):
    path = tmp_path / "a.trace"
    make_trace().save(path)
    rewrite(path, change)
    with pytest.raises(InputError, match=said):
        Trace.load(path)


def test_a_file_that_is_no_trace_is_named(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        Trace.load(tmp_path / "none")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(InputError, match=r"text is damaged or no safetensors file"):
        Trace.load(tmp_path / "text")
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3)}, tmp_path / "tensors")
    with pytest.raises(InputError, match="holds tensors but no trace"):
        Trace.load(tmp_path / "tensors")


def test_every_cut_of_a_file_is_an_input_error(tmp_path):
    path = tmp_path / "a.trace"
    make_trace().save(path)
    data = path.read_bytes()
    for share in (0.0, 0.1, 0.5, 0.9, 0.999):
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(InputError, match="damaged"):
            Trace.load(path)
