"""`lookalike add`: bring folders and files into a collection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.interruption import INTERRUPTED, stopped_by_interrupt
from lookalike.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    EncoderOption,
    JsonOption,
    NsfwOption,
    PrecisionOption,
    existing_path,
)
from lookalike.cli.terminal import print_json, print_note

__all__ = ["add"]


def add(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", parser=existing_path, hidden=True),
    ],
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    encoder: EncoderOption = None,
    precision: PrecisionOption = None,
    no_nsfw: NsfwOption = False,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", metavar="", help="Read files again that could not be read, though they have not changed."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Bring photos in: what is new, changed, moved or gone since the last time.

    A PATH is a file, or a folder that is searched to the bottom. A photo that
    cannot be read is listed with its reason and stops nothing. Ctrl-C stops
    calmly and keeps what was done; the same command goes on from there.
    """
    from lookalike.cli.add_display import AddDisplay
    from lookalike.cli.add_summary import AddSummary
    from lookalike.collection import AddProgress, Collection

    with (
        stopped_by_interrupt() as interruption,
        AddDisplay(quiet=json) as display,
        Collection.open(
            collection, encoder=encoder, precision=precision, nsfw=False if no_nsfw else None, notify=display.say
        ) as photos,
    ):
        summary = AddSummary(photos, retry_failed=retry_failed)

        def follow(now: AddProgress) -> None:
            interruption.is_watched = now.state == "running"
            display(now)

        done = photos.add(*paths, progress=follow, stop=interruption.stop, retry_failed=retry_failed)
        if json:
            print_json(summary.to_json(done))
        else:
            summary.print(done)
    if done.state == "stopped":
        print_note("Stopped. What was done is kept; the same command goes on from there.")
        raise typer.Exit(INTERRUPTED)
