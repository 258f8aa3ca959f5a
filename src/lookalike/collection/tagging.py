"""Tags that people give to photos and take off, and what tags there are.

A tag is a word or a few (``"San Francisco"``), or a machine tag (``dopplr:eat="San Francisco"``); both are compared in
their normal form and shown as they were written. What people say is written with the origin "user", and wins over
what a file says. Their plain tags stand among the keywords of the full text, so that words find them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from lookalike.catalog import Catalog, MachineTagCount, MachineTagRow, Origin, TagRow
from lookalike.collection.file_tags import parts_of
from lookalike.collection.locking import changing
from lookalike.errors import InvalidArgumentError, UnknownTagError
from lookalike.query import MachineTag, MachineTagPattern, normalised
from lookalike.query.times import time_text

__all__ = ["MachineTagList", "PhotoTag", "TagWriter", "machine_tag_list", "tags_of"]

MachineTagList: TypeAlias = Literal["namespaces", "predicates", "pairs", "values"]
"""What of machine tags is listed."""

_MAX_TAG = 500
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


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


class TagWriter:
    """Writes tags of photos; each call is one transaction.

    Parameters
    ----------
    directory : Path
        Of the collection.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def tag(self, photo_ids: Iterable[int], tags: Sequence[str]) -> None:
        """Give photos tags, as said by a person. What was rejected for them before is no longer."""
        read = [_read(tag) for tag in tags]
        with changing(self._directory) as catalog:
            for photo_id in photo_ids:
                plain = [TagRow(photo_id, *tag, "user") for tag in read if isinstance(tag, tuple)]
                catalog.tags.put(plain)
                catalog.tags.unreject(photo_id, [row.tag for row in plain])
                catalog.machine_tags.put(
                    MachineTagRow(photo_id, *parts_of(tag), "user") for tag in read if isinstance(tag, MachineTag)
                )
                catalog.rewrite_keywords([photo_id])

    def untag(self, photo_ids: Iterable[int], tags: Sequence[str]) -> int:
        """Take tags off photos, whoever gave them; gives how many there were."""
        read = [_read(tag) for tag in tags]
        n = 0
        with changing(self._directory) as catalog:
            for photo_id in photo_ids:
                for tag in read:
                    if isinstance(tag, tuple):
                        n += catalog.tags.remove(photo_id, tag=tag[0])
                    else:
                        namespace, predicate, value, _ = parts_of(tag)
                        n += catalog.machine_tags.remove(
                            photo_id, namespace=namespace, predicate=predicate, value=value
                        )
                catalog.rewrite_keywords([photo_id])
        return n

    def rename(self, tag: str, new: str) -> int:
        """Give all photos that have a tag another instead; gives how many had it."""
        old, after = _read(tag), _read(new)
        with changing(self._directory) as catalog:
            if isinstance(old, MachineTag) and isinstance(after, MachineTag):
                return _rename_machine_tag(catalog, old, after)
            if not isinstance(old, tuple) or not isinstance(after, tuple):
                raise InvalidArgumentError(f"`{tag}` and `{new}` must both be machine tags, or both not.")
            having = catalog.tags.having(old[0])
            if not having:
                raise UnknownTagError(f"No photo has the tag {tag!r}. `lookalike tags` lists those that there are.")
            catalog.tags.rename(old[0], *after)
            catalog.rewrite_keywords(having)
            return len(having)

    def reject(self, photo_id: int, tags: Sequence[str]) -> None:
        """Keep that tags do not suit a photo: they are not suggested for it again."""
        read = [_read(tag) for tag in tags]
        plain = [tag[0] for tag in read if isinstance(tag, tuple)]
        if len(plain) < len(read):
            raise InvalidArgumentError("Machine tags are never suggested, so none can be rejected.")
        with changing(self._directory) as catalog:
            carried = {row.tag for row in catalog.tags.of_photo(photo_id) if row.origin != "auto"}
            if both := sorted(carried & set(plain)):
                raise InvalidArgumentError(f"Photo {photo_id} has the tag {both[0]!r}. Take it off instead.")
            catalog.tags.reject(photo_id, plain)


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


def _rename_machine_tag(catalog: Catalog, old: MachineTag, new: MachineTag) -> int:
    namespace, predicate, value, _ = parts_of(old)
    having = catalog.machine_tags.photos(namespace=namespace, predicate=predicate, value=value).tolist()
    if not having:
        raise UnknownTagError(f"No photo has the tag {old}. `lookalike machine-tags` lists those that there are.")
    for photo_id in having:
        catalog.machine_tags.remove(photo_id, namespace=namespace, predicate=predicate, value=value)
    catalog.machine_tags.put(MachineTagRow(photo_id, *parts_of(new), "user") for photo_id in having)
    return len(having)


def _read(text: str) -> tuple[str, str] | MachineTag:
    """Read a tag: normal form and as written, or a machine tag."""
    if not isinstance(text, str):
        raise InvalidArgumentError(f"A tag is {text!r}; expected a text.")
    if (machine_tag := MachineTag.parse(text)) is not None:
        return machine_tag
    form = normalised(text)
    if not form or len(text) > _MAX_TAG or _UNWRITABLE.search(text):
        raise InvalidArgumentError(f"A tag is {text[:80]!r}; expected 1 to {_MAX_TAG} characters that can be shown.")
    return form, " ".join(text.split())
