"""What the API says: one model per JSON object, so that its OpenAPI description is complete and true.

Lists of photos carry what a grid needs and no more; a photo's own address has the rest.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from lookalike.catalog import PhotoRecord
from lookalike.collection import AddProgress, Collection, SearchResult
from lookalike.photos import PhotoFacts

__all__ = [
    "ErrorMessage",
    "Facts",
    "Failure",
    "Failures",
    "Hit",
    "Hits",
    "Job",
    "Photo",
    "PhotoDetails",
    "PhotoPage",
    "Query",
    "SearchStats",
    "Status",
    "Upload",
]

MAX_OFFSET = 1_000_000

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ErrorDetail(BaseModel):
    """What went wrong: a code for programs and a message for people."""

    code: str
    message: str


class ErrorMessage(BaseModel):
    """The answer to every request that fails."""

    error: ErrorDetail


class Photo(BaseModel):
    """A photo in a list. `name` and `path` are empty when all its files have gone from the collection's folders."""

    id: int
    name: str
    path: str
    title: str | None
    width: int = Field(description="px, upright")
    height: int = Field(description="px, upright")
    taken_at: str | None = Field(description="ISO 8601, local time of the camera, with offset where known")
    sha256: Sha256 = Field(description="of the file; the photo's identity")

    @classmethod
    def of(cls, record: PhotoRecord) -> Photo:
        """Return what a list says of `record`."""
        return cls(**{name: getattr(record, name) for name in Photo.model_fields})


class Facts(BaseModel):
    """What the file tells of the photo; null where it does not."""

    camera: str | None
    lens: str | None
    latitude: float | None = Field(description="degrees, WGS 84, north positive")
    longitude: float | None = Field(description="degrees, WGS 84, east positive")
    caption: str | None
    keywords: list[str]
    creator: str | None
    copyright: str | None
    focal_length_mm: float | None
    f_number: float | None
    exposure_seconds: float | None
    iso: int | None

    @classmethod
    def of(cls, facts: PhotoFacts) -> Facts:
        """Return `facts` without title and date, which stand in the photo itself."""
        return cls.model_validate(facts, from_attributes=True)


class PhotoDetails(Photo):
    """All that is known of a photo."""

    facts: Facts
    format: str
    bytes: int
    paths: list[str] = Field(description="every file that holds it")
    added_at: str = Field(description="ISO 8601, UTC")

    @classmethod
    def of_record(cls, record: PhotoRecord, paths: list[str]) -> PhotoDetails:
        """Return what is known of `record`, which lies at `paths`."""
        return cls(
            **dict(Photo.of(record)),
            facts=Facts.of(PhotoFacts.from_json(record.facts)),
            format=record.format,
            bytes=record.bytes,
            paths=paths,
            added_at=record.added_at,
        )


class PhotoPage(BaseModel):
    """Some photos of the collection, in the order in which they were added."""

    photos: list[Photo]
    next: str | None = Field(description="`cursor` of the photos that follow; null at the end")
    total: int = Field(description="photos in the collection")


class Hit(Photo):
    """A photo found."""

    score: float = Field(ge=0, le=1, description="larger is better")
    parts: dict[str, float] = Field(description="score of each part of the query")


class Query(BaseModel):
    """What was searched for."""

    kind: Literal["photo", "upload", "words"]
    photo: Photo | None = Field(description="the photo of the collection that the query is, or that equals the upload")
    upload: str | None
    words: str | None


class SearchStats(BaseModel):
    """How the search was done."""

    method: Literal["exact", "lopq", "words"]
    n_photos: int = Field(description="photos that could have been found")
    n_cells: int = Field(description="cells of the index visited")
    n_codes: int = Field(description="codes scanned")
    n_compared: int = Field(description="embeddings compared exactly")
    seconds: float


class Hits(BaseModel):
    """Photos found, best first."""

    query: Query
    hits: list[Hit]
    next_offset: int | None = Field(description="`offset` of the hits that follow; null at the end")
    stats: SearchStats

    @classmethod
    def of(
        cls,
        collection: Collection,
        result: SearchResult,
        *,
        k: int,
        offset: int,
        upload: str | None = None,
        words: str | None = None,
    ) -> Hits:
        """Return `result`, found for `words`, an `upload`, or else a photo of the collection."""
        ids = [hit.id for hit in result]
        goal = [] if result.photo_id is None else [result.photo_id]
        records = {record.id: record for record in collection.photos([*ids, *goal])}
        photo = records.get(result.photo_id) if result.photo_id is not None else None
        if upload is not None and photo is not None and not photo.path:
            photo = None  # hidden: its files have gone from the collection
        following = offset + k
        return cls(
            query=Query(
                kind="words" if words is not None else "upload" if upload is not None else "photo",
                photo=None if photo is None else Photo.of(photo),
                upload=upload,
                words=words,
            ),
            hits=[
                Hit(**dict(Photo.of(records[hit.id])), score=hit.score, parts=dict(hit.parts))
                for hit in result
                if hit.id in records
            ],
            next_offset=following if result.has_more and following <= MAX_OFFSET else None,
            stats=SearchStats.model_validate(result.stats, from_attributes=True),
        )


class Upload(BaseModel):
    """An outside photo that the server holds in memory, to search with."""

    id: str = Field(pattern="^[0-9a-f]{32}$")
    width: int
    height: int


class Job(BaseModel):
    """Photos being added, or that were added since the server began."""

    id: str
    kind: Literal["add"]
    state: Literal["counting", "running", "done", "failed", "stopped"]
    done: int = Field(description="files read so far")
    total: int = Field(description="files to read")
    added: int
    updated: int
    unchanged: int
    moved: int
    gone: int
    failed: int
    rate: float | None = Field(description="files per second")
    eta_seconds: float | None
    message: str | None

    @classmethod
    def of(cls, job_id: str, progress: AddProgress) -> Job:
        """Return how far the job is."""
        indexing = progress.state == "indexing"
        return cls(
            id=job_id,
            kind="add",
            state="running" if progress.state == "indexing" else progress.state,
            done=progress.done,
            total=progress.total,
            added=progress.added,
            updated=progress.updated,
            unchanged=progress.unchanged,
            moved=progress.moved,
            gone=progress.gone,
            failed=progress.failed,
            rate=progress.rate,
            eta_seconds=progress.eta_seconds,
            message="All are read; the index is being built." if indexing else progress.message,
        )


class Status(BaseModel):
    """The collection as it is now, and what is being done to it."""

    version: str = Field(description="of Lookalike")
    collection: str = Field(description="path of its directory")
    photos: int
    files: int = Field(description="files that hold them")
    failures: int = Field(description="files that could not be read")
    encoder: str
    search: Literal["exact", "lopq"] = Field(description="how photos are compared")
    jobs: list[Job]


class Failure(BaseModel):
    """A file that could not be read."""

    path: str
    reason: str


class Failures(BaseModel):
    """The files that could not be read."""

    failures: list[Failure]
