"""First and second derivatives of the reference against finite differences, for every cell."""

import pytest
import torch

from cases import CELLS, REGULARISATIONS, Inputs, Noise, Shape, make_inputs

TINY = Shape(3, 3, 2, (3, 0, 2))


def flat_scan(inputs: Inputs, *, reverse: bool, noise: Noise | None = None):
    """The scan as a function of its leaves alone, trace included."""
    names, states = list(inputs.params), len(inputs.state)

    def run(*leaves: torch.Tensor) -> tuple[torch.Tensor, ...]:
        params = dict(zip(names, leaves[1 + states :], strict=True))
        moved = inputs._replace(x=leaves[0], state=leaves[1 : 1 + states], params=params)
        result = moved.scan(reverse=reverse, trace=True, noise=noise)
        assert result.trace is not None
        return (result.output, *result.state, *result.trace.values())

    return run


@pytest.mark.parametrize("name", CELLS)
def test_gradcheck(name):
    inputs = make_inputs(CELLS[name], TINY)
    leaves = tuple(inputs.leaves().values())
    assert torch.autograd.gradcheck(flat_scan(inputs, reverse=True), leaves, fast_mode=True)


@pytest.mark.parametrize("name", CELLS)
def test_gradgradcheck(name):
    inputs = make_inputs(CELLS[name], TINY)
    leaves = tuple(inputs.leaves().values())
    assert torch.autograd.gradgradcheck(flat_scan(inputs, reverse=False), leaves, fast_mode=True)


@pytest.mark.parametrize("noise", REGULARISATIONS.values(), ids=REGULARISATIONS)
@pytest.mark.parametrize("name", ["gru", "gru_reset_before", "lstm", "lstm_everything"])
def test_both_under_regularisation(name, noise):
    inputs = make_inputs(CELLS[name], TINY)
    leaves = tuple(inputs.leaves().values())
    run = flat_scan(inputs, reverse=True, noise=noise)
    assert torch.autograd.gradcheck(run, leaves, fast_mode=True)
    assert torch.autograd.gradgradcheck(run, leaves, fast_mode=True)
