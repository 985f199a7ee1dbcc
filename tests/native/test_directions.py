"""Two directions side by side: those of two scans, to the bit."""

import pytest
import torch

from cases import Inputs, Shape, make_inputs
from gatework.errors import InputError
from gatework.ops import core, scan, scan_directions
from native_calls import NOISES, RAGGED, RUNS, gradients, noise_for

pytestmark = pytest.mark.skipif(core.UNAVAILABLE is not None, reason=str(core.UNAVAILABLE))


def pair(cell: str, shape: Shape) -> tuple[Inputs, Inputs]:
    """One x, and params and states of two directions."""
    ahead = make_inputs(RUNS[cell], shape).to(torch.float32)
    back = make_inputs(RUNS[cell], shape, seed=1).to(torch.float32)
    return ahead, back._replace(x=ahead.x)


def run_both(ahead: Inputs, back: Inputs, noise: str, backend: str | None, *, trace: bool = False):
    """Every result, and every gradient."""
    output, state, traces = scan_directions(
        ahead.cell,
        (ahead.params, back.params),
        ahead.x,
        (ahead.state, back.state),
        ahead.lengths,
        trace=trace,
        regularisations=(noise_for(ahead.cell, noise), noise_for(ahead.cell, noise)),
        backend=backend,
    )
    assert len(traces) == (2 if trace else 0)
    values = [output, *state]
    values += [part for trace in traces for _, part in sorted(trace.items())]
    return values, gradients(values, [*ahead.leaves().values(), *list(back.leaves().values())[1:]])


@pytest.mark.parametrize(
    "shape", [RAGGED, Shape(40, 3, 17), Shape(5, 2, 8, (2, 1)), Shape(1, 1, 1)]
)
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("cell", RUNS)
def test_both_are_two_scans(cell: str, noise: str, shape: Shape):
    ahead, back = pair(cell, shape)
    values, found = run_both(ahead, back, noise, "native")
    results = [
        scan(
            each.cell, each.params, each.x, each.state, each.lengths, reverse=each is back,
            regularisation=noise_for(each.cell, noise), backend="native",
        )
        for each in (ahead, back)
    ]  # fmt: skip
    output = torch.cat([result.output for result in results], dim=-1)
    apart = [output, *map(torch.stack, zip(*[result.state for result in results], strict=True))]
    leaves = [*ahead.leaves().values(), *list(back.leaves().values())[1:]]
    for a, b in zip(values, apart, strict=True):
        assert torch.equal(a, b)
    for index, (a, b) in enumerate(zip(found, gradients(apart, leaves), strict=True)):
        if index:
            assert torch.equal(a, b)
        else:  # x: two terms that may be added in either order
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell", RUNS)
def test_other_backends_run_one_after_the_other(cell: str):
    ahead, back = pair(cell, RAGGED)
    for a, b in zip(
        run_both(ahead, back, "plain", "native")[0],
        run_both(ahead, back, "plain", "reference")[0],
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [RAGGED, Shape(5, 2, 8, (2, 1))])
@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("cell", RUNS)
def test_traces_are_those_of_two_scans(cell: str, backend: str, shape: Shape):
    ahead, back = pair(cell, shape)
    both = scan_directions(
        ahead.cell,
        (ahead.params, back.params),
        ahead.x,
        (ahead.state, back.state),
        ahead.lengths,
        trace=True,
        backend=backend,
    )
    for each, trace in zip((ahead, back), both.traces, strict=True):
        apart = scan(
            ahead.cell, each.params, each.x, each.state, each.lengths,
            reverse=each is back, trace=True, backend=backend,
        ).trace  # fmt: skip
        assert apart is not None
        assert trace.keys() == apart.keys()
        for name, values in trace.items():
            assert torch.equal(values, apart[name])


def test_a_loss_on_both_traces_has_the_gradients_of_the_reference():
    ahead, back = pair("lstm", RAGGED)
    found = run_both(ahead, back, "zoneout", "native", trace=True)[1]
    known = run_both(ahead, back, "zoneout", "reference", trace=True)[1]
    for a, b in zip(found, known, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_zeros_are_the_default_state():
    ahead, back = pair("gru", RAGGED)
    output, (h_n,), _ = scan_directions(
        ahead.cell, (ahead.params, back.params), ahead.x, None, ahead.lengths
    )
    assert output.shape == (9, 5, 40)
    assert h_n.shape == (2, 5, 20)
    assert h_n[:, 1].eq(0).all()


def test_errors_are_those_of_scan():
    ahead, back = pair("lstm", RAGGED)
    with pytest.raises(InputError, match="expected 2"):
        scan_directions(
            ahead.cell, (ahead.params, back.params), ahead.x, (ahead.state, back.state[:1])
        )


def test_threads_change_nothing():
    ahead, back = pair("lstm_peephole", Shape(12, 9, 96, (12, 3, 0, 12, 7, 5, 1, 2, 9)))
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 4):
            torch.set_num_threads(threads)
            values, found = run_both(ahead, back, "plain", "native")
            results.append([*values, *found])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))
