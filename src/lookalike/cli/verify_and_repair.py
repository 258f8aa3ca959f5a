"""`lookalike verify` and `lookalike repair`: what is wrong with a collection, and making it good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from lookalike.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from lookalike.cli.terminal import print_json, print_note, stdout
from lookalike.cli.wording import count, one_line, shown_path

if TYPE_CHECKING:
    from lookalike.collection import CollectionReport
    from lookalike.index.live import Problem

__all__ = ["repair", "verify"]


def verify(*, collection: CollectionOption = DEFAULT_COLLECTION, json: JsonOption = False) -> None:
    """Compare every count, checksum and cross-reference of the collection.

    Reads the whole database and index, and looks at every thumbnail; your
    photos are not read. Nothing is changed, and photos may be added meanwhile.
    Ends with code 1 when something is wrong.
    """
    from lookalike.collection import Collection

    report = Collection.verify(collection)
    if json:
        print_json(_object(report))
    else:
        _print(report)
        if not report.is_clean:
            print_note("`lookalike repair` makes good what can be made again.")
    if not report.is_clean:
        raise typer.Exit(1)


def repair(*, collection: CollectionOption = DEFAULT_COLLECTION, json: JsonOption = False) -> None:
    """Make what is damaged again, and say what was mended.

    The index is made again from the catalog; thumbnails and embeddings that
    were lost, from your photos where these are there. Ends with code 1 when
    something could not be mended.
    """
    from lookalike.collection import Collection

    report = Collection.repair(collection, notify=print_note)
    if json:
        print_json({**_object(report), "mended": _problems(report.mended)})
    else:
        _print(report)
    if not report.is_clean:
        raise typer.Exit(1)


def _print(report: CollectionReport) -> None:
    console = stdout()
    held = [
        count(report.n_photos, "photo"),
        count(report.n_files, "file"),
        count(report.n_vectors, "embedding"),
        count(report.n_segments, "index segment"),
        count(report.n_thumbnails, "thumbnail"),
    ]
    console.print(f"{shown_path(report.path)}: {', '.join(held)}.")
    for problem in report.mended:
        console.print(f"  mended: {one_line(str(problem))}")
    for problem in report.problems:
        console.print(f"  {one_line(str(problem))}", style="red")
    if report.leftovers:
        console.print(f"  {count(len(report.leftovers), 'file')} of a run that was killed: no harm, and not in use.")
    console.print("All is well." if report.is_clean else f"{count(len(report.problems), 'problem')}.")


def _object(report: CollectionReport) -> dict[str, Any]:
    return {
        "collection": report.path,
        "photos": report.n_photos,
        "files": report.n_files,
        "vectors": report.n_vectors,
        "segments": report.n_segments,
        "thumbnails": report.n_thumbnails,
        "problems": _problems(report.problems),
        "leftovers": list(report.leftovers),
    }


def _problems(problems: tuple[Problem, ...]) -> list[dict[str, str]]:
    return [{"place": problem.place, "message": problem.message} for problem in problems]
