"""The photos and vectors of a query, resolved: what each looks like, wherever it comes from.

A photo of the collection has its embedding, palette and composition stored; one from outside, or a part of a photo, is
decoded and looked at; a vector is an embedding already.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.appearance import measure
from lookalike.catalog import Catalog, expanded
from lookalike.collection.outside import OutsidePhoto, PhotoQuery, read_file
from lookalike.collection.seen import seen_in
from lookalike.errors import InvalidArgumentError
from lookalike.photos import PhotoLimits, read_photo
from lookalike.query import Photo, Query, Vector

if TYPE_CHECKING:
    from lookalike.collection.collection import Collection

__all__ = ["Likeness", "likenesses"]


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """A photo or vector of a query, resolved.

    Attributes
    ----------
    name : str
    weight : float
    embedding : float32 (dim,)
        As the encoder gives it.
    photo_id : int or None
        The photo of the collection that it is; it is not among the hits.
    palette : float32 (6, 4) or None
    composition : int8 (d,) or None
    """

    name: str
    weight: float
    embedding: NDArray[np.float32]
    photo_id: int | None = None
    palette: NDArray[np.float32] | None = None
    composition: NDArray[np.int8] | None = None


def likenesses(
    query: Query,
    photo: PhotoQuery | None,
    vector: NDArray[np.floating] | None,
    *,
    photos: Collection,
    catalog: Catalog,
) -> list[Likeness]:
    """Resolve the photos and vectors of a query, and a photo and a vector given beside it.

    Raises
    ------
    UnknownPhotoError
        An id that is not in the collection.
    PhotoError
        A photo cannot be read.
    InvalidArgumentError
        No such file; a vector of another shape.
    """
    terms = [term for term in query.terms if isinstance(term, Photo | Vector)]
    alone = len(terms) + (photo is not None) + (vector is not None) == 1
    found = []
    if photo is not None:
        found.append(_of_photo("photo", 1.0, photo, photos, catalog))
    if vector is not None:
        found.append(Likeness("vector", 1.0, _uncentred(vector, photos)))
    for number, term in enumerate(terms, start=1):
        if isinstance(term, Vector):
            name = "vector" if alone else f"vector {number}"
            found.append(Likeness(name, term.weight, _uncentred(term.values, photos)))
        elif term.region is None:
            name = "photo" if alone and term.weight > 0 else f"photo:{term.photo}"
            found.append(_of_photo(name, term.weight, term.photo, photos, catalog))
        else:
            found.append(_of_region(f"photo:{term.photo}", term, photos))
    return found


def _of_photo(name: str, weight: float, photo: PhotoQuery, photos: Collection, catalog: Catalog) -> Likeness:
    photo_id = photos.find(photo)
    if photo_id is None:
        assert not isinstance(photo, int | np.integer)
        outside = photo if isinstance(photo, OutsidePhoto) else photos.read(photo)
        looks = measure(Image.open(io.BytesIO(outside.thumbnail)).convert("RGB"))
        return Likeness(name, weight, outside.embedding, None, looks.palette, looks.composition)
    embedding = photos.raw_embeddings([photo_id])[0]
    seen = seen_in(catalog, photo_id)
    if seen is None:
        return Likeness(name, weight, embedding, photo_id)
    return Likeness(name, weight, embedding, photo_id, seen.palette.astype(np.float32), seen.composition)


def _of_region(name: str, term: Photo, photos: Collection) -> Likeness:
    assert term.region is not None
    photo_id = photos.find(term.photo)
    if photo_id is None:
        path = expanded(str(term.photo))
        data = read_file(path)
    else:
        path, data = photos.file_content(photo_id)
    image = read_photo(data, name=path.name, limits=PhotoLimits()).image
    x, y = term.region.x * image.width, term.region.y * image.height
    right, bottom = x + term.region.width * image.width, y + term.region.height * image.height
    cut = image.crop((int(x), int(y), max(int(right), int(x) + 1), max(int(bottom), int(y) + 1)))
    looks = measure(cut)
    embedding = photos.encoder.encode([cut]).embeddings[0]
    return Likeness(name, term.weight, embedding, photo_id, looks.palette, looks.composition)


def _uncentred(vector: object, photos: Collection) -> NDArray[np.float32]:
    """Bring a vector of the compared space back to where encoders give theirs."""
    try:
        query = np.asarray(vector, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"`vector` is no array of numbers: {error}.") from error
    card = photos.settings.card
    if query.shape != (card.dim,):
        raise InvalidArgumentError(
            f"`vector` has shape {query.shape}, but the embeddings of this collection have ({card.dim},): its encoder "
            f"is {card.name}."
        )
    if np.abs(query).max() > np.finfo(np.float32).max and np.isfinite(query).all():
        raise InvalidArgumentError(
            "`vector` holds numbers beyond those of float32. Scale it: only its direction counts."
        )
    length = float(np.linalg.norm(query)) if np.isfinite(query).all() else 0.0
    if length == 0:
        raise InvalidArgumentError("`vector` is zero or holds NaN or infinity; expected finite numbers.")
    uncentred: NDArray[np.float32] = (query / length).astype(np.float32) + photos.mean
    return uncentred
