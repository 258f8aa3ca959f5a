"""`lookalike backup` and `lookalike restore`: a copy of a collection, and a collection out of a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption, given_path
from lookalike.cli.terminal import print_json, stdout
from lookalike.cli.wording import count, shown_path

__all__ = ["backup", "restore"]


def backup(
    destination: Annotated[Path, typer.Argument(metavar="DEST", parser=given_path, hidden=True)],
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    json: JsonOption = False,
) -> None:
    """Copy the collection to DEST, as it is at this moment.

    Photos may be added and searched meanwhile. DEST must not be there yet, or
    be an empty directory. It is a collection of its own. Your photos are not
    copied: only what Lookalike keeps of them. On the same disk thumbnails are
    linked and take no space.
    """
    from lookalike.collection import Collection

    with Collection.open(collection, create=False) as photos:
        photos.backup(destination)
    with Collection.open(destination, create=False) as copy:
        n_photos = len(copy)
    if json:
        print_json({"collection": str(collection), "backup": str(destination), "photos": n_photos})
    else:
        stdout().print(
            f"{shown_path(destination)} holds what {shown_path(collection)} knows of {count(n_photos, 'photo')}."
        )


def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", parser=given_path, hidden=True)],
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    json: JsonOption = False,
) -> None:
    """Make a collection out of a BACKUP, after a look at every byte of it.

    At the collection's path nothing may be yet, or an empty directory. Move a
    damaged collection out of the way first: nothing is ever written over.
    """
    from lookalike.collection import Collection

    report = Collection.restore(source, collection)
    if json:
        print_json({"collection": str(collection), "backup": str(source), "photos": report.n_photos})
    else:
        stdout().print(
            f"{shown_path(collection)} holds {count(report.n_photos, 'photo')}, as {shown_path(source)} does. "
            "All is well."
        )
