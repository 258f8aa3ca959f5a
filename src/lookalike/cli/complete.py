"""`lookalike complete`: how a query that is being typed may go on."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from lookalike.cli.terminal import print_json, print_note, print_plain
from lookalike.cli.wording import one_line

__all__ = ["complete"]


def complete(
    typed: Annotated[str, typer.Argument(metavar="TYPED", help="What has been typed, in quotes.")],
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="How many.")] = 10,
    json: JsonOption = False,
) -> None:
    """Tell how a query may go on: tags, machine tags, words, queries asked before.

    A mistake or two in what was typed are forgiven. For the completion of
    shells and editors.
    """
    from lookalike.collection import Collection
    from lookalike.collection.completed import completed

    with Collection.open(collection, create=False, notify=print_note) as photos:
        found = photos.suggest(typed, limit=limit)
    if json:
        print_json({"suggestions": [{**each._asdict(), "query": completed(typed, each)} for each in found]})
        return
    for each in found:
        print_plain(f"{one_line(completed(typed, each))}\t{each.kind}\t{each.n:,}")
