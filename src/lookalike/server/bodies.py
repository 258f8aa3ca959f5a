"""Bodies of requests: read whole, up to a limit, before anything makes sense of them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.server.refusals import Refusal

__all__ = ["MAX_JSON_BYTES", "Body", "BodyLimit", "check_is_json", "read_body"]

MAX_JSON_BYTES = 16 << 20
"""A change of 10,000 photos takes some hundred kilobytes; its undoing as much for every tag."""

_PATIENCE_BYTES = 1 << 30


class Body(BaseModel):
    """What a request says: no name that is not known, no number as text."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def check_is_json(request: Request) -> None:
    """Refuse a request whose body is not said to be JSON.

    Raises
    ------
    Refusal
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        message = f"The content type is {media_type[:80]!r}; send JSON, and say so: `Content-Type: application/json`."
        raise Refusal(415, "unsupported_media_type", message)


class BodyLimit:
    """ASGI middleware: refuses bodies that are too large, but for those of uploads, which have a limit of their own.

    Parameters
    ----------
    app : ASGI application
    max_bytes : int
    uploads : str
        The path of uploads.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int = MAX_JSON_BYTES, uploads: str = "/api/v1/uploads") -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD") or scope["path"] == self._uploads:
            await self._app(scope, receive, send)
            return
        body = await read_body(Request(scope, receive), self._max_bytes)
        if body is None:
            message = f"The body has more than {self._max_bytes:,} bytes. Send what it asks for in several requests."
            raise Refusal(413, "body_too_large", message)
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, receive_again, send)


async def read_body(request: Request, max_bytes: int) -> bytes | None:
    """Return the request's body; None for one that is too large, which is read to its end but not kept.

    Browsers tell an error that comes before they have sent everything as a broken connection, so the sender is heard
    out, within patience.
    """
    chunks: list[bytes] = []
    n_bytes = 0
    async for chunk in request.stream():
        n_bytes += len(chunk)
        if n_bytes <= max_bytes:
            chunks.append(chunk)
        else:
            chunks.clear()
            if n_bytes > max_bytes + _PATIENCE_BYTES:
                break
    return None if n_bytes > max_bytes else b"".join(chunks)
