"""From an encoder's name to an encoder."""

from __future__ import annotations

from collections.abc import Callable

from lookalike.encoders.card import Precision
from lookalike.encoders.encoder import ImageEncoder
from lookalike.encoders.packaged import PACKAGED, load_packaged
from lookalike.errors import UnknownEncoderError

DEFAULT_ENCODER = "efficientnet-lite2"


def load_encoder(
    name: str = DEFAULT_ENCODER,
    *,
    precision: Precision = "int8",
    n_threads: int = 1,
    progress: Callable[[str], None] | None = None,
) -> ImageEncoder:
    """Load an encoder, building what has to be built.

    Parameters
    ----------
    name
        ``"efficientnet-lite2"`` (the default), ``"efficientnet-lite0"`` (half the time, a little worse).
    precision
        ``"int8"`` or ``"fp32"``, of the two encoders named above; others come in one precision.
    n_threads
        Threads that one call of `encode` may use.
    progress
        Called with a line of text before anything that takes seconds.

    Raises
    ------
    UnknownEncoderError
        If there is no such encoder, or its package is not installed.
    EncoderError
        If its files are damaged.
    """
    if name in PACKAGED:
        return load_packaged(name, precision=precision, n_threads=n_threads, progress=progress)
    raise UnknownEncoderError(f"there is no encoder {name!r}. Known are {', '.join(sorted(PACKAGED))}.")
