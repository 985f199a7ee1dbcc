"""LSTM inference beside ONNX Runtime's LSTM operator: T=100, at batch 1 and 32.

    python benchmarks/onnxruntime_inference.py

Needs onnx and onnxruntime (`pip install onnx onnxruntime`). Its session is made once, with the same
number of threads, and its threads stop spinning between calls: they would take the cores from the
call that follows. It is given NumPy arrays and gives them.

Parity: both sides against torch.nn.LSTM in float64.
"""

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from harness import Row, is_wanted, make_parser, run
from torch import Tensor, nn

import gatework
from gatework.bench.parity import check_parity
from gatework.bench.passes import infer
from gatework.bench.timing import take_turns

STEPS = 100
POINTS = [(batch, size) for batch in (1, 32) for size in (32, 128, 256)]


def measure(arguments: argparse.Namespace) -> Iterator[Row]:
    """A line for each batch and width."""
    for batch, size in POINTS:
        what = f"T={STEPS} B={batch} I=H={size}"
        if is_wanted(arguments, what):
            yield point(batch, size, what, arguments.seconds)


def point(batch: int, size: int, what: str, seconds: float) -> Row:
    """One line."""
    layer = gatework.LSTM(size, size).eval()
    theirs = make_session(layer)
    x = torch.randn(STEPS, batch, size)
    array = x.numpy()
    exact = nn.LSTM(size, size, dtype=torch.float64)
    exact.load_state_dict(layer.state_dict())
    truth = infer(exact, x.double())
    check_parity({"y": torch.from_numpy(theirs(array)).squeeze(1)}, {"y": truth["y"]}, "ONNX")
    parity = check_parity(infer(layer, x), truth, what)
    taken = take_turns({"ours": lambda: infer(layer, x), "onnx": lambda: theirs(array)}, seconds)
    return {
        "what": what,
        "ms": 1e3 * taken["ours"],
        "onnxruntime_over_ours": taken["onnx"] / taken["ours"],
        "parity": parity,
    }


def make_session(layer: gatework.LSTM) -> Callable[[np.ndarray], np.ndarray]:
    """Return ONNX Runtime's LSTM with the weights of `layer`, as a call."""
    onnx: Any = importlib.import_module("onnx")
    helper, from_array = onnx.helper, onnx.numpy_helper.from_array
    params = layer.params(layer.passes[0])
    weights = {
        "W": reordered(params["weight_ih"]),
        "R": reordered(params["weight_hh"]),
        "B": torch.cat([reordered(params["bias_ih"]), reordered(params["bias_hh"])]),
    }
    float32 = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("LSTM", ["x", *weights], ["y"], hidden_size=layer.hidden_size)],
        "lstm",
        [helper.make_tensor_value_info("x", float32, ["T", "B", layer.input_size])],
        [helper.make_tensor_value_info("y", float32, ["T", 1, "B", layer.hidden_size])],
        [from_array(value[None].numpy(), name) for name, value in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)

    runtime: Any = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = runtime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda x: session.run(["y"], {"x": x})[0]


def reordered(weight: Tensor) -> Tensor:
    """From torch's order of gates, i f g o, to that of ONNX, i o f g."""
    i, f, g, o = weight.detach().chunk(4)
    return torch.cat([i, o, f, g])


if __name__ == "__main__":
    missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(f"{' and '.join(missing)} not installed here: pip install onnx onnxruntime")
    run(measure, make_parser(__doc__).parse_args())
