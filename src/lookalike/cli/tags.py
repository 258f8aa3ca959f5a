"""`lookalike tag`, `tags` and `machine-tags`: tags given, taken off, suggested and counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lookalike.cli.options import DEFAULT_COLLECTION, MAX_LIMIT, CollectionOption, JsonOption, given_path
from lookalike.cli.tag_undo import edit_facts, read_undo
from lookalike.cli.terminal import print_json, print_note, print_plain
from lookalike.cli.wording import count, one_line
from lookalike.errors import UnknownPhotoError

if TYPE_CHECKING:
    from lookalike.catalog import MachineTagCount
    from lookalike.collection import Collection

__all__ = ["ids_given", "machine_tags", "tag", "tags"]


def ids_given(photos: Collection, given: Iterable[str]) -> list[int]:
    """Return the ids of photos of the collection, each named by its id or a path.

    Raises
    ------
    UnknownPhotoError
    """
    found = []
    for text in given:
        photo_id = photos.find(text)
        if photo_id is None:
            raise UnknownPhotoError(f"`{text}` is not in this collection. `lookalike add` brings it in.")
        found.append(photo_id)
    return found


def tag(
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="A photo of the collection: its id or a file.")],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TAG", help="Tags, or machine tags such as dopplr:eat=Kreuzberg.")
    ] = None,
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    also: Annotated[
        list[str] | None,
        typer.Option("--also", metavar="PHOTO", help="Another photo; may be given more than once."),
    ] = None,
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
    k: Annotated[
        int | None,
        typer.Option(
            "-k", min=1, max=1000, metavar="N", help="How many tags to suggest; default 10, with --accept all."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Tag a photo, take tags off, or have some suggested; without tags, tell those that it has.

    Suggestions are learned from the photos that have tags. An accepted tag is
    as one given by hand; a rejected one is not suggested for the photo again.
    What --json prints of a change undoes it: lookalike tags --undo FILE.
    """
    from lookalike.collection import Collection, TagChange

    given = list(names or ())
    if remove + reject + suggest + (accept is not None) > 1:
        raise typer.BadParameter("give one of --remove, --reject, --suggest and --accept.")
    if (remove or reject) and not given:
        raise typer.BadParameter("name the tags.", param_hint="TAG")
    if (suggest or accept is not None) and given:
        raise typer.BadParameter("--suggest and --accept find the tags themselves.", param_hint="TAG")
    if also and (not given or suggest or accept is not None):
        raise typer.BadParameter("--also is for tags that are given, taken off or rejected.")
    with Collection.open(collection, create=False, notify=print_note) as photos:
        if suggest or accept is not None:
            _suggest(photos, photo, k, accept, json=json)
            return
        ids = ids_given(photos, [photo, *(also or ())])
        changed = {}
        if given:
            kind = "remove" if remove else "reject" if reject else "add"
            edit = photos.change_tags(TagChange(ids, **{kind: given}))
            changed = edit_facts(edit)
            n, wanted = sum(len(each.photos) for each in edit.differences), len(given) * len(set(ids))
            if remove and n < wanted:
                print_note(f"{'They' if also else 'It'} had {n or 'none'} of {count(wanted, 'tag')}.")
        found, rejected = photos.tags(ids[0]), [tag for _, tag in photos.rejected_tags(ids[0])]
    if json:
        print_json({"photo": ids[0], "tags": [asdict(each) for each in found], "rejected": rejected, **changed})
        return
    for each in found:
        score = "" if each.origin != "auto" else f"\t{each.score:.2f}"
        print_plain(f"{one_line(each.raw)}\t{each.origin}{score}")
    for name in rejected:
        print_plain(f"{one_line(name)}\trejected")


