"""`lookalike search`: photos like a photo, or what a line of the query language asks for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.options import DEFAULT_COLLECTION, MAX_LIMIT, CollectionOption, JsonOption, given_path
from lookalike.cli.terminal import print_json, print_note, print_plain, stdout
from lookalike.cli.wording import count, one_line, shown_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lookalike.collection import Collection, SearchResult
    from lookalike.query import Query

__all__ = ["search"]

_SHOWN = 76
"""A longer line would break in a terminal, and the mark below it point elsewhere."""

_ID_DIGITS = 19
"""As many as the largest number of SQLite has; Python refuses to read thousands of them."""

_WORDS = {
    "joint": "words in the encoder's joint space",
    "classes": "words by the classes seen in photos",
    "texts": "words in texts only",
}


def search(
    query: Annotated[
        list[str] | None,
        typer.Argument(metavar="PHOTO|ID|QUERY", hidden=True),
    ] = None,
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    k: Annotated[int, typer.Option("-k", min=1, max=MAX_LIMIT, metavar="N", help="How many photos.")] = 20,
    exact: Annotated[
        bool, typer.Option("--exact", metavar="", help="Compare with every photo, not through the index.")
    ] = False,
    sheet: Annotated[
        Path | None,
        typer.Option(parser=given_path, metavar="FILE", help="Also draw a contact sheet: .jpg, .png or .webp."),
    ] = None,
    photo: Annotated[
        bool, typer.Option("--photo", metavar="", help="What is given is a photo's file or id, not a query.")
    ] = False,
    words: Annotated[
        bool, typer.Option("--words", metavar="", help="What is given is plain words, whatever else it looks like.")
    ] = False,
    vector: Annotated[
        Path | None,
        typer.Option(
            "--vector",
            parser=given_path,
            metavar="FILE",
            help="Search by the vector of a .npy file, beside a query or alone.",
        ),
    ] = None,
    distinct: Annotated[
        bool, typer.Option("--distinct", metavar="", help="Of photos that are nearly the same, show the best only.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option(parser=given_path, metavar="PATH", help="Only photos in this folder and below.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only photos taken then or later: 2019, 2019-06, 2019-06-30.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only photos taken then or before; 2019 means to its end.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Find the photos most like a photo, or those that a query asks for.

    What is given is a photo if there is such a file, in the collection or not;
    else, if it is a number, the id of a photo; else a query: words and "quoted
    words", -words, colour:teal, #tag, photo:12, since:2019, order:quality and
    more. Quote it for the shell; where it begins with a minus, write -- before.
    """
    if photo and words:
        raise typer.BadParameter("--photo and --words exclude each other.")
    if vector is not None and (photo or words):
        raise typer.BadParameter("--vector goes with a query; leave --photo and --words away.")
    wanted = " ".join(query or ())
    limits = folder is not None or since is not None or until is not None
    if vector is None and not wanted.strip() and (photo or words or not limits):
        raise typer.BadParameter("name a photo or ask for something.", param_hint="PHOTO|ID|QUERY")
    if sheet is not None:
        from lookalike.cli.contact_sheet import SHEET_SUFFIXES

        if sheet.suffix.lower() not in SHEET_SUFFIXES:
            raise typer.BadParameter(f"--sheet {sheet}: the name must end in {', '.join(sorted(SHEET_SUFFIXES))}.")

    from lookalike.collection import Collection, Within

    within = Within(folder=folder, since=since, until=until) if limits else None
    subject = wanted if words or vector is not None else _photo(wanted, force=photo)
    values = None if vector is None else _vector(vector)
    with Collection.open(collection, create=False, notify=print_note) as photos:
        asked = None if words or not isinstance(subject, str) else _read(photos, subject)
        if asked is not None:
            result = photos.search(asked, vector=values, k=k, exact=exact, within=within, distinct=distinct)
        elif isinstance(subject, str):
            result = photos.search(words=subject, k=k, within=within, distinct=distinct)
        else:
            result = photos.search(photo=subject, k=k, exact=exact, within=within, distinct=distinct)
        if sheet is not None:
            from lookalike.cli.contact_sheet import draw_contact_sheet

            draw_contact_sheet(photos, subject, result, sheet)
        if json:
            _print_json(result)
        else:
            if not result.hits:
                print_note(_nothing_found(photos, subject, asked, limited=limits))
            _print_hits(photos, result)
            if asked is not None and _is_like_a_path(asked):
                print_note("There is no file of that name; it was taken for words.")
            if sheet is not None:
                print_note(f"Contact sheet: {shown_path(sheet)}")


