"""What the API says: one model per JSON object, so that its OpenAPI description is complete and true.

Lists of photos carry what a grid needs and no more; a photo's own address has the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from lookalike.appearance import hex_of
from lookalike.catalog import PhotoRecord
from lookalike.collection import AddProgress, Collection, SearchResult, SeenPhoto
from lookalike.photos import PhotoFacts
from lookalike.query import Colour, ItemKind, print_items, print_query
from lookalike.query import Query as Asked

__all__ = [
    "MAX_OFFSET",
    "Cell",
    "Embedding",
    "ErrorDetail",
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
    "PhotoUnits",
    "Query",
    "QueryItem",
    "SearchStats",
    "Seen",
    "SharedClass",
    "Status",
    "SuggestedTag",
    "SuggestedTags",
    "Suggestion",
    "Suggestions",
    "Swatch",
    "Tag",
    "Unit",
    "UnitPhoto",
    "UnitPhotos",
    "Upload",
    "Why",
    "WhyPhoto",
]

MAX_OFFSET = 1_000_000

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ErrorDetail(BaseModel):
    """What went wrong: a code for programs and a message for people."""

    code: str
    message: str
    position: int | None = Field(
        default=None, description="characters of the query before what is wrong; only with `wrong_query`"
    )


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
    nsfw: float | None = Field(description="0 to 1, by open_nsfw; null where it was not judged")

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


class Tag(BaseModel):
    """A tag of a photo."""

    tag: str = Field(description="normal form, in which tags are compared")
    raw: str = Field(description="as written")
    origin: Literal["file", "user", "auto"]
    score: float = Field(description="0 to 1; 1 for what files and people say")


class MachineTag(BaseModel):
    """A machine tag of a photo, `namespace:predicate=value`."""

    namespace: str
    predicate: str
    value: str = Field(description="normal form")
    raw: str = Field(description="the value as written")
    origin: Literal["file", "user", "auto"]
    score: float


class Label(BaseModel):
    """A class that the network thinks of."""

    name: str
    probability: float


class Swatch(BaseModel):
    """A colour of a photo."""

    hex: str = Field(pattern="^#[0-9a-f]{6}$")
    name: str
    share: float = Field(description="of the photo, 0 to 1")


class Seen(BaseModel):
    """What was seen in a photo, and its tags."""

    tags: list[Tag]
    machine_tags: list[MachineTag]
    labels: list[Label] = Field(description="likeliest first")
    palette: list[Swatch] = Field(description="largest share first")
    measures: dict[str, float] = Field(description="quality and styles as measured, by name")
    nsfw: float | None = Field(description="0 to 1, by open_nsfw; null where it was not judged")

    @classmethod
    def of(cls, seen: SeenPhoto) -> Seen:
        """Return what is known of a photo beside its file."""
        return cls(
            tags=[Tag.model_validate(row, from_attributes=True) for row in seen.tags],
            machine_tags=[MachineTag.model_validate(row, from_attributes=True) for row in seen.machine_tags],
            labels=[Label(name=name, probability=probability) for name, probability in seen.labels],
            palette=[Swatch.model_validate(swatch, from_attributes=True) for swatch in seen.palette],
            measures=seen.measures,
            nsfw=seen.nsfw,
        )


class PhotoDetails(Photo):
    """All that is known of a photo."""

    facts: Facts
    seen: Seen
    format: str
    bytes: int
    paths: list[str] = Field(description="every file that holds it")
    added_at: str = Field(description="ISO 8601, UTC")

    @classmethod
    def of_record(cls, record: PhotoRecord, paths: list[str], seen: SeenPhoto) -> PhotoDetails:
        """Return what is known of `record`, which lies at `paths`."""
        return cls(
            **dict(Photo.of(record)),
            facts=Facts.of(PhotoFacts.from_json(record.facts)),
            seen=Seen.of(seen),
            format=record.format,
            bytes=record.bytes,
            paths=paths,
            added_at=record.added_at,
        )


class Embedding(BaseModel):
    """Where a photo lies for the network: unit length, the collection's mean taken off."""

    embedding: list[float]


class PhotoPage(BaseModel):
    """Some photos of the collection, in the order in which they were added."""

    photos: list[Photo]
    next: str | None = Field(description="`cursor` of the photos that follow; null at the end")
    total: int = Field(description="photos in the collection")


class Hit(Photo):
    """A photo found."""

    score: float = Field(ge=0, le=1, description="larger is better")
    parts: dict[str, float] = Field(description="score of each part of the query")
    others: list[int] = Field(
        description="photos nearly the same, left out for this one where distinct hits are asked for"
    )


class QueryItem(BaseModel):
    """One item of a query, as it was understood."""

    kind: ItemKind
    text: str = Field(description="as the language writes it")
    weight: float | None = Field(description="below zero: less of it; null for what limits or orders")
    hex: str | None = Field(description="of a colour: #rrggbb")

    @classmethod
    def all_of(cls, query: Asked) -> list[QueryItem]:
        """Return the items of a query."""
        return [
            cls(
                kind=item.kind,
                text=item.text,
                weight=None if item.term is None else item.term.weight,
                hex=hex_of(item.term.colour) if isinstance(item.term, Colour) else None,
            )
            for item in print_items(query)
        ]


class Query(BaseModel):
    """What was searched for."""

    kind: Literal["photo", "upload", "vector", "words", "query"]
    photo: Photo | None = Field(description="the photo of the collection that the query is, or that equals the upload")
    upload: str | None
    words: str | None
    query: str | None = Field(description="a query as the language writes it; null where no `q` was given")
    items: list[QueryItem] = Field(description="the same, item by item; empty where no `q` was given")


