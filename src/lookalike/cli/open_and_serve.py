"""`lookalike open` and `lookalike serve`: the page in the browser, with or without an `add` beside it."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.interruption import INTERRUPTED
from lookalike.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    EncoderOption,
    HostOption,
    JsonOption,
    NsfwOption,
    PortOption,
    PrecisionOption,
    existing_path,
)
from lookalike.cli.terminal import print_json, print_note, stderr

__all__ = ["open_", "serve"]

HOST = "127.0.0.1"
PORT = 8765


def open_(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DIR", parser=existing_path, hidden=True),
    ] = None,
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    encoder: EncoderOption = None,
    precision: PrecisionOption = None,
    no_nsfw: NsfwOption = False,
    no_browser: Annotated[
        bool,
        typer.Option("--no-browser", metavar="", help="Do not open the page in the browser."),
    ] = False,
    host: HostOption = HOST,
    port: PortOption = PORT,
    json: JsonOption = False,
) -> None:
    """Add folders, serve the page, open it in the browser: the one command.

    Without a folder, what the collection holds is served. The page is there
    at once and can search while photos are still being added. Ctrl-C ends it;
    what was added is kept, and the same command goes on from there.
    """
    from lookalike.cli.add_display import AddDisplay
    from lookalike.cli.add_summary import AddSummary
    from lookalike.collection import AddProgress, Collection
    from lookalike.server import serve as serve_collection

    last = AddProgress()
    with (
        AddDisplay(quiet=json) as display,
        Collection.open(
            collection,
            encoder=encoder,
            precision=precision,
            nsfw=False if no_nsfw else None,
            create=bool(folders),
            notify=display.say,
        ) as photos,
    ):
        summary = AddSummary(photos)

        def ready(url: str) -> None:
            _tell_address(url, json=json)
            if not no_browser and _has_display():
                # Some browsers keep the caller waiting, and this one is the server.
                threading.Thread(target=_show_in_browser, args=(url,), daemon=True).start()

        def follow(now: AddProgress) -> None:
            nonlocal last
            last = now
            display(now)
            if now.state in ("done", "stopped") and not json:
                summary.print(now)

        serve_collection(photos, host=host, port=port, add=folders or (), on_ready=ready, on_progress=follow)
    if last.state == "stopped":
        print_note("Stopped. What was done is kept; the same command goes on from there.")
        raise typer.Exit(INTERRUPTED)


def serve(
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    host: HostOption = HOST,
    port: PortOption = PORT,
    read_only: Annotated[
        bool, typer.Option("--read-only", metavar="", help="Refuse whatever would change the collection.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Serve the page and the HTTP API of a collection, until Ctrl-C."""
    from lookalike.collection import Collection
    from lookalike.server import serve as serve_collection

    with Collection.open(collection, create=False, notify=print_note) as photos:
        serve_collection(
            photos, host=host, port=port, read_only=read_only, on_ready=lambda url: _tell_address(url, json=json)
        )


def _tell_address(url: str, *, json: bool) -> None:
    if json:
        print_json({"url": url})
    else:
        from rich.text import Text

        stderr().print(Text.assemble("Explore at ", (url, "bold"), ("   Ctrl-C ends it.", "dim")))


def _has_display() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _show_in_browser(url: str) -> None:
    import webbrowser

    webbrowser.open(url)
