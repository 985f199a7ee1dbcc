"""A backend: plain data."""

from collections.abc import Callable
from dataclasses import dataclass

from gatework.ops.call import ScanCall, ScanResult


@dataclass(frozen=True)
class Backend:
    """One way to run a scan.

    Attributes:
        name: what `backend=` and GATEWORK_BACKEND call it.
        refuses: why it cannot run this call, as a clause in words ("it runs only float32"), or
            None if it can. It must be cheap, and decide on facts, not on values of tensors.
        run: the scan itself, for a call that it does not refuse.
    """

    name: str
    refuses: Callable[[ScanCall], str | None]
    run: Callable[[ScanCall], ScanResult]