def _suggest(photos: Collection, photo: str, k: int | None, accept: float | None, *, json: bool) -> None:
    from lookalike.collection import TagChange
    from lookalike.explore.asking_tags import suggest_tags

    changed = {}
    if accept is None:
        found = suggest_tags(photos, photo, k or 10)
    else:
        ids = ids_given(photos, [photo])
        found = [each for each in suggest_tags(photos, ids[0], k) if each.score >= accept]
        changed = edit_facts(photos.change_tags(TagChange(ids, accept=[each.raw for each in found])))
    if json:
        print_json({"photo": photos.find(photo), "suggestions": [asdict(each) for each in found], **changed})
        return
    for each in found:
        print_plain(f"{each.score:.2f}\t{one_line(each.raw)}")
    if not found:
        some = photos.tag_counts(limit=1)
        print_note(
            "Nothing to suggest." if some else "No photo has a tag yet, so there is nothing to learn from: tag some."
        )


def tags(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="Only tags that begin so.")] = "",
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MAX_LIMIT, metavar="N", help="How many.")] = 100,
    similar: Annotated[
        str | None, typer.Option("--similar", metavar="TAG", help="Tags near this one instead, with cosines.")
    ] = None,
    photos_of: Annotated[
        str | None,
        typer.Option("--photos", metavar="TAG", help="Photos nearest to this tag instead, with cosines."),
    ] = None,
    rename: Annotated[
        tuple[str, str] | None,
        typer.Option("--rename", metavar="OLD NEW", help="Give all photos that have one tag another instead."),
    ] = None,
    undo: Annotated[
        Path | None,
        typer.Option(
            "--undo",
            parser=given_path,
            metavar="FILE",
            help="Undo a change, by what it printed with --json; - reads it here.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the tags that there are, with how many photos have each."""
    from lookalike.collection import Collection

    if bool(prefix) + sum(each is not None for each in (similar, photos_of, rename, undo)) > 1:
        raise typer.BadParameter("give one of PREFIX, --similar, --photos, --rename and --undo.")
    with Collection.open(collection, create=False, notify=print_note) as photos:
        if rename is not None:
            edit = photos.rename_tag(*rename)
            if json:
                print_json({"renamed": edit.n_tagged, **edit_facts(edit)})
            else:
                print_plain(f"{edit.n_tagged:,}\t{one_line(rename[1])}")
            return
        if undo is not None:
            edit = photos.restore_tags(read_undo(undo))
            if json:
                print_json(edit_facts(edit))
            else:
                print_note(f"{count(edit.n_photos, 'photo')} as before.")
            return
        if photos_of is not None:
            _show_photos_of(photos, photos_of, limit, json=json)
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
        if not found:
            print_note(f"No tag begins with “{one_line(prefix)}”." if prefix else "No photo has a tag yet.")


def _show_photos_of(photos: Collection, tag: str, k: int, *, json: bool) -> None:
    from lookalike.explore.asking_tags import nearest_photos_of_tag

    found = nearest_photos_of_tag(photos, tag, k)
    if json:
        print_json({"photos": [asdict(each) for each in found]})
        return
    paths = {record.id: record.path for record in photos.photos([each.id for each in found])}
    for each in found:
        carries = "has it" if each.carries else ""
        print_plain(f"{each.cosine:.2f}\t{each.id}\t{one_line(paths[each.id])}\t{carries}")


def machine_tags(
    pattern: Annotated[
        str | None, typer.Argument(metavar="PATTERN", help="Such as exif:*=, exif:model= or *:*=sanfrancisco.")
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
    limit: Annotated[int, typer.Option("--limit", min=1, max=MAX_LIMIT, metavar="N", help="How many.")] = 100,
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
    if not found:
        print_note("There are no such machine tags." if pattern or since else "No photo has a machine tag yet.")


def _row(count: MachineTagCount) -> dict[str, Any]:
    known = {name: getattr(count, name) for name in ("namespace", "predicate", "value", "raw")}
    known = {name: value for name, value in known.items() if value is not None}
    return {**known, "photos": count.n_photos, "first_at": count.first_at, "last_at": count.last_at}