def _photo(wanted: str, *, force: bool) -> Path | int | str:
    """Tell what was given: a file (Path), an id (int), or words (str)."""
    from lookalike.catalog import expanded

    path = expanded(wanted)
    try:
        if path.is_file():
            return path
    except OSError:  # a sentence is too long to be a file's name
        pass
    if wanted.isascii() and wanted.isdecimal() and len(wanted) <= _ID_DIGITS:
        return int(wanted)
    return path if force else wanted


def _vector(path: Path) -> NDArray[np.floating]:
    """Read a vector."""
    from zipfile import BadZipFile

    import numpy as np

    from lookalike.errors import InvalidArgumentError

    try:
        values: NDArray[np.floating] = np.load(path, allow_pickle=False)
    except OSError as error:
        raise InvalidArgumentError(f"`{path}` cannot be read: {error.strerror or error}.") from error
    except (ValueError, EOFError, BadZipFile) as error:
        raise InvalidArgumentError(
            f"`{path}` is no .npy file of numbers. `lookalike info PHOTO --embedding FILE.npy` writes one."
        ) from error
    return values


def _read(photos: Collection, line: str) -> Query:
    """Read a line of the query language; where it is wrong, show the place before the error is told."""
    from lookalike.errors import QueryError

    try:
        return photos.parse(line)
    except QueryError as error:
        if len(line) <= _SHOWN and line.isprintable():
            from rich.cells import cell_len

            print_note(f"{line}\n{' ' * cell_len(line[: error.position])}^")
        raise


def _is_like_a_path(query: Query) -> bool:
    """Whether nothing is asked for but what looks like the name of a file."""
    from lookalike.photos import PHOTO_SUFFIXES
    from lookalike.query import Query, Words

    if query != Query(terms=query.terms) or not all(isinstance(term, Words) for term in query.terms):
        return False
    name = query.sentence
    return os.sep in name or Path(name).suffix.lower() in PHOTO_SUFFIXES


def _print_json(result: SearchResult) -> None:
    from dataclasses import asdict

    hits = [
        {
            "id": hit.id,
            "path": hit.path,
            "score": hit.score,
            "parts": dict(hit.parts),
            "others": list(hit.others),
        }
        for hit in result
    ]
    print_json({"query": str(result.query), "hits": hits, "n_good": result.n_good, "stats": asdict(result.stats)})


def _print_hits(photos: Collection, result: SearchResult) -> None:
    console = stdout()
    if not result.hits:
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
    with_parts = any(len(hit.parts) > 1 for hit in result)
    if with_parts:
        table.add_column("Parts", style="dim")
    table.add_column("Photo", overflow="fold")
    for hit in result:
        title = titles.get(hit.id)
        name = Text(one_line(title) + "\n", style="bold") if title else Text()
        name.append(shown_path(hit.path), style="dim" if title else "")
        if hit.others:
            name.append(f"  +{len(hit.others)} alike")
        parts = [f"{score:.2f} {one_line(part)}" for part, score in hit.parts.items()]
        table.add_row(f"{hit.score:.2f}", str(hit.id), *(["\n".join(parts)] if with_parts else []), name)
    console.print(table)
    stats = result.stats
    how = {
        "words": "",
        "exact": f"{count(stats.n_compared, 'photo')} compared" if stats.n_compared else "all scored",
        "lopq": f"{stats.n_cells:,} cells, {stats.n_codes:,} codes, {stats.n_compared:,} photos compared",
    }[stats.method]
    told = ", ".join(filter(None, [how, "" if stats.words is None else _WORDS[stats.words]]))
    print_note(f"{len(result)} of {count(stats.n_photos, 'photo')}; {told}, in {1000 * stats.seconds:.0f} ms.")
    if result.n_good is not None and result.n_good < stats.n_photos:
        print_note(f"Beyond the best {count(result.n_good, 'hit')}, more than one in ten would be there by chance.")


def _nothing_found(photos: Collection, subject: Path | int | str, asked: Query | None, *, limited: bool) -> str:
    if len(photos) == 0:
        return "The collection holds no photos yet. `lookalike add FOLDER` brings some in."
    if limited:
        return "Within the folder and the dates given there is none; photos of unknown date are not among them."
    if not isinstance(subject, str):
        return "There is no other photo in the collection."
    told = f"Nothing is found for “{one_line(subject)}”."
    if asked is not None and any((asked.since, asked.until, asked.on, asked.season)):
        told += " Photos of which no time is known are not found by time."
    if asked is not None and asked.near is not None:
        told += " Photos of which no place is known are not near anything."
    return told
