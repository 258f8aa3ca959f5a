"""The one door to rawpy (LibRaw): camera RAW, DNG among them. An extra, because LibRaw is large.

A RAW file nearly always carries the camera's own JPEG of the photo, often in full size. That is what the photographer
saw, at a hundredth of the time, so it is taken wherever it is large enough; else the sensor's data are developed, at
half size where that is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image

from lookalike.errors import UnsupportedPhotoError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RawPhoto", "open_raw"]

_FULL = 0.9  # cameras' full-size JPEGs are a few pixels smaller than the developed sensor
_ORIENTATIONS = {3: 3, 5: 8, 6: 6}  # LibRaw's flip -> EXIF's orientation


@dataclass(frozen=True, slots=True)
class RawPhoto:
    """A RAW photo: its size, and how to get at its pixels.

    Attributes
    ----------
    width, height : int
        Of the full photo, upright, in pixels.
    preview : bytes or None
        The camera's JPEG, if it is large enough for the `min_side` that was asked for.
    orientation : int
        1 to 8: how to turn `preview` if it does not say so itself.
    develop : callable
        Returns the photo developed from the sensor's data: RGB, sRGB, upright.
    """

    width: int
    height: int
    preview: bytes | None
    orientation: int
    develop: Callable[[], Image.Image]


def open_raw(data: bytes, *, min_side: int | None) -> RawPhoto:
    """Open a RAW photo; the sensor's data are not developed yet.

    Parameters
    ----------
    data : bytes
    min_side : int or None
        Short side that is enough, in pixels; None: the full size is wanted.

    Returns
    -------
    RawPhoto

    Raises
    ------
    UnsupportedPhotoError
        If rawpy is not installed, or LibRaw does not know the camera.
    """
    try:
        import rawpy
    except ImportError as error:
        raise UnsupportedPhotoError(
            "Camera RAW photos need the package rawpy, which is not installed: pip install 'lookalike[raw]'."
        ) from error
    raw = rawpy.RawPy()
    try:
        raw.open_buffer(BytesIO(data))
    except rawpy.LibRawFileUnsupportedError as error:
        raise UnsupportedPhotoError(
            "LibRaw does not know this RAW file or its camera. Convert it to DNG or JPEG, or upgrade rawpy."
        ) from error
    sizes = raw.sizes
    turned = sizes.flip in (5, 6)
    width, height = (sizes.height, sizes.width) if turned else (sizes.width, sizes.height)
    short = min(width, height)
    enough = min(min_side, short) if min_side is not None else int(short * _FULL)
    return RawPhoto(
        width=width,
        height=height,
        preview=_preview(raw, rawpy, enough),
        orientation=_ORIENTATIONS.get(sizes.flip, 1),
        develop=lambda: _developed(raw, half_size=enough <= short // 2),
    )


def _preview(raw: Any, rawpy: Any, enough: int) -> bytes | None:  # noqa: ANN401 - rawpy has no types
    try:
        preview = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    if preview.format != rawpy.ThumbFormat.JPEG:
        return None
    try:
        with Image.open(BytesIO(preview.data), formats=("JPEG",)) as image:
            return bytes(preview.data) if min(image.size) >= enough else None
    except Exception:  # a damaged preview only means that the sensor's data are needed
        return None


def _developed(raw: Any, *, half_size: bool) -> Image.Image:  # noqa: ANN401 - rawpy has no types
    return Image.fromarray(raw.postprocess(use_camera_wb=True, half_size=half_size, output_bps=8))
