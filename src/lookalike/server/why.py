"""Routes that explain: why two photos are alike, and how the network sees.

Feature maps are not stored, so an explanation decodes and encodes both photos again: a tenth of a second for JSON and
for each picture. Nothing of it is kept; two at a time, as everything that decodes photos.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from lookalike.collection import Collection
from lookalike.collection.seen_photo import swatches
from lookalike.server.messages import (
    Photo,
    PhotoUnits,
    SharedClass,
    Swatch,
    Unit,
    UnitPhoto,
    UnitPhotos,
    Why,
    WhyPhoto,
)
from lookalike.server.parameters import PhotoId
from lookalike.server.refusals import refusals

if TYPE_CHECKING:
    from lookalike.explore.why import Explanation

__all__ = ["why_routes"]

T = TypeVar("T")

_OtherId = Annotated[int, Path(ge=1, le=2**63 - 1, description="`id` of the photo that it is compared with.")]
_UnitNumber = Annotated[int, Path(ge=0, le=2**31 - 1, description="A unit: a coordinate of the embedding, from 0 on.")]
_Few = Annotated[int, Query(ge=1, le=100, description="How many.")]
_PNG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}, "description": "A PNG."}
}


def why_routes(collection: Collection) -> APIRouter:
    """Return the routes below ``/photos/{photo_id}/why`` and those of the network's units."""
    router = APIRouter(tags=["why"])
    limiter = CapacityLimiter(2)

    async def decoding(work: Callable[..., T], *arguments: object) -> T:
        return await to_thread.run_sync(work, *arguments, limiter=limiter)

    def explained(photo_id: int, other_id: int) -> Explanation:
        from lookalike.explore.asking import why  # with it comes the encoder

        return why(collection, photo_id, other_id)

    def picture(photo_id: int, other_id: int, of: str) -> bytes:
        from PIL import Image

        from lookalike.explore.heat import heat_over

        told = explained(photo_id, other_id)
        heat, box = (told.heat_a, told.box_a) if of == "a" else (told.heat_b, told.box_b)
        thumbnail = Image.open(io.BytesIO(collection.thumbnail(photo_id if of == "a" else other_id)))
        out = io.BytesIO()
        heat_over(thumbnail, heat, box=box).save(out, "PNG")
        return out.getvalue()

    def told_of(photo_id: int, other_id: int) -> Why:
        told = explained(photo_id, other_id)
        assert told.palettes is not None
        sides = [
            WhyPhoto(
                photo=Photo.of(collection.photo(number)),
                heat=heat.tolist(),
                box=list(box),
                palette=[Swatch.model_validate(one, from_attributes=True) for one in swatches(palette)],
            )
            for number, heat, box, palette in (
                (photo_id, told.heat_a, told.box_a, told.palettes[0]),
                (other_id, told.heat_b, told.box_b, told.palettes[1]),
            )
        ]
        return Why(
            cosine=told.cosine,
            method=told.method,
            a=sides[0],
            b=sides[1],
            classes=[SharedClass(name=name, a=a, b=b) for name, a, b in told.classes],
            tags=list(told.tags),
        )

    def units_of(photo_id: int, k: int) -> PhotoUnits:
        from lookalike.explore.asking import photo_units

        photo = Photo.of(collection.photo(photo_id))
        units = photo_units(collection, photo_id, k)
        return PhotoUnits(photo=photo, units=[Unit.model_validate(unit, from_attributes=True) for unit in units])

    # Before the next: an id followed by `.png` would not be an id.
    @router.get(
        "/photos/{photo_id}/why/{other_id}.png",
        response_class=Response,
        responses=_PNG | refusals(404, 413, 415, 422),
    )
    async def why_picture(
        photo_id: PhotoId,
        other_id: _OtherId,
        of: Annotated[Literal["a", "b"], Query(description="Which photo: the first, or the other.")] = "a",
    ) -> Response:
        """Draw over a thumbnail which parts of a photo make it like the other."""
        png = await decoding(picture, photo_id, other_id, of)
        return Response(png, media_type="image/png", headers={"Cache-Control": "private, no-cache"})

    @router.get("/photos/{photo_id}/why/{other_id}", responses=refusals(404, 413, 415, 422))
    async def why_alike(photo_id: PhotoId, other_id: _OtherId) -> Why:
        """Explain why two photos are alike."""
        return await decoding(told_of, photo_id, other_id)

    @router.get("/photos/{photo_id}/units", responses=refusals(404, 413, 415, 422))
    async def units_of_photo(photo_id: PhotoId, k: _Few = 12) -> PhotoUnits:
        """Find the units of the network that a photo excites most, and where."""
        return await decoding(units_of, photo_id, k)

    @router.get("/units/{unit}/photos", responses=refusals(422))
    def photos_of_unit(unit: _UnitNumber, k: _Few = 12) -> UnitPhotos:
        """Find the photos that excite a unit of the network most."""
        from lookalike.explore.asking import unit_photos

        found = unit_photos(collection, unit, k)
        records = {record.id: record for record in collection.photos([each.id for each in found])}
        return UnitPhotos(
            unit=unit,
            photos=[
                UnitPhoto(**dict(Photo.of(records[each.id])), value=each.value) for each in found if each.id in records
            ],
        )

    return router
