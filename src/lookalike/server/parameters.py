"""Parameters that several routes take."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from lookalike.server.messages import MAX_OFFSET

__all__ = ["K", "Limit", "Offset", "PhotoId", "UploadId", "UploadText"]

PhotoId = Annotated[int, Path(ge=1, le=2**63 - 1, description="`id` of a photo of the collection.")]
UploadText = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
UploadId = Annotated[UploadText, Path(description="`id` of an upload.")]
K = Annotated[int, Query(ge=1, le=1000, description="Hits wanted.")]
Offset = Annotated[int, Query(ge=0, le=MAX_OFFSET, description="Hits to leave out at the beginning.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many.")]
