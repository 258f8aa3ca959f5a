"""Routes that change tags: of many photos in one transaction, each answer with what undoes it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, model_validator

from lookalike.collection import Collection, TagChange, TagEdit, TagState
from lookalike.errors import InvalidArgumentError
from lookalike.server.bodies import Body
from lookalike.server.refusals import refusals
from lookalike.server.writing import Writing

__all__ = ["tag_change_routes"]

_MAX_PHOTOS = 10_000
_MAX_PAIRS = 200_000

_Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
_TagText = Annotated[str, Field(max_length=10_000)]  # the library says better how long a tag may be
_TagTexts = Annotated[list[_TagText], Field(max_length=100)]


class ChangeOfTags(Body):
    """What shall become of the tags of some photos."""

    photo_ids: list[_Id] = Field(min_length=1, max_length=_MAX_PHOTOS)
    add: _TagTexts = Field([], description="given to each, as by a person")
    remove: _TagTexts = Field([], description="taken off, whoever gave them")
    accept: _TagTexts = Field([], description="suggested tags that are right: given, too")
    reject: _TagTexts = Field([], description="tags never to be suggested for these photos again")

    @model_validator(mode="after")
    def _asks_for_something(self) -> ChangeOfTags:
        if not (self.add or self.remove or self.accept or self.reject):
            raise ValueError("A change needs one of `add`, `remove`, `accept` and `reject`")
        return self

    @property
    def n_pairs(self) -> int:
        """Photos times tags."""
        return len(self.photo_ids) * (len(self.add) + len(self.remove) + len(self.accept) + len(self.reject))


class StateOfTag(Body):
    """How a tag stands, or stood, with some photos."""

    tag: str = Field(description="normal form")
    photo_ids: list[_Id]
    raw: str | None = Field(None, description="as written on them; null: they have it not")
    origin: Literal["file", "user", "auto"] = "user"
    score: float = Field(1.0, ge=0, le=1)
    rejected: bool = Field(False, description="whether it was rejected for them")
    added_at: str | None = Field(None, description="of a machine tag: when it was written first, UTC, ISO 8601")


class TagChangesBody(Body):
    """Changes to make, or states to put back: one of the two."""

    changes: list[ChangeOfTags] | None = Field(None, min_length=1, max_length=1000)
    restore: list[StateOfTag] | None = Field(None, description="what `undo` of an earlier answer holds")

    @model_validator(mode="after")
    def _is_one_of_two(self) -> TagChangesBody:
        if (self.changes is None) == (self.restore is None):
            raise ValueError("Give `changes` or `restore`: one of the two, and not both")
        return self


class TagRestoration(BaseModel):
    """A body for `PATCH /tags` that puts back what a change has changed."""

    restore: list[StateOfTag]


class TagDifferenceMessage(BaseModel):
    """What became of a tag."""

    tag: str
    raw: str = Field(description="as it is written, or was")
    what: Literal["added", "removed", "rewritten", "rejected", "unrejected"]
    photo_ids: list[int]


class TagEditMessage(BaseModel):
    """What a change has changed."""

    photos: int = Field(description="photos of which something is other than before")
    differences: list[TagDifferenceMessage]
    undo: TagRestoration = Field(description="send it to `PATCH /tags` as it is, to undo the change")

    @classmethod
    def of(cls, edit: TagEdit) -> TagEditMessage:
        """Return what `edit` has changed."""
        return cls(
            photos=edit.n_photos,
            differences=[
                TagDifferenceMessage(tag=each.tag, raw=each.raw, what=each.what, photo_ids=list(each.photos))
                for each in edit.differences
            ],
            undo=TagRestoration(
                restore=[
                    StateOfTag(
                        tag=each.tag,
                        photo_ids=list(each.photos),
                        raw=each.raw,
                        origin=each.origin,
                        score=each.score,
                        rejected=each.rejected,
                        added_at=each.added_at,
                    )
                    for each in edit.undo
                ]
            ),
        )


class TagRenaming(Body):
    """A tag, and what it shall be called."""

    tag: _TagText = Field(description="in any spelling")
    new: _TagText = Field(description="as it shall be written; photos may have it already")


def tag_change_routes(collection: Collection, writing: Writing) -> APIRouter:
    """Return the routes that change tags."""
    router = APIRouter(tags=["tags"], dependencies=[Depends(writing)])

    def changed(asked: TagChangesBody) -> TagEditMessage:
        if asked.restore is not None:
            return TagEditMessage.of(collection.restore_tags([_state(each) for each in asked.restore]))
        assert asked.changes is not None
        n_photos = len({photo_id for change in asked.changes for photo_id in change.photo_ids})
        n_pairs = sum(change.n_pairs for change in asked.changes)
        if n_photos > _MAX_PHOTOS or n_pairs > _MAX_PAIRS:
            raise InvalidArgumentError(
                f"`changes` are of {n_photos:,} photos and {n_pairs:,} pairs of photo and tag, but a request may "
                f"change {_MAX_PHOTOS:,} photos and {_MAX_PAIRS:,} pairs. Send several."
            )
        changes = (
            TagChange(each.photo_ids, add=each.add, remove=each.remove, accept=each.accept, reject=each.reject)
            for each in asked.changes
        )
        return TagEditMessage.of(collection.change_tags(*changes))

    @router.patch("/tags", responses=refusals(403, 404, 409, 413, 415, 422))
    async def change_tags(asked: TagChangesBody) -> TagEditMessage:
        """Give, take off, accept and reject tags of photos, or put them back: all of it or nothing."""
        return await writing.run(lambda: changed(asked))

    @router.post("/tags/rename", responses=refusals(403, 404, 409, 413, 415, 422))
    async def rename_tag(asked: TagRenaming) -> TagEditMessage:
        """Give all photos that have a tag another instead."""
        return TagEditMessage.of(await writing.run(lambda: collection.rename_tag(asked.tag, asked.new)))

    return router


def _state(message: StateOfTag) -> TagState:
    return TagState(
        message.tag,
        tuple(message.photo_ids),
        raw=message.raw,
        origin=message.origin,
        score=message.score,
        rejected=message.rejected,
        added_at=message.added_at,
    )
