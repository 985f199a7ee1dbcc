"""Streams on the core: the scan's own results, threads, memory."""

import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gatework.errors import InputError
from gatework.layers import LSTM, RNN, Stream
from gatework.ops import core

pytestmark = pytest.mark.skipif(core.UNAVAILABLE is not None, reason=str(core.UNAVAILABLE))
MEMORY = Path("/proc/self/statm")


def run(stream: Stream, x: Tensor) -> Tensor:
    return torch.stack([stream.step(sample) for sample in x])


@pytest.mark.parametrize("num_layers", [1, 3])
def test_an_lstm_is_the_scan_bit_for_bit(num_layers: int):
    layer, x = LSTM(3, 37, num_layers=num_layers), torch.randn(12, 3)
    stream = Stream(layer, "native")
    with torch.no_grad():
        y, state = layer(x)
    assert torch.equal(run(stream, x), y)
    assert all(torch.equal(a, b) for a, b in zip(stream.state, state, strict=True))


class Wrapper(Tensor):
    """A tensor that holds no memory itself, as DTensor is."""

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise NotImplementedError(func)


def test_a_tensor_without_memory_is_refused():
    x = torch.Tensor._make_wrapper_subclass(Wrapper, (3,), dtype=torch.float32)
    with pytest.raises(InputError, match="x is a Wrapper without memory"):
        Stream(LSTM(3, 8), "native").step(x)


def test_streams_in_two_threads():
    layer, x = LSTM(3, 37, num_layers=2), torch.randn(300, 3)
    # The last is large enough to let the other threads run while it computes.
    large, x_large = LSTM(300, 300), torch.randn(50, 300)
    cases = [(layer, x), (layer, x.flip(0)), (large, x_large), (large, x_large.flip(0))]
    expected = [run(Stream(each), samples) for each, samples in cases]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda case: run(Stream(case[0]), case[1]), cases))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("backend", [None, "reference"])
def test_one_stream_in_two_threads_takes_every_step_once(backend: str | None):
    layer: Any = RNN(1, 256, nonlinearity="relu", num_layers=4, bias=False)
    with torch.no_grad():
        for name, weight in layer.named_parameters():
            weight.zero_()
            if "hh" in name and "l0" in name:
                weight.copy_(torch.eye(256))  # the lowest layer counts
        layer.weight_ih_l0.fill_(1)
    stream = Stream(layer, backend)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: stream.step([1.0]), range(400)))
    assert stream.state[0].eq(400).all()


@pytest.mark.skipif(not MEMORY.exists(), reason="it reads the memory in use as Linux tells it")
def test_many_steps_hold_no_more_memory():
    def resident() -> int:
        return int(MEMORY.read_text().split()[1]) * resource.getpagesize()

    stream, x = Stream(LSTM(8, 32)), torch.randn(8)
    for _ in range(1000):
        stream.step(x)
    before = resident()
    for _ in range(100_000):
        stream.step(x)
    assert resident() - before < 2 << 20  # an output each would be 12 MiB
