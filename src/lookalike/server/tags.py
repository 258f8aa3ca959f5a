"""Routes of tags: what a photo has, what is suggested for it, what there is, and what is near to a tag.

Those that change tags are in tag_changes.py.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from lookalike.collection import Collection
from lookalike.explore.asking_tags import nearest_photos_of_tag, similar_tags, suggest_tags
from lookalike.server.messages import Photo, SuggestedTags, Tag
from lookalike.server.parameters import Limit, Offset, PhotoId
from lookalike.server.refusals import refusals

__all__ = ["tag_routes"]

_TagName = Annotated[str, Path(min_length=1, max_length=500, description="A tag, in any spelling.")]


class PhotoTags(BaseModel):
    """The tags of a photo."""

    tags: list[Tag]
    rejected: list[str] = Field(description="tags in normal form that are not suggested for it again")


class TagCount(BaseModel):
    """A tag, and how many photos have it."""

    tag: str
    raw: str
    photos: int


class TagList(BaseModel):
    """Tags, those of the most photos first."""

    tags: list[TagCount]


class SimilarTag(BaseModel):
    """A tag near another."""

    tag: str
    raw: str
    cosine: float


class SimilarTags(BaseModel):
    """Tags near a tag, nearest first."""

    tags: list[SimilarTag]


class TagPhoto(Photo):
    """A photo near a tag."""

    cosine: float
    carries: bool = Field(description="whether it has the tag")


class TagPhotos(BaseModel):
    """Photos near a tag, nearest first."""

    photos: list[TagPhoto]


class MachineTagCount(BaseModel):
    """Parts of machine tags, and how many photos have them; parts that the list does not tell apart are null."""

    namespace: str | None
    predicate: str | None
    value: str | None
    raw: str | None = Field(description="the value, as it was written")
    photos: int
    first_at: str
    last_at: str


class MachineTagLists(BaseModel):
    """What there is of machine tags."""

    listed: Literal["namespaces", "predicates", "pairs", "values"]
    machine_tags: list[MachineTagCount]


def tag_routes(collection: Collection) -> APIRouter:
    """Return the routes ``/tags``, ``/machine-tags``, and those of a photo's tags."""
    router = APIRouter(tags=["tags"])

    @router.get("/tags", responses=refusals(422))
    def list_tags(
        prefix: Annotated[str, Query(max_length=500, description="Only tags that begin so.")] = "",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> TagList:
        """List the tags of the collection."""
        found = collection.tag_counts(prefix, limit=limit, offset=offset)
        return TagList(tags=[TagCount(tag=each.tag, raw=each.raw, photos=each.n_photos) for each in found])

    @router.get("/photos/{photo_id}/tags", responses=refusals(404, 422))
    def photo_tags(photo_id: PhotoId) -> PhotoTags:
        """List the tags of a photo: people's, its file's, and the network's; and what was rejected."""
        return PhotoTags(
            tags=[
                Tag(tag=each.tag, raw=each.raw, origin=each.origin, score=each.score)
                for each in collection.tags(photo_id)
            ],
            rejected=[tag for _, tag in collection.rejected_tags(photo_id)],
        )

    @router.get("/photos/{photo_id}/suggestions", responses=refusals(404, 422))
    def photo_suggestions(photo_id: PhotoId, k: Limit = 10) -> SuggestedTags:
        """Suggest tags for a photo, learned from those that other photos have."""
        return SuggestedTags.of(suggest_tags(collection, photo_id, k))

    @router.get("/tags/{tag:path}/photos", responses=refusals(404, 422))
    def tag_photos(tag: _TagName, k: Limit = 60) -> TagPhotos:
        """Find the photos nearest to a tag, whether they have it or not."""
        found = {each.id: each for each in nearest_photos_of_tag(collection, tag, k)}
        return TagPhotos(
            photos=[
                TagPhoto(
                    **Photo.of(record).model_dump(), cosine=found[record.id].cosine, carries=found[record.id].carries
                )
                for record in collection.photos(list(found))
            ]
        )

    @router.get("/tags/{tag:path}/similar", responses=refusals(404, 422))
    def tags_near(tag: _TagName, k: Limit = 10) -> SimilarTags:
        """Find the tags nearest to a tag."""
        found = similar_tags(collection, tag, k)
        return SimilarTags(tags=[SimilarTag(tag=each.tag, raw=each.raw, cosine=each.cosine) for each in found])

    @router.get("/machine-tags", responses=refusals(422))
    def list_machine_tags(
        pattern: Annotated[
            str | None, Query(max_length=1000, description="Such as `exif:*=`, `exif:model=` or `*:*=sanfrancisco`.")
        ] = None,
        what: Annotated[
            Literal["namespaces", "predicates", "pairs", "values"] | None,
            Query(alias="list", description="What to list; by default what the pattern leaves open first."),
        ] = None,
        since: Annotated[
            str | None,
            Query(
                max_length=40, description="Only what was written then or later, UTC: 2026, 2026-06, 2026-06-30T12:00."
            ),
        ] = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> MachineTagLists:
        """List namespaces, predicates, pairs of these, or values of machine tags, with counts."""
        kind, found = collection.machine_tag_list(pattern, what=what, since=since, limit=limit, offset=offset)
        return MachineTagLists(
            listed=kind,
            machine_tags=[
                MachineTagCount(
                    namespace=each.namespace,
                    predicate=each.predicate,
                    value=each.value,
                    raw=each.raw,
                    photos=each.n_photos,
                    first_at=each.first_at,
                    last_at=each.last_at,
                )
                for each in found
            ],
        )

    return router
