"""The one decorator of compiled kernels: Numba's flags, cache and first-compile notice in one place.

Flags: no GIL; NumPy's rules for division by zero; sums may be reordered, so that they become vector instructions,
but NaN and infinity keep their meaning (never a bare ``fastmath=True``, which breaks ``isnan`` and ``inf``).

Compiled code is cached on disk beside the sources, or, where that is not writable, in the user's cache folder; a
second process only loads it. Numba is imported when the first compiled kernel is needed, not before.
"""

# ruff: noqa: ANN401 - the types of Numba and llvmlite are not published
from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core import event

__all__ = ["compiled"]

P = ParamSpec("P")
R = TypeVar("R")

_FLAGS = {"nogil": True, "error_model": "numpy", "fastmath": {"nsz", "arcp", "contract", "afn", "reassoc"}}


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers for this machine, at its first call with each combination of types."""
    try:
        made = numba.njit(cache=True, **_FLAGS)(function)
    except RuntimeError:  # no place to write a cache to
        made = numba.njit(**_FLAGS)(function)
    return cast("Callable[P, R]", made)


class _Notice(event.Listener):  # type: ignore[misc]
    """Says once on stderr that compiling has begun, so that nobody thinks it hangs."""

    said = False

    def on_start(self, event: Any) -> None:
        if not self.said and event.data["dispatcher"].py_func.__module__.startswith("lookalike."):
            self.said = True
            sys.stderr.write("Lookalike is compiling its search for this machine: once, some seconds.\n")

    def on_end(self, event: Any) -> None:
        return


event.register("numba:compile", _Notice())
