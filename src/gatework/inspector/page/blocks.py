"""Arrays as one stream of bytes that a page can carry, and the words that say where each is."""

import base64
import zlib
from typing import Any, Final, final

import numpy as np

# Codes of a 16-bit block: 0 to LEVELS stand for the range of a column, the rest for what has none.
LEVELS: Final = 65532
MINUS_INFINITY, INFINITY, NOT_A_NUMBER = range(LEVELS + 1, LEVELS + 4)


@final
class Blocks:
    """Named by where they lie: `add` and `add_coded` return the entry that a manifest needs.

    Example:
        >>> blocks = Blocks()
        >>> blocks.add(np.zeros((2, 3), np.float32))
        {'kind': 'f32', 'at': 0, 'shape': [2, 3]}
        >>> blocks.size
        24
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def add(self, array: np.ndarray) -> dict[str, Any]:
        """An array in float32, as it is."""
        entry = {"kind": "f32", "at": self.size, "shape": list(array.shape)}
        self._append(np.ascontiguousarray(array, "<f4").view(np.uint8).reshape(-1, 4).T)
        return entry

    def add_coded(self, array: np.ndarray) -> dict[str, Any]:
        """An array (N, size) in 16 bits, each column over its own range.

        A finite value comes back within half a level: its column's range / (2 LEVELS). NaN and the
        infinities come back as themselves.
        """
        finite = np.isfinite(array)
        exact = array.astype(np.float64)
        low = np.where(finite, exact, np.inf).min(axis=0, initial=np.inf)
        high = np.where(finite, exact, -np.inf).max(axis=0, initial=-np.inf)
        low = np.where(np.isfinite(low), low, 0.0).astype("<f4")
        span = np.where(np.isfinite(high), high, low) - low.astype(np.float64)
        level = (np.maximum(span, 0.0) / LEVELS).astype("<f4")
        scale = np.where(level > 0, level, 1.0).astype(np.float64)
        codes = np.full(array.shape, NOT_A_NUMBER, "<u2")
        near = np.clip(np.rint((exact - low) / scale), 0, LEVELS)
        codes[finite] = near[finite].astype("<u2")
        codes[np.isposinf(array)] = INFINITY
        codes[np.isneginf(array)] = MINUS_INFINITY
        entry = {"kind": "u16", "at": self.size, "shape": list(array.shape)}
        # High bytes before low ones: they change little from step to step and shrink well.
        self._append(codes.view(np.uint8).reshape(-1, 2).T)
        return entry | {"low": self.add(low), "level": self.add(level)}

    def packed(self) -> str:
        """All of it, deflated (raw, RFC 1951) and in base64."""
        squeezer = zlib.compressobj(level=6, wbits=-15)
        squeezed = squeezer.compress(b"".join(self._parts)) + squeezer.flush()
        return base64.b64encode(squeezed).decode("ascii")

    def _append(self, planes: np.ndarray) -> None:
        part = planes.tobytes()
        self._parts.append(part)
        self.size += len(part)
