"""Any pixel mode and colour profile to 8-bit sRGB, transparency laid on white.

Profiles are applied by LittleCMS, relative colorimetric with black point compensation, as photo editors do. A
profile that is sRGB already is recognised by what it does (no test colour moves by more than two steps) rather than by
its name, and skipped; the transforms of others are kept: the photos of a collection share a handful of profiles.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image, ImageCms

__all__ = ["MAX_PROFILE_BYTES", "flattened", "to_srgb"]

_SRGB: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_LAB: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
MAX_PROFILE_BYTES: Final = 8 << 20
_UNNOTICED: Final = 2  # of 255


def flattened(image: Image.Image, *, bits: int | None = None) -> Image.Image:
    """Return the photo in a mode of 8 bits without transparency or palette, its colours not yet managed.

    Parameters
    ----------
    image : Image
        Loaded, of any mode.
    bits : int or None
        Significant bits of a sample, where the file says so and the mode does not (12-bit TIFF).

    Returns
    -------
    Image
        Of mode L, RGB, CMYK or LAB.
    """
    mode = image.mode
    if mode in ("RGB", "L") and "transparency" not in image.info:
        return image
    if mode.startswith(("I", "F")):
        return _to_8_bits(image, bits)
    if mode in ("CMYK", "LAB"):
        return image
    if mode in ("La", "RGBa"):
        image = image.convert(mode.upper())
    if image.mode == "PA" or ("transparency" in image.info and _is_8_bit_key(image.info["transparency"])):
        image = image.convert("RGBA")
    if image.mode in ("LA", "RGBA"):
        opaque = image.convert("L" if image.mode == "LA" else "RGB")
        alpha = image.getchannel("A")
        if alpha.getextrema() == (255, 255):
            return opaque
        paper = Image.new(opaque.mode, opaque.size, "white")
        paper.paste(opaque, mask=alpha)
        return paper
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the photo in sRGB.

    Parameters
    ----------
    image : Image
        Of mode L, RGB, CMYK or LAB.
    profile : bytes or None
        The embedded ICC profile; a damaged or unfitting one counts as none.

    Returns
    -------
    Image
        Of mode RGB. Without a profile, L and RGB are taken for sRGB and CMYK is converted plainly.
    """
    if image.mode == "LAB":
        converted = ImageCms.applyTransform(image, _lab_transform())
        assert converted is not None
        return converted
    if profile and len(profile) <= MAX_PROFILE_BYTES:
        transform = _transform(bytes(profile), image.mode)
        if transform is not None:
            converted = ImageCms.applyTransform(image, transform)
            assert converted is not None
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            _SRGB,
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return None if _changes_nothing(transform, mode) else transform
    except Exception:  # LittleCMS refuses a damaged or unfitting profile in several ways; the photo goes on without it
        return None


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(_LAB, _SRGB, "LAB", "RGB")


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    if mode not in ("L", "RGB"):
        return False
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    colours = steps[:, None] if mode == "L" else np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 27)
    before = Image.fromarray(np.ascontiguousarray(colours.reshape(-1, 27, 3) if mode == "RGB" else colours))
    after = ImageCms.applyTransform(before, transform)
    moved = np.asarray(before.convert("RGB"), dtype=np.int16) - np.asarray(after, dtype=np.int16)
    return bool(np.abs(moved).max() <= _UNNOTICED)


def _is_8_bit_key(key: object) -> bool:
    # PNG's colour key of a 16-bit image is in 16 bits, while its pixels arrive here in 8.
    values = key if isinstance(key, tuple) else (key,)
    return isinstance(key, bytes) or all(isinstance(value, int) and value <= 255 for value in values)


def _to_8_bits(image: Image.Image, bits: int | None) -> Image.Image:
    """Scale 16-bit, 32-bit and float grey to L; float between 0 and 1 is taken as such, else from least to most."""
    samples = np.asarray(image)
    if image.mode.startswith("I;16"):
        top = float((1 << bits) - 1) if bits is not None and 8 < bits < 16 else 65_535.0
        bottom = 0.0
    else:
        samples = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        bottom, top = float(samples.min()), float(samples.max())
        if bottom >= 0:
            usual = 1.0 if image.mode == "F" else 255.0 if top <= 255 else 65_535.0
            bottom, top = 0.0, usual if top <= usual else top
    scaled = (samples.astype(np.float32) - bottom) * (255.0 / ((top - bottom) or 1.0))
    return Image.fromarray(np.clip(scaled + 0.5, 0, 255).astype(np.uint8))
