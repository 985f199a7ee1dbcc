"""The cells in JavaScript give the numbers of the cells in Python, step by step, to rounding."""

import dataclasses
import json
import os
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gatework
from cases import CELLS, INPUT_SIZE, Shape, make_inputs
from gatework.cells import AbstractCell
from gatework.inspector.trace import SequencePass

CELL_JS = files("gatework.inspector") / "page" / "assets" / "cell.js"
SHAPES = {
    "": Shape(7, 1, 3),
    " no bias": Shape(3, 1, 4, bias=False),
    " one unit": Shape(1, 1, 2),
}
STACKS: dict[str, torch.nn.Module] = {
    "lstm peephole": gatework.LSTM(5, 3, peephole=True),
    "lstm stacked": gatework.LSTM(5, 4, num_layers=3),
    "lstm stacked both ways": gatework.LSTM(5, 3, num_layers=2, bidirectional=True),
    "lstm stacked both ways projected": gatework.LSTM(
        5, 4, num_layers=2, bidirectional=True, proj_size=2, layer_norm=True
    ),
    "gru stacked both ways": gatework.GRU(5, 3, num_layers=2, bidirectional=True),
    "rnn both ways": gatework.RNN(5, 3, bidirectional=True),
    "torch's lstm": torch.nn.LSTM(5, 3, num_layers=2, bidirectional=True),
}


def test_parity_with_python(tmp_path: Path):
    """Every option of every cell, reverse and stacked, and the ledger against the recurrence."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node on the PATH")
    torch.manual_seed(0)
    cases = [_case_of_scan(name, shape) for name in CELLS for shape in SHAPES]
    cases += [_case_of_stack(name, steps) for name in STACKS for steps in (1, 6)]
    cases.append(_case_of_stack("lstm stacked both ways", 0))
    wanted = tmp_path / "cases.json"
    wanted.write_text(json.dumps({"cases": cases}))
    tests = Path(__file__).parent / "js" / "cell.test.mjs"
    result = subprocess.run(
        [node, "--test", "--test-reporter=spec", str(tests)],
        env=os.environ | {"GATEWORK_CELL_CASES": str(wanted), "GATEWORK_CELL_JS": str(CELL_JS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr
    assert f"pass {3 * len(cases) + 5}" in result.stdout


def _case_of_scan(name: str, shape_name: str) -> dict[str, Any]:
    """One cell from a state that is not zero, forwards and backwards."""
    shape, cell = SHAPES[shape_name], CELLS[name]
    drawn = make_inputs(cell, shape)
    passes = []
    for reverse in (False, True):
        result = drawn.scan(reverse=reverse, trace=True)
        assert result.trace is not None
        one = SequencePass(
            cell,
            reverse,
            {key: value[:, 0].detach().numpy() for key, value in result.trace.items()},
            {
                key: part[0].detach().numpy()
                for key, part in zip(cell.states, drawn.state, strict=True)
            },
            {key: value.detach().numpy() for key, value in drawn.params.items()},
            drawn.x[:, 0].detach().numpy(),
        )
        passes.append(_pass(one, 0, shape.hidden_size))
    hidden = np.concatenate([np.array(one["h"]) for one in passes], axis=1)
    inputs = drawn.x[:, 0].detach().numpy()
    assert inputs.shape[1] == INPUT_SIZE
    return _case(f"{name}{shape_name}", inputs, passes, hidden)


def _case_of_stack(name: str, steps: int) -> dict[str, Any]:
    """A whole layer of ours or of torch, through its trace."""
    model = STACKS[name].double()
    x = torch.randn(steps, 1, 5, dtype=torch.float64)
    if steps == 0:
        recorded = gatework.trace(model, torch.randn(2, 1, 5).double(), lengths=[0])[""]
    else:
        recorded = gatework.trace(model, x)[""]
    passes = [_pass(each.sequence(0), each.layer, each.hidden_size) for each in recorded.passes]
    label = name if steps == 6 else f"{name}, {steps} steps"
    return _case(label, recorded.inputs, passes, recorded.hidden)


def _case(
    name: str, inputs: np.ndarray, passes: list[dict[str, Any]], hidden: np.ndarray
) -> dict[str, Any]:
    assert inputs.dtype == hidden.dtype == np.float64
    for one in passes:
        del one["h"]
    return {
        "name": name,
        "inputs": inputs.ravel().tolist(),
        "passes": passes,
        "hidden": hidden.ravel().tolist(),
    }


def _pass(one: SequencePass, layer: int, hidden_size: int) -> dict[str, Any]:
    keep, write, read = (np.array(part) for part in one.roles)
    in_order = {
        name: one.in_scan_order(part)
        for name, part in (("keep", keep), ("write", write), ("candidate", one.candidate))
    }
    initial = one.initial[one.cell.memory]
    return {
        "cell": _cell(one.cell, hidden_size),
        "layer": layer,
        "reverse": one.reverse,
        "params": _flat(one.params),
        "state": _flat(one.initial),
        "values": _flat(one.values),
        "roles": _flat({"keep": keep, "write": write, "read": read, "candidate": one.candidate}),
        "ledger": _flat(in_order | {"initial": initial, "memory": _recurrence(in_order, initial)}),
        "h": one.values["h"].tolist(),
    }


def _recurrence(parts: dict[str, np.ndarray], initial: np.ndarray) -> np.ndarray:
    """m' = keep m + write candidate, one step after another: what the ledger unrolls."""
    memory, after = initial, []
    for keep, write, candidate in zip(*(parts[name] for name in parts), strict=True):
        memory = keep * memory + write * candidate
        after.append(memory)
    return np.array(after)


def _cell(cell: AbstractCell, hidden_size: int) -> dict[str, Any]:
    """The cell as cell.js takes it: the options that are away from their defaults."""
    fields = [each for each in dataclasses.fields(cell) if each.init]  # pyright: ignore[reportArgumentType]
    options = {each.name: getattr(cell, each.name) for each in fields}
    changed = {
        each.name: options[each.name] for each in fields if options[each.name] != each.default
    }
    return {"name": cell.name, "hidden_size": hidden_size, **changed}


def _flat(arrays: Any) -> dict[str, list[float]]:
    return {name: np.asarray(array).ravel().tolist() for name, array in arrays.items()}
