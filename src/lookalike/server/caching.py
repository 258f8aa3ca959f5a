"""What a browser may keep: never asks again for what cannot change, always asks for the rest.

The numbers of photos begin anew in every collection, and collections are served at the same address one after the
other. So an address that holds only a number is asked for again each time (a 304 costs a millisecond); one that names
the content besides, ``?v=`` and the beginning of the photo's SHA-256, may be kept for good.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

__all__ = ["Version", "cache_headers", "is_not_modified"]

Version = Annotated[
    str | None,
    Query(
        pattern="^[0-9a-f]{8,64}$",
        description="Beginning of the photo's `sha256`: lets the browser keep the answer for good.",
    ),
]


def cache_headers(sha256: str, *, version: str | None) -> dict[str, str]:
    """Return the headers of an answer made from the content `sha256`, asked for with `version`."""
    fixed = version is not None and sha256.startswith(version)
    lifetime = "private, max-age=31536000, immutable" if fixed else "private, no-cache"
    return {"ETag": f'"{sha256}"', "Cache-Control": lifetime}


def is_not_modified(request: Request, etag: str) -> bool:
    """Whether the client holds the answer with this `etag` already."""
    held = request.headers.get("if-none-match", "")
    return etag in [tag.strip().removeprefix("W/") for tag in held.split(",")] or held.strip() == "*"
