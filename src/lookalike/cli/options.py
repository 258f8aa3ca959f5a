"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = [
    "DEFAULT_COLLECTION",
    "MAX_LIMIT",
    "CollectionOption",
    "EncoderOption",
    "HostOption",
    "JsonOption",
    "NsfwOption",
    "PortOption",
    "PrecisionOption",
    "existing_path",
    "given_path",
]

DEFAULT_COLLECTION = Path("photos.lookalike")
MAX_LIMIT = 2**31 - 1
"""The longest list that can be asked for, as of `Collection.search`."""


def given_path(text: str | Path) -> Path:
    """Return a path as it was given, but no empty one: that would be the current directory."""
    if not str(text):
        raise typer.BadParameter("the path is empty.")
    return Path(text)


def existing_path(text: str | Path) -> Path:
    """Return a path at which something is."""
    path = given_path(text)
    try:
        exists = path.exists()
    except OSError:  # who may not look is told so by what reads it
        exists = True
    if not exists:
        raise typer.BadParameter(f"path '{text}' does not exist.")
    return path


CollectionOption = Annotated[
    Path,
    typer.Option(
        "--collection",
        "-c",
        parser=given_path,
        metavar="PATH",
        envvar="LOOKALIKE_COLLECTION",
        help="The collection: a directory that Lookalike makes and keeps.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", metavar="", help="Print one line of JSON, for programs.")]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|CARD",
        help="For a new collection: efficientnet-lite2 (the default), efficientnet-lite0 (faster), "
        "the path of a card.toml, timm:NAME or open_clip:NAME.",
    ),
]
PrecisionOption = Annotated[
    Literal["int8", "fp32"] | None,
    typer.Option(
        metavar="int8|fp32",
        help="For a new collection: int8 (the default) or fp32 (half as fast, hardly different).",
    ),
]
NsfwOption = Annotated[
    bool,
    typer.Option(
        "--no-nsfw", metavar="", help="For a new collection: do not judge photos by open_nsfw (for pornography only)."
    ),
]
HostOption = Annotated[
    str,
    typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0 lets other machines in, with no password."),
]
PortOption = Annotated[
    int, typer.Option(min=0, max=65535, metavar="PORT", help="Port to listen on; 0 takes a free one.")
]
