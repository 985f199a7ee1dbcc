"""The backends, fastest first: `scan` takes the first that does not refuse."""

from gatework.ops.aten import ATEN
from gatework.ops.backend import Backend
from gatework.ops.native import NATIVE
from gatework.ops.reference import REFERENCE

BACKENDS: tuple[Backend, ...] = (NATIVE, ATEN, REFERENCE)