class SearchStats(BaseModel):
    """How the search was done."""

    method: Literal["exact", "lopq", "words"]
    n_photos: int = Field(description="photos that could have been found")
    n_cells: int = Field(description="cells of the index visited")
    n_codes: int = Field(description="codes scanned")
    n_compared: int = Field(description="embeddings compared exactly")
    seconds: float
    words: Literal["joint", "classes", "texts"] | None = Field(
        description="how words were looked for beside what stands in texts: in the encoder's joint space, by the "
        "classes that it sees, or not at all; null without words"
    )


class Hits(BaseModel):
    """Photos found, best first."""

    query: Query
    hits: list[Hit]
    next_offset: int | None = Field(description="`offset` of the hits that follow; null at the end")
    n_good: int | None = Field(
        description="hits, from the first of all on, beyond which more than one in ten is expected by chance; null "
        "where the query does not ask (`cut:yes`, `order:`)"
    )
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
        query: Asked | None = None,
        vector: bool = False,
    ) -> Hits:
        """Return `result`, found for a `query`, `words`, an `upload`, a `vector`, or else a photo of the collection."""
        ids = [hit.id for hit in result]
        goal = [] if result.photo_id is None else [result.photo_id]
        records = {record.id: record for record in collection.photos([*ids, *goal])}
        photo = records.get(result.photo_id) if result.photo_id is not None else None
        if upload is not None and photo is not None and not photo.path:
            photo = None  # hidden: its files have gone from the collection
        following = offset + k
        kinds: tuple[tuple[Literal["query", "words", "upload", "vector"], bool], ...] = (
            ("query", query is not None),
            ("words", words is not None),
            ("upload", upload is not None),
            ("vector", vector),
        )
        return cls(
            query=Query(
                kind=next((kind for kind, given in kinds if given), "photo"),
                photo=None if photo is None else Photo.of(photo),
                upload=upload,
                words=words,
                query=None if query is None else print_query(query),
                items=[] if query is None else QueryItem.all_of(query),
            ),
            hits=[
                Hit(
                    **dict(Photo.of(records[hit.id])),
                    score=hit.score,
                    parts=dict(hit.parts),
                    others=list(hit.others),
                )
                for hit in result
                if hit.id in records
            ],
            next_offset=following if result.has_more and following <= MAX_OFFSET else None,
            n_good=result.n_good,
            stats=SearchStats.model_validate(result.stats, from_attributes=True),
        )


class Suggestion(BaseModel):
    """How a query may go on."""

    kind: Literal["tag", "machine tag", "word", "query", "key"]
    text: str = Field(description="what is suggested, as it was written")
    query: str = Field(description="the whole line with it")
    n: int = Field(description="how many tags or texts have it; of a query, how often it was asked; of a key 0")
    n_edits: int = Field(description="mistakes in what was typed: 0, 1 or 2")
    hex: str | None = Field(description="of a colour: #rrggbb")


class Suggestions(BaseModel):
    """How a query that is being typed may go on, the likeliest first."""

    suggestions: list[Suggestion]


class SuggestedTag(BaseModel):
    """A tag that a photo may deserve, with the probability that it is right."""

    tag: str
    raw: str
    score: float


class SuggestedTags(BaseModel):
    """Tags suggested for a photo, best first."""

    suggestions: list[SuggestedTag]

    @classmethod
    def of(cls, found: Iterable[object]) -> SuggestedTags:
        """Return what was found for a photo."""
        return cls(suggestions=[SuggestedTag.model_validate(each, from_attributes=True) for each in found])


class SharedClass(BaseModel):
    """A class or broader term that both photos may be of."""

    name: str
    a: float = Field(description="probability for the first photo")
    b: float = Field(description="the same for the second")


Box = Annotated[list[float], Field(min_length=4, max_length=4, description="left, top, right, bottom: shares, 0 to 1")]


class WhyPhoto(BaseModel):
    """One of two photos that are compared."""

    photo: Photo
    heat: list[list[float]] = Field(description="rows of cells: what each gives to the cosine")
    box: Box = Field(description="what the network saw of the photo, and the heat lies over")
    palette: list[Swatch]


class Why(BaseModel):
    """Why two photos are alike."""

    cosine: float = Field(description="of the two embeddings, the collection's mean taken off")
    method: Literal["shares", "hiding"] = Field(
        description="shares: each heat map sums to the cosine; hiding: what the cosine loses when a cell is hidden"
    )
    a: WhyPhoto
    b: WhyPhoto
    classes: list[SharedClass] = Field(description="the surest common one first")
    tags: list[str] = Field(description="that both carry, as the first has them written")


class UnitPhoto(Photo):
    """A photo that excites a unit of the network."""

    value: float = Field(description="the embedding's coordinate before centring")


class UnitPhotos(BaseModel):
    """The photos that excite a unit most, strongest first."""

    unit: int
    photos: list[UnitPhoto]


class Cell(BaseModel):
    """A cell of a photo in which a unit is strong."""

    row: int
    column: int
    box: Box
    activation: float


class Unit(BaseModel):
    """A unit that a photo excites."""

    unit: int
    value: float = Field(description="the photo's coordinate before centring")
    typical: float = Field(description="the same of the collection's mean")
    cells: list[Cell] = Field(description="where in the photo it is strongest")


class PhotoUnits(BaseModel):
    """The units that a photo excites most beyond what is usual in the collection."""

    photo: Photo
    units: list[Unit]


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
    word_search: str = Field(description="how words are looked for: in texts only, or also in what was seen in photos")
    style_search: str = Field(description="how styles are told: by image statistics alone, or also by embeddings")
    writable: bool = Field(description="whether tags and filters can be changed here")
    jobs: list[Job]


class Failure(BaseModel):
    """A file that could not be read."""

    path: str
    reason: str


class Failures(BaseModel):
    """The files that could not be read."""

    failures: list[Failure]
