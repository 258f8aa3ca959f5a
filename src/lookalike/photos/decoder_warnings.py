"""Decoders' warnings kept off the user's screen, and kept from turning into errors, while photos are read.

Pillow warns about metadata it cannot parse; here that is nothing to tell (what cannot be parsed is left out), and
under ``-W error`` it would fail photos whose pixels are fine. `warnings.catch_warnings` alone is not safe among
threads: whoever leaves last puts back what somebody else had changed. So the first thread to enter changes the filters,
and the last to leave restores them.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["decoder_warnings_ignored"]

_lock = threading.Lock()
_n_inside = 0
_restore = warnings.catch_warnings()


@contextmanager
def decoder_warnings_ignored() -> Iterator[None]:
    """Ignore warnings that arise inside Pillow, in any thread, until the last thread leaves.

    Yields
    ------
    None
    """
    global _n_inside, _restore
    with _lock:
        if _n_inside == 0:
            _restore = warnings.catch_warnings()
            _restore.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
        _n_inside += 1
    try:
        yield
    finally:
        with _lock:
            _n_inside -= 1
            if _n_inside == 0:
                _restore.__exit__(None, None, None)
