"""Routes of the collection's photos: lists, facts, pictures, and what is similar."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response

from lookalike.collection import Collection
from lookalike.errors import PhotoGoneError
from lookalike.photos import is_displayable, media_type
from lookalike.server.caching import Version, cache_headers, is_not_modified
from lookalike.server.messages import Embedding, Hits, Photo, PhotoDetails, PhotoPage
from lookalike.server.parameters import K, Offset, PhotoId
from lookalike.server.refusals import Refusal, refusals
from lookalike.server.renditions import Renditions

__all__ = ["JPEG_RESPONSE", "photo_routes"]

_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")
_BINARY = {"schema": {"type": "string", "format": "binary"}}

JPEG_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": _BINARY}, "description": "A JPEG."},
    304: {"description": "The client holds it already."},
}
_IMAGE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/*": _BINARY}, "description": "The photo."},
    206: {"content": {"image/*": _BINARY}, "description": "The range asked for."},
    304: {"description": "The client holds it already."},
}


def photo_routes(collection: Collection) -> APIRouter:
    """Return the routes below ``/photos`` but for those of why.py."""
    router = APIRouter(tags=["photos"])
    renditions = Renditions()

    @router.get("/photos", responses=refusals(422))
    def list_photos(
        limit: Annotated[int, Query(ge=1, le=1000, description="Photos wanted.")] = 100,
        cursor: Annotated[
            str | None, Query(pattern="^[0-9]{1,18}$", description="`next` of the photos before; none: the first.")
        ] = None,
    ) -> PhotoPage:
        """List the collection, in the order in which photos were added."""
        records = collection.photos_after(int(cursor or 0), limit + 1)
        more = len(records) > limit
        page = records[:limit]
        return PhotoPage(
            photos=[Photo.of(record) for record in page],
            next=str(page[-1].id) if more else None,
            total=len(collection),
        )

    @router.get("/photos/{photo_id}", responses=refusals(404, 422))
    def photo_details(photo_id: PhotoId) -> PhotoDetails:
        """Tell what is known of a photo."""
        return PhotoDetails.of_record(collection.photo(photo_id), collection.paths(photo_id), collection.seen(photo_id))

    @router.get(
        "/photos/{photo_id}/thumbnail",
        response_class=Response,
        responses=JPEG_RESPONSE | refusals(404, 422),
    )
    def photo_thumbnail(request: Request, photo_id: PhotoId, v: Version = None) -> Response:
        """Return a small JPEG of the photo."""
        headers = cache_headers(collection.photo(photo_id).sha256, version=v)
        if is_not_modified(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(collection.thumbnail(photo_id), media_type="image/jpeg", headers=headers)

    @router.get(
        "/photos/{photo_id}/image",
        response_class=Response,
        responses=_IMAGE_RESPONSE | refusals(404, 415, 416, 422),
    )
    async def photo_image(request: Request, photo_id: PhotoId) -> Response:
        """Return the photo's file, or a JPEG of it where browsers cannot show its format."""
        record = await run_in_threadpool(collection.photo, photo_id)
        path = await run_in_threadpool(collection.file, photo_id)
        if is_displayable(record.format):
            return await run_in_threadpool(_file_response, request, path, media_type(record.format))
        headers = cache_headers(record.sha256, version=None)
        if is_not_modified(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(await renditions.get(record.sha256, path), media_type="image/jpeg", headers=headers)

    @router.get("/photos/{photo_id}/embedding", responses=refusals(404, 422))
    def photo_embedding(photo_id: PhotoId) -> Embedding:
        """Return the photo's embedding, as search compares it."""
        return Embedding(embedding=collection.embeddings([photo_id])[0].tolist())

    @router.get("/photos/{photo_id}/similar", responses=refusals(404, 422))
    def similar_photos(photo_id: PhotoId, k: K = 60, offset: Offset = 0) -> Hits:
        """Find photos similar to one of the collection."""
        result = collection.search(photo=photo_id, k=k, offset=offset)
        return Hits.of(collection, result, k=k, offset=offset)

    return router


def _file_response(request: Request, path: Path, media: str) -> Response:
    """Answer with a file of the collection; by its own date and size, for it may have changed since it was read."""
    try:
        status = path.stat()
    except OSError as error:
        raise PhotoGoneError(f"`{path}` cannot be read: {error.strerror}.") from error
    response = FileResponse(path, media_type=media, stat_result=status, headers={"Cache-Control": "private, no-cache"})
    if is_not_modified(request, response.headers["etag"]):
        kept = {name: response.headers[name] for name in ("etag", "cache-control", "last-modified")}
        return Response(status_code=304, headers=kept)
    _check_range(request, status)
    return response


def _check_range(request: Request, status: os.stat_result) -> None:
    asked = request.headers.get("range")
    if asked is None:
        return
    match = _RANGE.fullmatch(asked.strip().lower())
    first = int(match[1]) if match and match[1] else 0
    last = int(match[2]) if match and match[2] else status.st_size
    if match is None or not first < status.st_size or last < first or match[3] == "0":
        raise Refusal(
            416,
            "range_not_satisfiable",
            f"The file has {status.st_size:,} bytes; `Range` must be one range of them, like `bytes=0-999`.",
            {"Content-Range": f"bytes */{status.st_size}"},
        )
