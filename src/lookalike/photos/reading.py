"""From the bytes of a file to a photo: upright, sRGB, 8 bits, with its facts; or a plain reason why not.

The order keeps hostile and large files cheap: bytes, format by its magic, header and size, and only then pixels. Where
the caller needs no more than `min_side` pixels, the JPEG decoder shrinks in its inverse DCT (by 2, 4 or 8) and other
formats are averaged by whole factors before their colours are converted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image, ImageFile, PngImagePlugin
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from lookalike.errors import DamagedPhotoError, InvalidArgumentError, PhotoError, PhotoTooLargeError
from lookalike.photos.colour import MAX_PROFILE_BYTES, flattened, to_srgb
from lookalike.photos.decoding import decoding
from lookalike.photos.exif import Exif, read_exif
from lookalike.photos.facts import PhotoFacts, combined
from lookalike.photos.formats import sniff_format
from lookalike.photos.heif import open_heif
from lookalike.photos.iptc import iptc_facts, iptc_of_photoshop
from lookalike.photos.raw import open_raw
from lookalike.photos.xmp import xmp_facts

# Pages given back to the system and asked for again cost more than decoding does: a 1-megapixel WebP takes 14 ms with
# Pillow's default, which keeps no memory, and 6 ms with these. Pillow keeps up to four 16 MiB blocks; having freed one
# large block once, glibc keeps up to twice its size on the heap.
Image.core.set_blocks_max(4)  # type: ignore[attr-defined]  # documented, but not in the stubs
bytes(31 << 20)
# Pillow refuses a PNG whose colour profile is longer than 1 MiB, which those of displays and printers may be.
PngImagePlugin.MAX_TEXT_CHUNK = max(PngImagePlugin.MAX_TEXT_CHUNK, MAX_PROFILE_BYTES)

__all__ = ["DecodedPhoto", "PhotoLimits", "read_photo"]

_OPENERS: Final[dict[str, Callable[[bytes], ImageFile.ImageFile]]] = {
    "jpeg": lambda data: JpegImageFile(BytesIO(data)),
    "png": lambda data: PngImageFile(BytesIO(data)),
    "webp": lambda data: WebPImageFile(BytesIO(data)),
    "gif": lambda data: GifImageFile(BytesIO(data)),
    "tiff": lambda data: TiffImageFile(BytesIO(data)),
    "bmp": lambda data: BmpImageFile(BytesIO(data)),
    "avif": lambda data: AvifImageFile(BytesIO(data)),
    "heic": open_heif,
}
# Pillow keeps a pointer and a block for each row: 200 million rows of one pixel would take gigabytes.
_MAX_SIDE: Final = 100_000
_ANY_PIXELS: Final = _MAX_SIDE**2
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What decoders say when they run out of data.
_ENDS_EARLY: Final = re.compile(
    r"truncated|end of file|no more images|only got|requires a buffer|incomplete|insufficient|file size too small|"
    r"cannot read full|input/output error",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PhotoLimits:
    """What a single photo may cost; beyond it the photo is refused, before the cost is paid.

    Attributes
    ----------
    max_bytes : int
        Size of the file.
    max_pixels : int
        Width times height, as the header says. Decoding takes about 4 bytes of memory for each; up to 16 with
        transparency or more than 8 bits.
    max_seconds : float
        Time to read one photo. Decoders cannot be interrupted, so this is kept by the caller, which ends the
        worker process.
    """

    max_bytes: int = 512 << 20
    max_pixels: int = 250_000_000
    max_seconds: float = 60.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise InvalidArgumentError(f"`{name}` is {getattr(self, name)!r}, but a limit must be larger than 0.")

    def check_bytes(self, n_bytes: int) -> None:
        """Refuse a file by its size, before it is read into memory.

        Parameters
        ----------
        n_bytes : int

        Raises
        ------
        PhotoTooLargeError
            If it is larger than `max_bytes`.
        """
        if n_bytes > self.max_bytes:
            raise PhotoTooLargeError(f"The file has {n_bytes:,} bytes; the limit is {self.max_bytes:,} (max_bytes).")


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """A photo that could be read.

    Attributes
    ----------
    image : Image
        Mode RGB, sRGB, upright; smaller than `width` x `height` where `min_side` allowed it.
    width, height : int
        Of the full photo, upright, in pixels.
    format : str
        ``"jpeg"``, ``"png"``, ... as `sniff_format` tells.
    facts : PhotoFacts
        What is embedded; a sidecar is laid over it by ``facts.merged(read_sidecar(path))``.
    jpeg_step : float
        Mean of the quantization table of a JPEG's lightness: 58 at libjpeg's quality 50, 196 at 10; 0 for other
        formats.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    facts: PhotoFacts
    jpeg_step: float = 0.0


def read_photo(
    data: bytes, *, name: str = "", limits: PhotoLimits = PhotoLimits(), min_side: int | None = None
) -> DecodedPhoto:
    """Decode a photo and its facts.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        File name or path, which only tells camera RAW from TIFF.
    limits : PhotoLimits
        `max_seconds` is the caller's to keep.
    min_side : int or None
        The result may be smaller than the photo as long as its short side is at least this many pixels (or the
        photo's own short side, if that is less). None: full size.

    Returns
    -------
    DecodedPhoto

    Raises
    ------
    UnsupportedPhotoError
        If `data` is no photo, or its format needs a package that is not installed.
    PhotoTooLargeError
        If it is beyond `limits`, or memory ran out.
    DamagedPhotoError
        If it ends early or its data are wrong. Whatever a decoder throws becomes this.
    """
    if min_side is not None and min_side < 1:
        raise InvalidArgumentError(f"`min_side` is {min_side}, but must be at least 1 pixel, or None for full size.")
    limits.check_bytes(len(data))
    if not data:
        raise DamagedPhotoError("The file is empty.")
    format_ = sniff_format(data, name)
    try:
        with decoding(int(min(limits.max_pixels, _ANY_PIXELS))):
            if format_ == "raw":
                return _read_raw(data, limits, min_side)
            return _read(format_, _OPENERS[format_](data), data, limits, min_side)
    except PhotoError:
        raise
    except Image.DecompressionBombError as error:
        raise PhotoTooLargeError(f"The picture is too large to decode: {error}") from error
    except MemoryError as error:
        raise PhotoTooLargeError("There was not enough memory to decode the picture.") from error
    except Exception as error:  # decoders throw whatever hostile data lead them to
        raise DamagedPhotoError(_reason(format_, data, error)) from error


