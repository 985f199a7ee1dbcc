"""The gate before every clock: results that differ from the truth are not timed."""

from collections.abc import Mapping

import torch
from torch import Tensor

TOLERANCE = 1e-4  # rms(error) / rms(truth): float32 sums of thousands of terms, against float64


class ParityError(Exception):
    """A result is wrong: a defect of ours, and no figure may be given."""


@torch.no_grad()
def check_parity(
    found: Mapping[str, Tensor], truth: Mapping[str, Tensor], where: str = ""
) -> float:
    """Return the largest rms(error) / rms(truth) over all results.

    Args:
        found: results by name.
        truth: the same in float64.
        where: what is being measured, for the message.

    Raises:
        ParityError: one of them is off by more than TOLERANCE, NaN included.
    """
    worst = 0.0
    for name, expected in truth.items():
        value = found[name].double()
        if value.shape != expected.shape:
            raise ParityError(
                f"{where}: {name} has shape {tuple(value.shape)}; expected {tuple(expected.shape)}"
            )
        error = float((value - expected).norm()) / (float(expected.norm()) or 1.0)
        if not error <= TOLERANCE:
            raise ParityError(
                f"{where}: {name} differs from float64 by {error:.1e} of its size; "
                f"at most {TOLERANCE:.0e} may be timed"
            )
        worst = max(worst, error)
    return worst
