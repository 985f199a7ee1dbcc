"""What a page carries, without a browser: codes, columns, roles, words, scripts."""

import base64
import json
import re
import zlib

import numpy as np
import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.attribution import gradient_times_input, occlusion
from gatework.inspector.analyses.ledger import ledger
from gatework.inspector.analyses.subject import subject
from gatework.inspector.modules import asset, bundle
from gatework.inspector.page import Extras, page_html
from gatework.inspector.page.blocks import LEVELS, Blocks
from gatework.inspector.page.columns import Columns, choose
from gatework.inspector.page.payload import payload


def unpacked(packed: str) -> bytes:
    return zlib.decompress(base64.b64decode(packed), wbits=-15)


def floats(stream: bytes, entry: dict) -> np.ndarray:
    size = int(np.prod(entry["shape"], dtype=int))
    planes = np.frombuffer(stream, np.uint8, 4 * size, entry["at"]).reshape(4, size)
    return np.ascontiguousarray(planes.T).view("<f4").reshape(entry["shape"])


def decoded(stream: bytes, entry: dict) -> np.ndarray:
    size = int(np.prod(entry["shape"], dtype=int))
    planes = np.frombuffer(stream, np.uint8, 2 * size, entry["at"]).reshape(2, size)
    codes = (planes[0] + 256 * planes[1].astype(np.int64)).reshape(entry["shape"])
    return floats(stream, entry["low"]) + codes * floats(stream, entry["level"]).astype(np.float64)


def test_codes_keep_each_column_within_half_a_level():
    rng = np.random.default_rng(0)
    array = rng.normal(size=(50, 4)) * [1e-6, 1.0, 300.0, 0.0] + [0, 5, 0, 2]
    blocks = Blocks()
    _ = blocks.add(np.arange(3.0))  # so that nothing begins at 0
    entry = blocks.add_coded(array)
    found = decoded(unpacked(blocks.packed()), entry)
    spread = array.max(axis=0) - array.min(axis=0)
    # Half a level, and what float32 makes of the lowest value.
    allowed = spread / (2 * LEVELS) + 1e-7 * np.abs(array).max(axis=0)
    assert (np.abs(found - array).max(axis=0) <= 1.01 * allowed).all()


def test_floats_come_back_bit_for_bit():
    array = np.array([[1.5, np.nan, -np.inf], [3e-42, -0.0, 1e38]], np.float32)
    blocks = Blocks()
    entry = blocks.add(array)
    found = floats(unpacked(blocks.packed()), entry)
    np.testing.assert_array_equal(found.view(np.int32), array.view(np.int32))


def test_codes_of_a_column_without_a_number():
    blocks = Blocks()
    entry = blocks.add_coded(np.full((3, 1), np.nan))
    stream = unpacked(blocks.packed())
    assert set(stream[entry["at"] : entry["at"] + 6]) == {255}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("layer", [gatework.LSTM, gatework.GRU, gatework.RNN])
def test_pooled_columns_have_a_ledger_of_their_own(layer, reverse):
    net = layer(3, 5, bidirectional=True)
    recorded = gatework.trace(net, torch.randn(11, 2, 3), lengths=[11, 7])[""]
    part = recorded.find(reverse=reverse)
    columns = Columns((0, 1), 4, (11, 7))
    assert columns.counts == [3, 2]
    kept, written = columns.kept(recorded, part), columns.written(recorded, part)
    memory = columns.ends(recorded, part, part.values[part.cell.memory])
    for number, rows in ((0, slice(0, 3)), (1, slice(3, 5))):
        one = part.sequence(number)
        now = one.initial[part.cell.memory].astype(np.float64)
        order = range(rows.start, rows.stop)
        for column in reversed(order) if reverse else order:
            now = kept[column] * now + written[column]
            np.testing.assert_allclose(now, memory[column], atol=2e-6)
        np.testing.assert_allclose(now, ledger(one).memory, atol=2e-6)


def test_means_of_columns():
    recorded = gatework.trace(gatework.GRU(3, 5), torch.randn(10, 1, 3))[""]
    values = recorded.find().values["z"]
    found = Columns((0,), 4, (10,)).means(recorded, values)
    wanted = [values[:4].mean(0), values[4:8].mean(0), values[8:].mean(0)]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_as_many_sequences_as_fit_and_one_pooled_where_it_alone_does_not():
    recorded = gatework.trace(gatework.GRU(3, 5), torch.randn(10, 4, 3), lengths=[10, 6, 10, 1])[""]
    width = 4 * 5  # r, z, n, h
    assert choose(recorded, None, 10**9).sequences == (0, 1, 2, 3)
    assert choose(recorded, None, 16 * width).sequences == (0, 1)
    assert choose(recorded, (2, 1), 10**9).sequences == (2, 1)
    few = choose(recorded, None, 5 * width)
    assert (few.sequences, few.pool) == ((0,), 2)


