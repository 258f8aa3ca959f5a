"""Vectors of the texts that were encoded last: a search asks for the same words again with every page."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

__all__ = ["KeptVectors"]

_KEPT_TEXTS = 1024  # vectors of some KB


class KeptVectors:
    """The vectors of the last 1,024 texts; safe to share between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = Lock()

    def put_into(self, out: NDArray[np.float32], texts: Sequence[str]) -> dict[str, list[int]]:
        """Put the vectors of known texts into their rows of `out` float32 (n, dim), and give the rows of the others."""
        missing: dict[str, list[int]] = {}
        with self._lock:
            for row, text in enumerate(texts):
                kept = self._kept.get(text)
                if kept is None:
                    missing.setdefault(text, []).append(row)
                else:
                    self._kept.move_to_end(text)
                    out[row] = kept
        return missing

    def keep(self, text: str, vector: NDArray[np.float32]) -> None:
        """Keep the vector float32 (dim,) of a text."""
        with self._lock:
            self._kept[text] = vector.copy()
            while len(self._kept) > _KEPT_TEXTS:
                self._kept.popitem(last=False)
