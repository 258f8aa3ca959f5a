"""Opening a collection: what lies at a path, making one where nothing does, and whether it is as it is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from lookalike.catalog import Catalog, expanded
from lookalike.collection.locking import writing
from lookalike.collection.settings import CollectionSettings, Precision
from lookalike.collection.vectors import CATALOG, open_index
from lookalike.encoders import DEFAULT_ENCODER, load_encoder
from lookalike.errors import InvalidArgumentError, NotACollectionError

__all__ = ["existing_collection", "settings_at"]

_SETTINGS = "collection.json"


def settings_at(
    directory: Path,
    *,
    encoder: str | None,
    precision: Precision | None,
    nsfw: bool | None,
    create: bool,
    notify: Callable[[str], None] | None,
) -> CollectionSettings:
    """Read the settings of the collection at `directory`, making one where nothing is; see `Collection.open`."""
    if encoder is not None and encoder.endswith(".toml"):  # a card's path, which must lead to it from anywhere
        encoder = str(expanded(encoder).resolve())
    if not (directory / _SETTINGS).exists():
        if directory.exists() and not _is_empty(directory):
            raise NotACollectionError(
                f"`{directory}` exists, but is not a Lookalike collection. Name a directory that does not exist "
                f"yet, such as `{directory.name}.lookalike`; photos are added to it afterwards."
            )
        if not create:
            raise _no_collection(directory)
        wanted = DEFAULT_ENCODER if encoder is None else encoder
        _create(directory, wanted, precision or "int8", notify, nsfw=nsfw is None or nsfw)
    settings = CollectionSettings.read(directory / _SETTINGS)
    _check_asked(directory, settings, encoder, precision, nsfw)
    return settings


def existing_collection(path: str | os.PathLike[str]) -> Path:
    """Return the directory of a collection, however damaged.

    Raises
    ------
    NotACollectionError
        There is none.
    """
    directory = expanded(path)
    if not any((directory / name).exists() for name in (_SETTINGS, CATALOG)):
        raise _no_collection(directory)
    return directory


def _create(
    directory: Path, encoder: str, precision: Precision, notify: Callable[[str], None] | None, *, nsfw: bool
) -> None:
    from lookalike.collection.looking import check_labels

    loaded = load_encoder(encoder, precision=precision, progress=notify)
    card = loaded.card
    check_labels(loaded)
    loaded.text_encoder()  # what is wrong with it is told before photos are added
    directory.mkdir(parents=True, exist_ok=True)
    with writing(directory, wait_seconds=10):
        if not (directory / _SETTINGS).exists():  # another process may have been first
            Catalog(directory / CATALOG, writable=True).close()
            open_index(directory, card.dim, writable=True, background=False).close()
            CollectionSettings(encoder, precision, card, nsfw).write(directory / _SETTINGS)


def _check_asked(
    directory: Path,
    settings: CollectionSettings,
    encoder: str | None,
    precision: Precision | None,
    nsfw: bool | None,  # noqa: FBT001
) -> None:
    """Refuse what is asked for and other than the collection was made with."""
    for name, asked, stored in (
        ("encoder", encoder, settings.encoder),
        ("precision", precision, settings.precision),
    ):
        if asked is not None and asked != stored:
            raise InvalidArgumentError(
                f"`{name}` is {asked!r}, but `{directory}` was made with {stored!r}, and embeddings of different "
                f"encoders cannot be compared. Leave `{name}` away, or make another collection."
            )
    if nsfw is not None and nsfw != settings.nsfw:
        made = "its photos are judged by open_nsfw" if settings.nsfw else "its photos are not judged by open_nsfw"
        raise InvalidArgumentError(
            f"`nsfw` is {nsfw}, but `{directory}` was made the other way: {made}, which is settled when a "
            "collection is made. Leave `nsfw` away, or make another collection."
        )


def _is_empty(directory: Path) -> bool:
    """Whether nothing but what a collection that was never finished leaves behind is in `directory`."""
    ours = ("writer.", CATALOG, f"{_SETTINGS}.new")
    return directory.is_dir() and all(path.name.startswith(ours) for path in directory.iterdir())


def _no_collection(directory: Path) -> NotACollectionError:
    """Say that none is there, and name the one beside it, which may be meant."""
    beside = [path.parent for path in directory.parent.glob(f"*.lookalike/{_SETTINGS}")]
    meant = f" Beside it lies `{beside[0]}`." if len(beside) == 1 else ""
    return NotACollectionError(f"There is no collection at `{directory}`. `lookalike add` makes one.{meant}")
