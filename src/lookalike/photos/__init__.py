"""Photos as files: finding, decoding, facts, thumbnails. Knows nothing of embeddings, catalogs or searches."""

from __future__ import annotations

from lookalike.photos.facts import PhotoFacts
from lookalike.photos.files import find_photos
from lookalike.photos.formats import PHOTO_SUFFIXES, is_displayable, media_type, supported_formats
from lookalike.photos.reading import DecodedPhoto, PhotoLimits, read_photo
from lookalike.photos.thumbnails import rendition, thumbnail
from lookalike.photos.xmp import read_sidecar, sidecar_of

__all__ = [
    "PHOTO_SUFFIXES",
    "DecodedPhoto",
    "PhotoFacts",
    "PhotoLimits",
    "find_photos",
    "is_displayable",
    "media_type",
    "read_photo",
    "read_sidecar",
    "rendition",
    "sidecar_of",
    "supported_formats",
    "thumbnail",
]
