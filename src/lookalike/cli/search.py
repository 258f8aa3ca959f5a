"""`lookalike search`: photos like a photo, or photos that words are said of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from lookalike.cli.terminal import print_json, print_note, print_plain, stdout
from lookalike.cli.wording import count, one_line, shown_path

if TYPE_CHECKING:
    from lookalike.collection import Collection, SearchResult

__all__ = ["search"]


def search(
    query: Annotated[
        list[str],
        typer.Argument(metavar="PHOTO|ID|WORDS", hidden=True),
    ],
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    k: Annotated[int, typer.Option("-k", min=1, metavar="N", help="How many photos.")] = 20,
    exact: Annotated[
        bool, typer.Option("--exact", metavar="", help="Compare with every photo, not through the index.")
    ] = False,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also draw a contact sheet: .jpg, .png or .webp.")
    ] = None,
    photo: Annotated[
        bool, typer.Option("--photo", metavar="", help="What is given is a photo's file or id, not words.")
    ] = False,
    words: Annotated[
        bool, typer.Option("--words", metavar="", help="What is given is words, though there is such a file or id.")
    ] = False,
    folder: Annotated[Path | None, typer.Option(metavar="PATH", help="Only photos in this folder and below.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only photos taken then or later: 2019, 2019-06, 2019-06-30.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only photos taken then or before; 2019 means to its end.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Find the photos most like a photo, or those that words are said of.

    What is given is a photo if there is such a file, in the collection or not;
    else, if it is a number, the id of a photo; else words, which must all occur
    in the title, caption, keywords, creator or file name. "Quoted words" must
    stand together.
    """
    if photo and words:
        raise typer.BadParameter("--photo and --words exclude each other.")
    if sheet is not None:
        from lookalike.cli.contact_sheet import SHEET_SUFFIXES

        if sheet.suffix.lower() not in SHEET_SUFFIXES:
            raise typer.BadParameter(f"--sheet {sheet}: the name must end in {', '.join(sorted(SHEET_SUFFIXES))}.")

    from lookalike.collection import Collection, Within

    limits = folder is not None or since is not None or until is not None
    within = Within(folder=folder, since=since, until=until) if limits else None
    wanted = " ".join(query)
    subject = wanted if words else _photo(wanted, force=photo)
    with Collection.open(collection, create=False, notify=print_note) as photos:
        if isinstance(subject, str):
            result = photos.search(words=subject, k=k, within=within)
        else:
            result = photos.search(photo=subject, k=k, exact=exact, within=within)
        if sheet is not None:
            from lookalike.cli.contact_sheet import draw_contact_sheet

            draw_contact_sheet(photos, subject, result, sheet)
        if json:
            _print_json(result)
        else:
            _print_hits(photos, subject, result, limited=limits)
            if sheet is not None:
                print_note(f"Contact sheet: {shown_path(sheet)}")


def _photo(wanted: str, *, force: bool) -> Path | int | str:
    """Tell what was given: a file (Path), an id (int), or words (str)."""
    path = Path(wanted).expanduser()
    try:
        if path.is_file():
            return path
    except OSError:  # a sentence is too long to be a file's name
        pass
    if wanted.isascii() and wanted.isdecimal():
        return int(wanted)
    return path if force else wanted


def _print_json(result: SearchResult) -> None:
    from dataclasses import asdict

    hits = [{"id": hit.id, "path": hit.path, "score": hit.score, "parts": dict(hit.parts)} for hit in result]
    print_json({"hits": hits, "stats": asdict(result.stats)})


def _print_hits(photos: Collection, subject: Path | int | str, result: SearchResult, *, limited: bool) -> None:
    console = stdout()
    if not result.hits:
        print_note(_nothing_found(photos, subject, limited=limited))
        return
    if not console.is_terminal:
        for hit in result:
            print_plain(f"{hit.score:.3f}\t{hit.id}\t{one_line(hit.path)}")
        return
    from rich.table import Table
    from rich.text import Text

    titles = {record.id: record.title for record in photos.photos([hit.id for hit in result])}
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("Score", justify="right")
    table.add_column("Id", justify="right")
    table.add_column("Photo", overflow="fold")
    for hit in result:
        title = titles.get(hit.id)
        name = Text(one_line(title) + "\n", style="bold") if title else Text()
        table.add_row(f"{hit.score:.2f}", str(hit.id), name.append(shown_path(hit.path), style="dim" if title else ""))
    console.print(table)
    stats = result.stats
    how = {
        "words": "by words",
        "exact": f"{count(stats.n_compared, 'photo')} compared",
        "lopq": f"{stats.n_cells:,} cells, {stats.n_codes:,} codes, {stats.n_compared:,} photos compared",
    }[stats.method]
    print_note(f"{len(result)} of {count(stats.n_photos, 'photo')}; {how} in {1000 * stats.seconds:.0f} ms.")


def _nothing_found(photos: Collection, subject: Path | int | str, *, limited: bool) -> str:
    if len(photos) == 0:
        return "The collection holds no photos yet. `lookalike add FOLDER` brings some in."
    if limited:
        return "Within the folder and the dates given there is none; photos of unknown date are not among them."
    if not isinstance(subject, str):
        return "There is no other photo in the collection."
    message = f"No title, caption, keyword, creator or file name holds “{one_line(subject)}”."
    if os.sep in subject or Path(subject).suffix:
        message += " There is no file of that name either."
    return message