def _read(
    format_: str, image: ImageFile.ImageFile, data: bytes, limits: PhotoLimits, min_side: int | None
) -> DecodedPhoto:
    _check_size(image.size, limits)
    profile = image.info.get("icc_profile")
    full = image.size
    if format_ == "jpeg" and min_side is not None:
        image.draft(None, (min_side, min_side))
        image.load()
    else:
        image.load()
        full = image.size  # HEIC may find another size when decoding
    # Not before the pixels: what writers append to a PNG stands behind them.
    exif = read_exif(data if format_ == "tiff" else image.info.get("exif") or b"")
    facts, orientation = _facts(image, exif), exif.orientation
    if format_ == "tiff":  # Pillow turns TIFF, and only TIFF, by itself, and then forgets the orientation
        orientation = image.getexif().get(0x0112, 1)
    pixels = _shrunk(flattened(image, bits=exif.bits_per_sample if format_ == "tiff" else None), min_side)
    pixels = _upright(to_srgb(pixels, profile), orientation)
    width, height = full[::-1] if orientation in (5, 6, 7, 8) else full
    table = getattr(image, "quantization", {}).get(0, ())
    return DecodedPhoto(
        _plain(pixels), width, height, format_, facts, jpeg_step=sum(table) / len(table) if table else 0.0
    )


def _read_raw(data: bytes, limits: PhotoLimits, min_side: int | None) -> DecodedPhoto:
    raw = open_raw(data, min_side=min_side)
    _check_size((raw.width, raw.height), limits)
    exif = read_exif(data)
    facts = combined(
        exif=exif.facts(), xmp=xmp_facts(exif.xmp or b""), iptc=iptc_facts(exif.iptc) if exif.iptc else PhotoFacts()
    )
    if raw.preview is None:
        return DecodedPhoto(_shrunk(raw.develop(), min_side), raw.width, raw.height, "raw", facts)
    preview = JpegImageFile(BytesIO(raw.preview))
    said = read_exif(preview.info.get("exif") or b"").orientation
    photo = _read("jpeg", preview, raw.preview, limits, min_side)
    image = photo.image if said != 1 else _upright(photo.image, raw.orientation)
    return DecodedPhoto(image, raw.width, raw.height, "raw", photo.facts.merged(facts))


def _facts(image: ImageFile.ImageFile, exif: Exif) -> PhotoFacts:
    info = image.info
    photoshop = info.get("photoshop")
    iptc = photoshop.get(0x0404) if isinstance(photoshop, dict) else exif.iptc
    if iptc is None and exif.photoshop is not None:
        iptc = iptc_of_photoshop(exif.photoshop)
    xmp = info.get("xmp") or exif.xmp
    if isinstance(xmp, str):
        xmp = xmp.encode("utf-8", "replace")
    return combined(
        exif=exif.facts(),
        xmp=xmp_facts(xmp) if isinstance(xmp, bytes) else PhotoFacts(),
        iptc=iptc_facts(iptc) if isinstance(iptc, bytes) else PhotoFacts(),
    )


def _check_size(size: tuple[int, int], limits: PhotoLimits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise DamagedPhotoError(f"The picture has the size {width} x {height}.")
    if max(size) > _MAX_SIDE:
        raise PhotoTooLargeError(
            f"The picture has {width:,} x {height:,} pixels; the limit of each side is {_MAX_SIDE:,}."
        )
    if width * height > limits.max_pixels:
        raise PhotoTooLargeError(
            f"The picture has {width:,} x {height:,} = {width * height:,} pixels; "
            f"the limit is {limits.max_pixels:,} (max_pixels)."
        )


def _shrunk(image: Image.Image, min_side: int | None) -> Image.Image:
    factor = min(image.size) // min_side if min_side is not None else 1
    return image.reduce(factor) if factor > 1 else image


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _plain(image: Image.Image) -> Image.Image:
    # An ImageFile keeps its decoder and the file's bytes; and `info` would find its way into saved thumbnails.
    plain = image.copy() if isinstance(image, ImageFile.ImageFile) else image
    plain.info = {}
    return plain


def _promises_more(format_: str, data: bytes) -> bool:
    """Return whether the header points beyond the end of the file."""
    if format_ == "webp":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    return format_ == "tiff" and int.from_bytes(data[4:8], "little" if data[:1] == b"I" else "big") >= len(data)


def _reason(format_: str, data: bytes, error: Exception) -> str:
    detail = error.args[0] if error.args else ""
    said = detail.decode("ascii", "replace") if isinstance(detail, bytes) else str(error)
    if _promises_more(format_, data) or isinstance(error, EOFError) or _ENDS_EARLY.search(said):
        return f"The {format_.upper()} file ends early: part of it is missing."
    return f"The {format_.upper()} data are damaged ({' '.join(said.split()).rstrip('.') or type(error).__name__})."