ROLES = {
    "lstm": (gatework.LSTM(2, 3), {"gate": "f"}, {"gate": "i"}, {"gate": "o"}),
    "gru": (gatework.GRU(2, 3), {"gate": "z"}, {"gate": "z", "rest": True}, {"number": 1.0}),
    "rnn": (gatework.RNN(2, 3), {"number": 0.0}, {"number": 1.0}, {"number": 1.0}),
    "coupled": (gatework.LSTM(2, 3, coupled=True), {"gate": "f"}, {"gate": "f", "rest": True},
                {"gate": "o"}),
    "1997": (gatework.LSTM(2, 3, forget_gate=False), {"number": 1.0}, {"gate": "i"}, {"gate": "o"}),
}  # fmt: skip


@pytest.mark.parametrize("name", ROLES)
def test_roles_are_said_through_the_gates_names(name):
    layer, keep, write, read = ROLES[name]
    made = payload(gatework.trace(layer, torch.randn(5, 1, 2)), Extras())
    roles = made.manifest["recordings"][0]["passes"][0]["roles"]
    assert roles == {"keep": keep, "write": write, "read": read}


def test_an_array_is_carried_once():
    rnn = payload(gatework.trace(gatework.RNN(2, 3), torch.randn(5, 1, 2)), Extras())
    part = rnn.manifest["recordings"][0]["passes"][0]
    assert (list(part["values"]), part["same"]) == (["h"], {"n": "h"})
    lstm = payload(gatework.trace(gatework.LSTM(2, 3), torch.randn(5, 1, 2)), Extras())
    shown = lstm.manifest["recordings"][0]["passes"][0]["values"]["h"]
    assert shown == {"kind": "shown", "read": "o", "memory": "c"}


def test_words_cannot_end_the_element_they_are_in():
    words = ["</script>", "<!--", "&lt;", "\u2028"]
    trace = gatework.trace(gatework.GRU(2, 3), torch.randn(4, 1, 2), steps=[words])
    text = payload(trace, Extras()).manifest_json()
    assert not re.search(r"[<>&\u2028]", text)
    assert json.loads(text)["recordings"][0]["sequences"][0]["words"] == words


def test_attributions_are_laid_beside_the_steps_they_are_of():
    net, x = gatework.LSTM(3, 5), torch.randn(6, 2, 3)
    whole = subject(net, x, score=lambda answer: answer[0][-1].sum(-1))
    methods = (gradient_times_input(whole), occlusion(whole))
    made = payload(gatework.trace(net, x), Extras(attributions=methods))
    stream = unpacked(made.packed)
    entries = made.manifest["recordings"][0]["attributions"]
    for entry, method in zip(entries, methods, strict=True):
        steps = floats(stream, entry["steps"])
        np.testing.assert_allclose(steps, method.steps.T.ravel(), rtol=1e-5, atol=1e-7)
        error = floats(stream, entry["error"])
        np.testing.assert_allclose(error, method.completeness_error, rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match="the attribution by occlusion"):
        page_html(gatework.trace(net, x[:4]), extras=Extras(attributions=methods[1:]))


def test_a_sequence_that_is_not_there():
    trace = gatework.trace(gatework.GRU(2, 3), torch.randn(4, 2, 2))
    with pytest.raises(InputError, match="sequence 2 was asked for; the trace holds 2"):
        page_html(trace, sequences=(0, 2))


def test_modules_are_put_together_after_what_they_import():
    text = bundle("inspector")
    names = re.findall(r"^const module_(\w+) = ", text, re.MULTILINE)
    assert len(names) == len(set(names))
    for at, name in enumerate(names):
        for other in re.findall(
            r'^import \{[\w,\s]+\} from "\./(\w+)\.js";', asset(f"{name}.js"), re.MULTILINE
        ):
            assert other in names[:at]
    assert not re.search(
        r"^import |^export (?!const \{ start|default module_inspector)", text, re.MULTILINE
    )


def test_a_trace_keeps_what_its_page_was_made_of():
    trace = gatework.trace(gatework.LSTM(2, 3), torch.randn(5, 1, 2))
    before = {name: value.copy() for name, value in trace[""].find().values.items()}
    _ = page_html(trace)
    for name, value in trace[""].find().values.items():
        np.testing.assert_array_equal(value, before[name])
