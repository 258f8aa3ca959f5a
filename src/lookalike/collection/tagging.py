"""The tags of a photo, and lists of what machine tags there are; tag_changes.py changes them.

A tag is a word or a few (``"San Francisco"``), or a machine tag (``dopplr:eat="San Francisco"``); both are compared in
their normal form and shown as they were written. What people say is written with the origin "user", and wins over
what a file says. Their plain tags stand among the keywords of the full text, so that words find them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from lookalike.catalog import Catalog, MachineTagCount, Origin
from lookalike.errors import InvalidArgumentError
from lookalike.query import MachineTag, MachineTagPattern
from lookalike.query.times import time_text

__all__ = ["MachineTagList", "PhotoTag", "machine_tag_list", "tags_of"]

MachineTagList: TypeAlias = Literal["namespaces", "predicates", "pairs", "values"]
"""What of machine tags is listed."""


@dataclass(frozen=True, slots=True)
class PhotoTag:
    """A tag of a photo.

    Attributes
    ----------
    tag : str
        In normal form; a machine tag as ``namespace:predicate=value``.
    raw : str
        As it was written.
    origin : "user", "file" or "auto"
        Who says so: a person, the photo's file, or the network.
    score : float
        How sure that is, 0 to 1; 1 for what people and files say.
    """

    tag: str
    raw: str
    origin: Origin
    score: float


def tags_of(catalog: Catalog, photo_id: int) -> list[PhotoTag]:
    """List the tags of a photo: plain ones first, each kind with what people say before files and the network."""
    found = [PhotoTag(row.tag, row.raw, row.origin, row.score) for row in catalog.tags.of_photo(photo_id)]
    rows = sorted(catalog.machine_tags.of_photo(photo_id), key=lambda row: ("user", "file", "auto").index(row.origin))
    for row in rows:
        written = MachineTag(row.namespace, row.predicate, row.raw)
        name = f"{row.namespace}:{row.predicate}={row.value}"
        found.append(PhotoTag(name, str(written), row.origin, row.score))
    return found


def machine_tag_list(
    catalog: Catalog,
    what: MachineTagList | None,
    pattern: str | None,
    *,
    since: str | None,
    limit: int,
    offset: int,
) -> tuple[MachineTagList, list[MachineTagCount]]:
    """List what of machine tags there is, with counts; see `Collection.machine_tag_list`."""
    wanted = MachineTagPattern() if not pattern else MachineTagPattern.parse(pattern)
    if wanted is None:
        raise InvalidArgumentError(
            f"`{pattern}` is no pattern of machine tags; expected namespace:predicate=value, each of which may be *, "
            "such as exif:*= or geo:lat=."
        )
    form = wanted.normalised
    if what is None:
        if form.value is not None:
            what = "pairs"
        elif form.namespace is None and form.predicate is None:
            what = "namespaces"
        else:
            what = "predicates" if form.predicate is None else "values"
    if what not in get_args(MachineTagList):
        raise InvalidArgumentError(f"`what` is {what!r}; expected one of {', '.join(get_args(MachineTagList))}.")
    if form.value is not None and what != "pairs":
        raise InvalidArgumentError(f"Of one value only the pairs can be listed, not {what}.")
    tags = catalog.machine_tags
    since = None if since is None else time_text(since, "since")
    if what == "namespaces":
        if form.namespace is not None:
            raise InvalidArgumentError("Of one namespace the predicates, pairs or values can be listed.")
        return what, tags.namespaces(predicate=form.predicate, since=since, limit=limit, offset=offset)
    if what == "predicates":
        if form.predicate is not None:
            raise InvalidArgumentError("Of one predicate the namespaces, pairs or values can be listed.")
        return what, tags.predicates(namespace=form.namespace, since=since, limit=limit, offset=offset)
    if what == "values":
        return what, tags.values(
            namespace=form.namespace, predicate=form.predicate, since=since, limit=limit, offset=offset
        )
    return what, tags.pairs(
        namespace=form.namespace,
        predicate=form.predicate,
        value=form.value,
        since=since,
        limit=limit,
        offset=offset,
    )
