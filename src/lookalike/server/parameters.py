"""Parameters that several routes take."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from lookalike.server.messages import MAX_OFFSET

__all__ = ["K", "Offset", "PhotoId", "UploadId"]

PhotoId = Annotated[int, Path(ge=1, le=2**63 - 1, description="`id` of a photo of the collection.")]
UploadId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="`id` of an upload.")]
K = Annotated[int, Query(ge=1, le=1000, description="Hits wanted.")]
Offset = Annotated[int, Query(ge=0, le=MAX_OFFSET, description="Hits to leave out at the beginning.")]
