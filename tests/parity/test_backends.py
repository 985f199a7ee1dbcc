"""Every backend against the reference in float64; and each runs exactly what it promises."""

import pytest
import torch

from cases import (
    CELLS,
    DTYPES,
    PROMISES,
    REGULARISATIONS,
    SHAPES,
    Noise,
    make_inputs,
    results_and_gradients,
)
from gatework.ops import BACKENDS
from tolerances import FLOOR, SLACK, assert_close, rms_ratio

PROMISED = [
    pytest.param(backend, cell, shape, dtype, id=f"{backend}-{cell}-{shape}-{dtype}".lower())
    for backend, promise in PROMISES.items()
    if backend != "reference"  # which test_torch and tests/cells hold to the truth
    for cell in promise.cells
    for shape in SHAPES
    for dtype in promise.dtypes
    if promise.ragged or SHAPES[shape].lengths is None or shape == "equal"
]
REGULARISED = [
    pytest.param(backend, cell, shape, noise, id=f"{backend}-{cell}-{shape}-{noise}")
    for backend, promise in PROMISES.items()
    if promise.regularised
    for cell in promise.cells
    for shape in ("one_step", "two_steps", "ragged_no_bias", "ties")
    for noise in REGULARISATIONS
]


def test_every_backend_has_a_promise():
    assert [known.name for known in BACKENDS] == list(PROMISES)


@pytest.mark.parametrize("noise", [None, "recurrent_dropout", "zoneout"])
@pytest.mark.parametrize("trace", [False, True], ids=["", "trace"])
@pytest.mark.parametrize("shape", ["no_bias", "ties"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_refuses_exactly_what_it_does_not_promise(backend, cell, dtype, shape, trace, noise):
    inputs = make_inputs(CELLS[cell], SHAPES[shape]).to(dtype)
    called = inputs.call(trace=trace, noise=None if noise is None else REGULARISATIONS[noise])
    reason = backend.refuses(called)
    ragged = SHAPES[shape].lengths is not None
    promised = PROMISES[backend.name].covers(
        cell, dtype, ragged=ragged, trace=trace, regularised=noise is not None
    )
    assert (reason is None) == promised, reason
    if reason is not None:
        assert len(reason) > 10
        assert not reason.endswith(".")


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize(("backend", "cell", "shape", "dtype"), PROMISED, indirect=["backend"])
def test_backend_is_the_reference(backend, cell, shape, dtype, reverse):
    assert_is_reference(backend.name, cell, shape, dtype, reverse=reverse)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize(("backend", "cell", "shape", "noise"), REGULARISED, indirect=["backend"])
def test_backend_draws_the_masks_of_the_reference(backend, cell, shape, noise, reverse):
    """In float32, so the reference too is held to itself: masks do not depend on the dtype."""
    assert_is_reference(
        backend.name, cell, shape, torch.float32, reverse=reverse, noise=REGULARISATIONS[noise]
    )


def assert_is_reference(
    backend: str,
    cell: str,
    shape: str,
    dtype: torch.dtype,
    *,
    reverse: bool,
    noise: Noise | None = None,
) -> None:
    """Compare results and gradients with those of the reference in float64."""
    exact = make_inputs(CELLS[cell], SHAPES[shape])
    rounded = exact.to(dtype)
    exact = rounded.to(torch.float64)  # the same numbers on both sides
    truth = results_and_gradients(exact, exact.scan(reverse=reverse, noise=noise))
    peer = results_and_gradients(rounded, rounded.scan(reverse=reverse, noise=noise))
    result = rounded.scan(backend, reverse=reverse, noise=noise)
    values = results_and_gradients(rounded, result)
    for part, value in values.items():
        bound = SLACK * rms_ratio(peer[part], truth[part]) + FLOOR[dtype]
        if cell.startswith("lstm_layer_norm") and shape == "smallest":
            bound *= 10  # normalising one unit leaves differences of equal numbers: chance decides
        elif shape == "smallest":
            bound *= 3  # each gradient is one number, a sum of four that may cancel: likewise
        assert value.dtype == dtype
        assert_close(part, value, truth[part], bound)
