"""`lookalike tag`, `tags` and `machine-tags`: tags given, taken off, suggested and counted."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lookalike.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from lookalike.cli.terminal import print_json, print_note, print_plain
from lookalike.cli.wording import one_line

if TYPE_CHECKING:
    from lookalike.collection import Collection

__all__ = ["machine_tags", "photo_given", "tag", "tags"]


def photo_given(text: str) -> int | str:
    """Return what a photo is named by: its id, or a path."""
    from pathlib import Path

    return int(text) if text.isdecimal() and not Path(text).exists() else text


def tag(
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="A photo of the collection: its id or a file.")],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TAG...", help="Tags, or machine tags such as dopplr:eat=Kreuzberg.")
    ] = None,
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    remove: Annotated[bool, typer.Option("--remove", metavar="", help="Take the tags off instead.")] = False,
    reject: Annotated[
        bool, typer.Option("--reject", metavar="", help="Never suggest the tags for this photo again.")
    ] = False,
    suggest: Annotated[
        bool, typer.Option("--suggest", metavar="", help="Suggest tags for the photo, which need not be a known one.")
    ] = False,
    accept: Annotated[
        float | None,
        typer.Option(
            "--accept", min=0, max=1, metavar="SCORE", help="Give it all suggested tags of this score or more."
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, metavar="N", help="How many tags to suggest.")] = 10,
    json: JsonOption = False,
) -> None:
    """Tag a photo, take tags off, or have some suggested; without tags, tell those that it has.

    Suggestions are learned from the photos that have tags. An accepted tag is
    as one given by hand; a rejected one is not suggested for the photo again.
    """
    from lookalike.collection import Collection

    given = list(names or ())
    if remove + reject + suggest + (accept is not None) > 1:
        raise typer.BadParameter("give one of --remove, --reject, --suggest and --accept.")
    if (remove or reject) and not given:
        raise typer.BadParameter("name the tags.", param_hint="TAG...")
    if (suggest or accept is not None) and given:
        raise typer.BadParameter("--suggest and --accept find the tags themselves.", param_hint="TAG...")
    subject = photo_given(photo)
    with Collection.open(collection, create=False, notify=print_note) as photos:
        if suggest or accept is not None:
            _suggest(photos, subject, k, accept, json=json)
            return
        if remove:
            n = photos.untag(subject, *given)
            if n < len(given):
                print_note(f"It had {n or 'none'} of the {len(given)} tags.")
        elif reject:
            photos.reject_tags(subject, *given)
        elif given:
            photos.tag(subject, *given)
        found = photos.tags(subject)
        photo_id = photos.find(subject)
    if json:
        print_json({"photo": photo_id, "tags": [asdict(each) for each in found]})
    else:
        for each in found:
            score = "" if each.origin != "auto" else f"\t{each.score:.2f}"
            print_plain(f"{one_line(each.raw)}\t{each.origin}{score}")


def _suggest(photos: Collection, subject: int | str, k: int, accept: float | None, *, json: bool) -> None:
    from lookalike.explore.asking_tags import accept_tags, suggest_tags

    found = suggest_tags(photos, subject, k)
    if accept is not None:
        found = [each for each in found if each.score >= accept]
        if found:
            accept_tags(photos, subject, *(each.raw for each in found))
    if json:
        print_json({"photo": photos.find(subject), "suggestions": [asdict(each) for each in found]})
        return
    for each in found:
        print_plain(f"{each.score:.2f}\t{one_line(each.raw)}")
    if not found:
        some = photos.tag_counts(limit=1)
        print_note(
            "Nothing to suggest." if some else "No photo has a tag yet, so there is nothing to learn from: tag some."
        )


def tags(
    prefix: Annotated[str, typer.Argument(metavar="[PREFIX]", help="Only tags that begin so.")] = "",
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many.")] = 100,
    similar: Annotated[
        str | None, typer.Option("--similar", metavar="TAG", help="Tags near this one instead, with cosines.")
    ] = None,
    rename: Annotated[
        tuple[str, str] | None,
        typer.Option("--rename", metavar="OLD NEW", help="Give all photos that have one tag another instead."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the tags that there are, with how many photos have each."""
    from lookalike.collection import Collection

    if bool(prefix) + (similar is not None) + (rename is not None) > 1:
        raise typer.BadParameter("give one of PREFIX, --similar and --rename.")
    with Collection.open(collection, create=False, notify=print_note) as photos:
        if rename is not None:
            n = photos.rename_tag(*rename)
            if json:
                print_json({"renamed": n})
            else:
                print_plain(f"{n:,}\t{one_line(rename[1])}")
            return
        if similar is not None:
            from lookalike.explore.asking_tags import similar_tags

            near = similar_tags(photos, similar, limit)
            if json:
                print_json({"similar": [asdict(each) for each in near]})
            else:
                for each in near:
                    print_plain(f"{each.cosine:.2f}\t{one_line(each.raw)}")
            return
        found = photos.tag_counts(prefix, limit=limit)
    if json:
        print_json({"tags": [{"tag": each.tag, "raw": each.raw, "photos": each.n_photos} for each in found]})
    else:
        for row in found:
            print_plain(f"{row.n_photos:,}\t{one_line(row.raw)}")


def machine_tags(
    pattern: Annotated[
        str | None, typer.Argument(metavar="[PATTERN]", help="Such as exif:*=, exif:model= or *:*=sanfrancisco.")
    ] = None,
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    what: Annotated[
        Literal["namespaces", "predicates", "pairs", "values"] | None,
        typer.Option(
            "--list",
            metavar="namespaces|predicates|pairs|values",
            help="What to list; by default what the pattern leaves open first.",
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only what was written then or later: 2026-06-30.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many.")] = 100,
    json: JsonOption = False,
) -> None:
    """List namespaces, predicates or values of machine tags, with how many photos have each."""
    from lookalike.collection import Collection

    with Collection.open(collection, create=False, notify=print_note) as photos:
        kind, found = photos.machine_tag_list(pattern, what=what, since=since, limit=limit)
    if json:
        print_json({"list": kind, "machine_tags": [_row(each) for each in found]})
        return
    for each in found:
        parts = (each.namespace, each.predicate, each.raw)
        shown = ":".join(part for part in parts[:2] if part is not None) if kind != "values" else str(parts[2])
        print_plain(f"{each.n_photos:,}\t{one_line(shown)}")


def _row(count: Any) -> dict[str, Any]:  # noqa: ANN401  a MachineTagCount; the catalog is the collection's own
    known = {name: getattr(count, name) for name in ("namespace", "predicate", "value", "raw")}
    known = {name: value for name, value in known.items() if value is not None}
    return {**known, "photos": count.n_photos, "first_at": count.first_at, "last_at": count.last_at}
