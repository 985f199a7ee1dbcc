"""How far a result may be from the truth: one table, in units of rms(error) / rms(truth).

The truth is the reference backend in float64; the reference itself is held to torch.nn and to
numbers worked out by hand. A backend may err twice as much as the reference does in the same
dtype, plus the floor below, which matters where the reference happens to be exact.
"""

import torch
from torch import Tensor

FLOOR = {
    # Both sides round in float64; T = 63 steps of sums of 100 terms amplify 1e-16 by about 1e3.
    torch.float64: 1e-12,
    # A few units in the last place (6e-8), for another order of summation and another exp.
    torch.float32: 1e-6,
    # Half a unit in the last place (4e-3): results are rounded to bfloat16 at the end.
    torch.bfloat16: 4e-3,
}
SLACK = 2.0


def rms_ratio(value: Tensor, truth: Tensor) -> float:
    """rms(value - truth) / rms(truth); plain rms(value) where the truth is zero."""
    value, truth = value.detach().double(), truth.detach().double()
    if truth.numel() == 0:
        return 0.0
    scale = truth.square().mean().sqrt()
    return float((value - truth).square().mean().sqrt() / (scale if scale > 0 else 1.0))


def assert_close(name: str, value: Tensor, truth: Tensor, bound: float) -> None:
    """Fail unless `value` is within `bound` of `truth`; NaN never is."""
    assert value.shape == truth.shape, name
    error = rms_ratio(value, truth)
    assert error <= bound, f"{name}: rms ratio {error:.2e} is over {bound:.2e}"
