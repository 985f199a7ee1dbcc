"""Packed weights are kept between calls, and never stale: every way to change a weight."""

import copy
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from gatework.layers import LSTM
from gatework.ops import core

WIDE = 256  # panels of a mebibyte or more are kept

pytestmark = pytest.mark.skipif(core.UNAVAILABLE is not None, reason=str(core.UNAVAILABLE))


@torch.no_grad()
def assign_data(layer: LSTM) -> None:
    layer.get_parameter("weight_hh_l0").data = torch.randn_like(layer.get_parameter("weight_hh_l0"))


def write_data(layer: LSTM) -> None:
    layer.get_parameter("weight_ih_l0").data[3, 2] += 1  # which no version counter sees


def write_numpy(layer: LSTM) -> None:
    layer.get_parameter("bias_hh_l0").detach().numpy()[-1] = 2


def write_storage(layer: LSTM) -> None:
    storage = layer.get_parameter("weight_hh_l0").untyped_storage()
    storage[7] = storage[7] ^ 1  # one bit of one byte


@torch.no_grad()
def in_place(layer: LSTM) -> None:
    layer.get_parameter("weight_hh_l0").mul_(1.5)


@torch.no_grad()
def swap(layer: LSTM) -> None:
    layer.get_parameter("weight_hh_l0")[:2] = layer.get_parameter("weight_hh_l0")[:2].flip(0)


def load(layer: LSTM) -> None:
    layer.load_state_dict(LSTM(8, WIDE).state_dict())


def step(layer: LSTM) -> None:
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    layer(torch.randn(3, 2, 8))[0].sum().backward()
    optimizer.step()
    layer.zero_grad()


def inference_step(layer: LSTM) -> None:
    with torch.inference_mode():
        layer.get_parameter("weight_ih_l0").neg_()


WAYS = (
    assign_data,
    write_data,
    write_numpy,
    write_storage,
    in_place,
    swap,
    load,
    step,
    inference_step,
)


@torch.no_grad()
def output(layer: LSTM, x: Tensor) -> Tensor:
    return layer(x)[0]


def fresh(layer: LSTM, x: Tensor) -> Tensor:
    """What a pass gives that packs anew, as one that leaves a tape does."""
    return layer(x)[0].detach()


@pytest.mark.parametrize("change", WAYS)
def test_a_changed_weight_is_packed_anew(change: Callable[[LSTM], None]):
    layer, x = LSTM(8, WIDE), torch.randn(5, 3, 8)
    before = output(layer, x)
    assert torch.equal(output(layer, x), before)
    change(layer)
    after = output(layer, x)
    assert not torch.equal(after, before)
    assert torch.equal(after, fresh(layer, x))


def test_many_layers_take_turns():
    # More than are kept.
    layers, x = (
        [LSTM(8, size) for size in (WIDE, 300, 512, 700) for _ in range(6)],
        torch.randn(2, 1, 8),
    )
    for _ in range(2):
        for layer in layers:
            assert torch.equal(output(layer, x), fresh(layer, x))


def test_a_copy_and_its_original_differ_only_where_changed():
    layer, x = LSTM(8, WIDE), torch.randn(5, 3, 8)
    before = output(layer, x)
    twin = copy.deepcopy(layer)
    assert torch.equal(output(twin, x), before)
    in_place(twin)
    assert torch.equal(output(twin, x), fresh(twin, x))
    assert torch.equal(output(layer, x), before)


def test_cells_of_one_shape_are_told_apart():
    layers = [
        LSTM(8, WIDE, input_gate=False),
        LSTM(8, WIDE, forget_gate=False),
        LSTM(8, WIDE, output_gate=False),
    ]
    for layer in layers:
        layer.load_state_dict(layers[0].state_dict())
    x = torch.randn(5, 3, 8)
    for layer in layers:
        assert torch.equal(output(layer, x), fresh(layer, x))


def test_threads_that_change_their_weights():
    def work(seed: int) -> bool:
        layer, x = LSTM(8, WIDE), torch.randn(5, 3, 8)
        good = True
        for _ in range(20):
            in_place(layer)
            good = good and torch.equal(output(layer, x), fresh(layer, x))
        return good

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def _in_child(queue: "multiprocessing.Queue[bool]", layer: LSTM, x: Tensor) -> None:
    same = torch.equal(output(layer, x), fresh(layer, x))
    in_place(layer)
    queue.put(same and torch.equal(output(layer, x), fresh(layer, x)))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_them_too():
    layer, x = LSTM(8, WIDE), torch.randn(5, 3, 8)
    before = output(layer, x)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    with ThreadPoolExecutor(1) as pool:  # forks while another thread is at it
        busy = pool.submit(lambda: [output(layer, x) for _ in range(200)])
        children = [
            context.Process(target=_in_child, args=(queue, copy.deepcopy(layer), x))
            for _ in range(5)
        ]
        for child in children:
            child.start()
        try:
            assert all(queue.get(timeout=30) for _ in children)
        finally:
            for child in children:
                child.join(10)
                child.kill()
        busy.result()
    assert torch.equal(output(layer, x), before)


def test_the_fingerprint_sees_every_bit_and_every_place():
    data = torch.zeros(200, dtype=torch.uint8)
    seen = {core.fingerprint(data)}
    for place in range(len(data)):
        for bit in range(8):
            data[place] = 1 << bit
            seen.add(core.fingerprint(data))
        data[place] = 0
    assert len(seen) == 1 + 200 * 8
    seen |= {core.fingerprint(data[:length]) for length in range(200)}
    assert len(seen) == 1 + 200 * 8 + 200
    words = torch.randn(64)
    moved = {core.fingerprint(words.roll(shift)) for shift in range(64)}
    swapped = {core.fingerprint(torch.cat([words[at:], words[:at]]).neg()) for at in range(64)}
    assert len(moved | swapped) == 128
    assert core.fingerprint(words) == core.fingerprint(words.clone())
