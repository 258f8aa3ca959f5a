"""From an encoder's name to an encoder."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from lookalike.encoders.card import Precision
from lookalike.encoders.card_file import load_card_file, read_text_side
from lookalike.encoders.encoder import ImageEncoder
from lookalike.encoders.packaged import PACKAGED, load_packaged
from lookalike.errors import InvalidArgumentError, UnknownEncoderError

__all__ = ["DEFAULT_ENCODER", "has_text_side", "load_encoder"]


DEFAULT_ENCODER = "efficientnet-lite2"


def load_encoder(
    name: str | os.PathLike[str] = DEFAULT_ENCODER,
    *,
    precision: Precision = "int8",
    n_threads: int = 1,
    progress: Callable[[str], None] | None = None,
) -> ImageEncoder:
    """Load an encoder, building what has to be built.

    Parameters
    ----------
    name
        ``"efficientnet-lite2"`` (the default); ``"efficientnet-lite0"`` (half the time, a little worse);
        ``"path/to/card.toml"`` for any ONNX file (docs/formats/encoder-card.md); ``"timm:NAME"`` and
        ``"open_clip:NAME"`` with the extras of these names.
    precision
        ``"int8"`` or ``"fp32"``, of the first two; all others come in one precision and ignore this.
    n_threads
        Threads that one call of `encode` may use.
    progress
        Called with a line of text before anything that takes seconds.

    Raises
    ------
    UnknownEncoderError
        If there is no such encoder, or its package is not installed.
    EncoderError
        If its files are damaged, altered or cannot be fetched.
    FormatError
        If a card cannot be read.
    InvalidArgumentError
        If `precision` or `n_threads` is not possible.
    """
    if precision not in get_args(Precision):
        raise InvalidArgumentError(f"`precision` is {precision!r}, expected one of {', '.join(get_args(Precision))}.")
    name = os.fspath(name)
    if name in PACKAGED:
        return load_packaged(name, precision=precision, n_threads=n_threads, progress=progress)
    if name.endswith(".toml"):
        return load_card_file(Path(name), n_threads=n_threads)
    family, _, model = name.partition(":")
    if family == "timm":
        from lookalike.encoders.timm_encoder import load_timm

        return load_timm(model, n_threads=n_threads)
    if family == "open_clip":
        from lookalike.encoders.open_clip_encoder import load_open_clip

        return load_open_clip(model, n_threads=n_threads)
    raise UnknownEncoderError(
        f"there is no encoder {name!r}. Known are {', '.join(PACKAGED)}, path/to/card.toml, timm:NAME and "
        "open_clip:NAME."
    )


def has_text_side(name: str) -> bool:
    """Tell whether an encoder is a joint one, which knows words too. No network is loaded.

    Parameters
    ----------
    name
        As `load_encoder` takes it.

    Raises
    ------
    UnknownEncoderError
        If OpenCLIP is needed and not installed.
    FormatError
        If a card cannot be read.
    EncoderError
        If a file that a card names for its text side is not there.
    """
    if name.endswith(".toml"):
        return read_text_side(Path(name)) is not None
    if not name.startswith("open_clip:"):
        return False
    if importlib.util.find_spec("open_clip") is None:
        raise UnknownEncoderError(f"{name} needs open_clip, which is not installed: pip install 'lookalike[open_clip]'")
    return True
