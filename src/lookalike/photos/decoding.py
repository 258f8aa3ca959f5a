"""What Pillow keeps for the whole process, set for as long as photos are read: its warnings and its limit of pixels.

Pillow warns about metadata it cannot parse; here that is nothing to tell (what cannot be parsed is left out), and
under ``-W error`` it would fail photos whose pixels are fine. And it refuses what has more than 179 million pixels,
TIFF and WebP anyhow, where our own limit (reading.py) may admit more. `warnings.catch_warnings` alone is not safe among
threads: whoever leaves last puts back what somebody else had changed. So the first thread to enter changes what there
is, and the last to leave restores it.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

__all__ = ["decoding"]

_lock = threading.Lock()
_n_inside = 0
_restore = warnings.catch_warnings()
_max_image_pixels: int | None = None


@contextmanager
def decoding(max_pixels: int) -> Iterator[None]:
    """Ignore warnings that arise inside Pillow, in any thread, until the last thread leaves.

    Parameters
    ----------
    max_pixels : int
        Pillow decodes pictures of so many pixels meanwhile, if it does not anyway.

    Yields
    ------
    None
    """
    global _n_inside, _restore, _max_image_pixels
    with _lock:
        if _n_inside == 0:
            _restore = warnings.catch_warnings()
            _restore.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
            _max_image_pixels = Image.MAX_IMAGE_PIXELS
        if Image.MAX_IMAGE_PIXELS is not None:  # Pillow refuses what has more than twice as many
            Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, -(-max_pixels // 2))
        _n_inside += 1
    try:
        yield
    finally:
        with _lock:
            _n_inside -= 1
            if _n_inside == 0:
                _restore.__exit__(None, None, None)
                Image.MAX_IMAGE_PIXELS = _max_image_pixels
