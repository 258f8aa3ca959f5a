"""Outside photos to search with: sent once, encoded once, held in memory until others take their place.

Held is what searching needs (embedding and thumbnail, some 40 kB), not the file. Nothing is written to the disk.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from lookalike.collection import Collection, OutsidePhoto
from lookalike.errors import PhotoTooLargeError
from lookalike.explore.asking_tags import suggest_tags
from lookalike.photos import PhotoLimits
from lookalike.server.bodies import read_body
from lookalike.server.caching import cache_headers, is_not_modified
from lookalike.server.messages import Hits, SuggestedTags, Upload
from lookalike.server.parameters import K, Limit, Offset, UploadId
from lookalike.server.photos import JPEG_RESPONSE
from lookalike.server.refusals import Refusal, refusals

__all__ = ["UPLOAD_LIMITS", "Uploads", "upload_routes"]

UPLOAD_LIMITS = PhotoLimits(max_bytes=128 << 20)
"""Larger RAW files exist, but the whole of an upload is held in memory while it is read."""

_BODY = {
    "requestBody": {
        "required": True,
        "description": "The file's bytes, as they are.",
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Uploads:
    """The outside photos held.

    Parameters
    ----------
    collection : Collection
        Reads and encodes them.
    limits : PhotoLimits
    n_held : int
        The least recently used goes first.
    """

    def __init__(self, collection: Collection, *, limits: PhotoLimits = UPLOAD_LIMITS, n_held: int = 64) -> None:
        self.limits = limits
        self._collection = collection
        self._n_held = n_held
        self._held: OrderedDict[str, OutsidePhoto] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, data: bytes) -> tuple[str, OutsidePhoto]:
        """Read a file's bytes, and return the upload's id and the photo.

        Raises
        ------
        PhotoError
            It cannot be read.
        """
        upload_id = hashlib.sha256(data).hexdigest()[:32]
        photo = self._find(upload_id) or self._collection.read(data, limits=self.limits)
        with self._lock:
            self._held[upload_id] = photo
            self._held.move_to_end(upload_id)
            if len(self._held) > self._n_held:
                self._held.popitem(last=False)
        return upload_id, photo

    def get(self, upload_id: str) -> OutsidePhoto:
        """Return an upload.

        Raises
        ------
        Refusal
            It is not held, or no longer.
        """
        photo = self._find(upload_id)
        if photo is None:
            message = (
                f"The server does not hold the photo {upload_id}: it keeps the last {self._n_held} in memory "
                "until it ends. Send it again."
            )
            raise Refusal(404, "unknown_upload", message)
        return photo

    def _find(self, upload_id: str) -> OutsidePhoto | None:
        with self._lock:
            if upload_id in self._held:
                self._held.move_to_end(upload_id)
            return self._held.get(upload_id)


def upload_routes(collection: Collection, uploads: Uploads) -> APIRouter:
    """Return the routes below ``/uploads``."""
    router = APIRouter(tags=["uploads"])
    two_at_a_time = CapacityLimiter(2)  # decoding takes memory; and searches want a core too

    @router.post("/uploads", status_code=201, responses=refusals(413, 415, 422), openapi_extra=_BODY)
    async def upload_photo(request: Request) -> Upload:
        """Send a photo to search with: its bytes as the body, whatever the content type says."""
        max_bytes = uploads.limits.max_bytes
        data = await read_body(request, max_bytes)
        if data is None:
            raise PhotoTooLargeError(
                f"The photo has more than {max_bytes:,} bytes, the limit for one that is sent here."
            )
        upload_id, photo = await to_thread.run_sync(uploads.put, data, limiter=two_at_a_time)
        return Upload(id=upload_id, width=photo.width, height=photo.height)

    @router.get(
        "/uploads/{upload_id}/thumbnail",
        response_class=Response,
        responses=JPEG_RESPONSE | refusals(404, 422),
    )
    def upload_thumbnail(request: Request, upload_id: UploadId) -> Response:
        """Return a small JPEG of an upload."""
        photo = uploads.get(upload_id)
        headers = cache_headers(photo.sha256, version=photo.sha256)
        if is_not_modified(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(photo.thumbnail, media_type="image/jpeg", headers=headers)

    @router.get("/uploads/{upload_id}/similar", responses=refusals(404, 422))
    def similar_to_upload(upload_id: UploadId, k: K = 60, offset: Offset = 0) -> Hits:
        """Find photos similar to an upload; one that equals it is `query.photo` and not a hit."""
        result = collection.search(photo=uploads.get(upload_id), k=k, offset=offset)
        return Hits.of(collection, result, k=k, offset=offset, upload=upload_id)

    @router.get("/uploads/{upload_id}/suggestions", responses=refusals(404, 422))
    def upload_suggestions(upload_id: UploadId, k: Limit = 10) -> SuggestedTags:
        """Suggest tags for an upload, learned from those that photos of the collection have."""
        return SuggestedTags.of(suggest_tags(collection, uploads.get(upload_id), k))

    return router
