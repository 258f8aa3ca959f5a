"""`lookalike info`: what a collection holds, or what is known of one photo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.facts import bytes_by_part, print_facts
from lookalike.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption, given_path
from lookalike.cli.seen import print_swatches, seen_facts, seen_json
from lookalike.cli.terminal import print_json, stdout
from lookalike.cli.wording import count, shown_path, size

if TYPE_CHECKING:
    from lookalike.collection import Collection, SeenPhoto

__all__ = ["info"]

METHODS = {"exact": "every photo compared", "lopq": "LOPQ index, the best compared exactly"}


def info(
    photo: Annotated[str | None, typer.Argument(metavar="ID|PATH", hidden=True)] = None,
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    failures: Annotated[
        bool, typer.Option("--failures", metavar="", help="List every file that could not be read, with its reason.")
    ] = False,
    embedding: Annotated[
        Path | None,
        typer.Option(
            "--embedding",
            parser=given_path,
            metavar="FILE",
            help="Of a photo: also write its vector, a .npy, for search --vector.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Tell what the collection holds, or all that is known of one photo.

    With the ID of a photo, or the PATH of a file that the collection knows by
    its path or by its content: the facts of that photo, its tags, and what was
    seen in it.
    """
    from lookalike.collection import Collection
    from lookalike.errors import UnknownPhotoError

    if photo is not None and failures:
        raise typer.BadParameter("--failures is about the collection: leave the photo away.")
    if embedding is not None and (photo is None or embedding.suffix != ".npy"):
        raise typer.BadParameter("--embedding is of a photo, and its file's name ends in .npy.")
    with Collection.open(collection, create=False) as photos:
        if failures:
            _show_failures(photos.failures(), json=json)
        elif photo is None:
            _show_collection(photos, json=json)
        else:
            photo_id = photos.find(photo)
            if photo_id is None:
                raise UnknownPhotoError(f"`{photo}` is not in `{photos.path}`. `lookalike add` brings it in.")
            if embedding is not None:
                import numpy as np

                np.save(embedding, photos.embeddings([photo_id])[0], allow_pickle=False)
            _show_photo(photos, photo_id, json=json)


def _show_failures(failures: list[tuple[str, str]], *, json: bool) -> None:
    if json:
        print_json({"failures": [{"path": path, "reason": reason} for path, reason in failures]})
        return
    from lookalike.cli.add_summary import print_failures

    if not failures:
        stdout().print("Every file could be read.")
    print_failures(failures)


def _show_collection(photos: Collection, *, json: bool) -> None:
    card = photos.settings.card
    sizes = bytes_by_part(photos.path)
    n_photos, n_files, n_failures = len(photos), photos.n_files(), photos.n_failures()
    if json:
        print_json(
            {
                "collection": str(photos.path),
                "photos": n_photos,
                "files": n_files,
                "failures": n_failures,
                "encoder": {
                    "name": card.name,
                    "version": card.version,
                    "precision": card.precision,
                    "dim": card.dim,
                    "licence": card.licence,
                    "weights_sha256": card.weights_sha256,
                    "fingerprint": card.fingerprint,
                },
                "search": photos.search_method,
                "word_search": photos.word_method,
                "style_search": photos.style_method,
                "nsfw": photos.settings.nsfw,
                "bytes": sizes,
            }
        )
        return
    from lookalike.cli.add_summary import failures_command

    parts = ", ".join(f"{part} {size(n)}" for part, n in sizes.items() if part != "total" and n)
    print_facts(
        {
            "Collection": shown_path(photos.path),
            "Photos": f"{n_photos:,}" + (f" in {count(n_files, 'file')}" if n_files != n_photos else ""),
            "Encoder": f"{card.name} {card.precision}, {card.dim:,} dimensions",
            "Search": METHODS[photos.search_method],
            "Words": photos.word_method,
            "Styles": photos.style_method,
            "NSFW": "photos are judged by open_nsfw" if photos.settings.nsfw else "photos are not judged",
            "On disk": f"{size(sizes['total'])}: {parts}",
            "Not readable": f"{count(n_failures, 'file')}: {failures_command(photos.path)}" if n_failures else "",
        }
    )


def _show_photo(photos: Collection, photo_id: int, *, json: bool) -> None:
    from lookalike.photos import PhotoFacts

    record, paths, seen = photos.photo(photo_id), photos.paths(photo_id), photos.seen(photo_id)
    facts = PhotoFacts.from_json(record.facts)
    if json:
        import json as json_module

        print_json(
            {
                "id": record.id,
                "name": record.name,
                "path": record.path,
                "title": record.title,
                "width": record.width,
                "height": record.height,
                "taken_at": record.taken_at,
                "facts": json_module.loads(record.facts),
                "format": record.format,
                "bytes": record.bytes,
                "sha256": record.sha256,
                "paths": paths,
                "added_at": record.added_at,
                "seen": seen_json(seen),
            }
        )
        return
    exposure = [
        f"{facts.focal_length_mm:g} mm" if facts.focal_length_mm else "",
        f"f/{facts.f_number:g}" if facts.f_number else "",
        _exposure_time(facts.exposure_seconds),
        f"ISO {facts.iso}" if facts.iso else "",
    ]
    position = "" if facts.latitude is None else f"{facts.latitude:.5f}, {facts.longitude:.5f}"
    print_facts(
        {
            "Photo": f"{record.id}",
            "Title": facts.title,
            "Caption": facts.caption,
            "Keywords": ", ".join(facts.keywords),
            "Tags": _tags(seen),
            "Creator": facts.creator,
            "Copyright": facts.copyright,
            "Taken": (record.taken_at or "").replace("T", " "),
            "Camera": facts.camera,
            "Lens": facts.lens,
            "Exposure": " · ".join(part for part in exposure if part),
            "Position": position,
            "Machine tags": _machine_tags(seen),
            **seen_facts(seen, style_method=photos.style_method),
            "Size": f"{record.width:,} x {record.height:,} pixels, {record.format.upper()}, {size(record.bytes)}",
            "Added": record.added_at.replace("T", " ").removesuffix("+00:00") + " UTC",
            "SHA-256": record.sha256,
            "Files": "\n".join(shown_path(path) for path in paths) or "none of its files is there any more",
        }
    )
    print_swatches(seen.palette)


def _tags(seen: SeenPhoto) -> str:
    return ", ".join(row.raw if row.origin != "auto" else f"{row.raw} ({row.score:.2f})" for row in seen.tags)


def _machine_tags(seen: SeenPhoto) -> str:
    from lookalike.query import MachineTag

    shown = []
    for row in seen.machine_tags:
        sure = f" ({row.score:.2f})" if row.origin == "auto" else ""
        shown.append(f"{MachineTag(row.namespace, row.predicate, row.raw)}{sure}")
    return "\n".join(shown)


def _exposure_time(seconds: float | None) -> str:
    if not seconds:
        return ""
    return f"1/{round(1 / seconds):,} s" if seconds < 0.3 else f"{seconds:g} s"
