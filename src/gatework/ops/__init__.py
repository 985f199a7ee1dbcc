"""Running a cell over a batch of sequences: `scan`, and the backends that can do it.

This room must not know who owns the parameters, nor any layer, model or task.
"""

from gatework.ops.backend import Backend
from gatework.ops.call import DirectionsResult, Memory, ScanCall, ScanResult
from gatework.ops.directions import scan_directions
from gatework.ops.elementwise import cross_entropy, drop
from gatework.ops.noise import Regularisation, check_probability
from gatework.ops.registry import BACKENDS
from gatework.ops.scan import Explanation, explain, scan

__all__ = [
    "BACKENDS",
    "Backend",
    "DirectionsResult",
    "Explanation",
    "Memory",
    "Regularisation",
    "ScanCall",
    "ScanResult",
    "check_probability",
    "cross_entropy",
    "drop",
    "explain",
    "scan",
    "scan_directions",
]
