"""What a photo says about itself: when, where, with what, and in whose words.

The facts come from EXIF, XMP and IPTC inside the file and from an XMP sidecar beside it. Precedence is that of photo
software (Metadata Working Group, "Guidelines for Handling Image Metadata" 2.0, chapter 5): texts that people edit are
taken from XMP, then IPTC, then EXIF; what the camera knew is taken from EXIF first; a sidecar beats what is embedded.
A fact that makes no sense is dropped, never guessed, and never fails its photo.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from lookalike.errors import FormatError

__all__ = [
    "PhotoFacts",
    "camera_name",
    "clean_keywords",
    "clean_text",
    "combined",
    "iso_time",
    "sane_number",
    "sane_position",
]

_TEXTS = ("title", "caption", "keywords", "creator", "copyright")
_MAX_TEXT = 16_384  # characters; longer texts are whole articles pasted into a caption, or hostile
_MAX_KEYWORDS = 512
_FIRST_YEAR = 1826  # Niépce's view from the window at Le Gras
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]+")
_TIME = re.compile(
    r"(\d{4})(?:[-:/.](\d{1,2})(?:[-:/.](\d{1,2})"
    r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?)?)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """Facts about one photo; each is None (keywords: empty) when the photo does not tell.

    Attributes
    ----------
    taken_at : str or None
        ISO 8601, the camera's local time, with its offset if known: ``2024-05-01T12:34:56+02:00``. Old photos
        may have a date only, or a year only.
    camera, lens : str or None
        Of the camera maker and model in one; the maker is not repeated.
    make, model : str or None
        The camera's, each as the file says it.
    latitude, longitude : float or None
        Decimal degrees, WGS 84, north and east positive; both or neither.
    title, caption, creator, copyright : str or None
        As written by people.
    keywords : tuple of str
        In the order of the file, without repeats.
    focal_length_mm, f_number, exposure_seconds : float or None
        Real (not 35 mm equivalent) focal length, aperture number, shutter time.
    iso : int or None
        Sensitivity.
    """

    taken_at: str | None = None
    camera: str | None = None
    lens: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    title: str | None = None
    caption: str | None = None
    keywords: tuple[str, ...] = ()
    creator: str | None = None
    copyright: str | None = None
    focal_length_mm: float | None = None
    f_number: float | None = None
    exposure_seconds: float | None = None
    iso: int | None = None
    make: str | None = None
    model: str | None = None

    def merged(self, sidecar: PhotoFacts | None) -> PhotoFacts:
        """Return these facts with those of `sidecar` laid over them.

        Parameters
        ----------
        sidecar : PhotoFacts or None
            Wins wherever it says something; the position counts as one fact. None changes nothing.

        Returns
        -------
        PhotoFacts
        """
        if sidecar is None:
            return self
        said = {name: value for name in _NAMES if (value := getattr(sidecar, name)) not in (None, ())}
        return replace(self, **said) if said else self

    def to_json(self) -> str:
        """Return the facts as JSON text; facts that are absent are left out.

        Returns
        -------
        str
        """
        said = {name: value for name in _NAMES if (value := getattr(self, name)) not in (None, ())}
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> PhotoFacts:
        """Return the facts that `to_json` wrote.

        Parameters
        ----------
        text : str
            JSON object; names that this version does not know are left out, so that older versions read newer text.

        Returns
        -------
        PhotoFacts

        Raises
        ------
        FormatError
            If `text` is not a JSON object, or a fact in it has the wrong type.
        """
        try:
            said = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise FormatError(f"Facts of a photo must be JSON, but reading them failed: {error}.") from error
        if not isinstance(said, dict):
            raise FormatError(f"Facts of a photo must be a JSON object, but this is a {type(said).__name__}.")
        known: dict[str, Any] = {name: said[name] for name in _NAMES if said.get(name) is not None}
        for name, value in known.items():
            if not _fits(name, value):
                raise FormatError(f"Facts of a photo: {name!r} has the wrong type, {type(value).__name__}.")
        if "keywords" in known:
            known["keywords"] = tuple(known["keywords"])
        return cls(**known)


_NAMES = tuple(field.name for field in fields(PhotoFacts))
_NUMBERS = frozenset({"latitude", "longitude", "focal_length_mm", "f_number", "exposure_seconds"})


def _fits(name: str, value: object) -> bool:
    if name == "keywords":
        return isinstance(value, list) and all(isinstance(word, str) for word in value)
    if name == "iso":
        return isinstance(value, int) and not isinstance(value, bool)
    if name in _NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def combined(*, exif: PhotoFacts, xmp: PhotoFacts, iptc: PhotoFacts) -> PhotoFacts:
    """Return one record from the three kinds of embedded metadata, by the precedence above.

    Parameters
    ----------
    exif, xmp, iptc : PhotoFacts
        What each of them says.

    Returns
    -------
    PhotoFacts
    """
    if xmp == _NOTHING and iptc == _NOTHING:
        return exif
    camera = iptc.merged(xmp).merged(exif)
    texts = exif.merged(iptc).merged(xmp)
    return replace(camera, **{name: getattr(texts, name) for name in _TEXTS})


_NOTHING = PhotoFacts()


def clean_text(text: str | None) -> str | None:
    """Return `text` without NULs, control characters, lone surrogates and outer space; None if nothing is left.

    Parameters
    ----------
    text : str or None

    Returns
    -------
    str or None
        At most 16,384 characters.

    Examples
    --------
    >>> clean_text("  Red barn" + chr(0) * 3)
    'Red barn'
    """
    if not text:
        return None
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))[:_MAX_TEXT].strip() or None


def clean_keywords(words: list[str]) -> tuple[str, ...]:
    """Return keywords cleaned, without repeats (case aside), in their order, at most 512 of them.

    Parameters
    ----------
    words : list of str

    Returns
    -------
    tuple of str
    """
    found: dict[str, str] = {}
    for word in words[: 4 * _MAX_KEYWORDS]:
        if cleaned := clean_text(word):
            found.setdefault(cleaned.casefold(), cleaned)
    return tuple(found.values())[:_MAX_KEYWORDS]


def camera_name(make: str | None, model: str | None) -> str | None:
    """Return maker and model in one, the maker not repeated.

    Parameters
    ----------
    make, model : str or None

    Returns
    -------
    str or None

    Examples
    --------
    >>> camera_name("NIKON CORPORATION", "NIKON D70"), camera_name("Apple", "iPhone 15")
    ('NIKON D70', 'Apple iPhone 15')
    """
    if make is None or model is None:
        return model or make
    return model if model.casefold().startswith(make.split()[0].casefold()) else f"{make} {model}"


def iso_time(text: str | None, offset: str | None = None) -> str | None:
    """Return the time that EXIF, XMP or IPTC wrote, in ISO 8601, or None where it is not a time.

    Parameters
    ----------
    text : str or None
        ``2024:05:01 12:34:56`` (EXIF), ``2024-05-01T12:34:56+02:00`` (XMP), a date, or a year.
    offset : str or None
        EXIF's ``OffsetTime...``: ``+02:00``.

    Returns
    -------
    str or None
        With the precision of `text`, to the second, and up to a month or day of 0, which is one not known; years
        before 1826 and impossible dates give None.

    Examples
    --------
    >>> iso_time("2024:05:01 12:34:56", "+02:00")
    '2024-05-01T12:34:56+02:00'
    >>> iso_time("1889-06"), iso_time("0000:00:00 00:00:00")
    ('1889-06', None)
    """
    match = _TIME.fullmatch(text.strip("\x00 ")) if text else None
    if match is None:
        return None
    *parts, zone = match.groups()
    given = [int(part) for part in parts if part is not None]
    if not _FIRST_YEAR <= given[0] <= 9998:
        return None
    if 0 in given[1:3]:  # month or day 0: not known, in old scans; IPTC-IIM 2:55 says so
        given = given[: given.index(0, 1)]
    year, month, day, hour, minute, second = [*given, *(1, 1, 0, 0, 0)[len(given) - 1 :]]
    try:
        datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    date = "-".join(f"{part:0{4 if position == 0 else 2}d}" for position, part in enumerate(given[:3]))
    if len(given) < 5:
        return date
    time = ":".join(f"{part:02d}" for part in [*given[3:], 0][:3])
    zone = zone or (offset or "").strip("\x00 ")
    if zone == "Z":
        return f"{date}T{time}+00:00"
    known = re.fullmatch(r"([+-](?:0\d|1[0-4])):?([0-5]\d)", zone)
    return f"{date}T{time}{known[1]}:{known[2]}" if known else f"{date}T{time}"


def sane_number(value: float | None, low: float, high: float) -> float | None:
    """Return `value` rounded to six significant digits if it lies between `low` and `high`; else None.

    Parameters
    ----------
    value : float or None
    low, high : float
        Bounds, both admitted.

    Returns
    -------
    float or None
    """
    if value is None or not math.isfinite(value) or not low <= value <= high:
        return None
    return float(f"{value:.6g}")


def sane_position(latitude: float | None, longitude: float | None) -> tuple[float | None, float | None]:
    """Return the position in decimal degrees, or a pair of None.

    Parameters
    ----------
    latitude, longitude : float or None
        Decimal degrees. Exactly (0, 0) is what receivers write without a fix, and is dropped.

    Returns
    -------
    tuple of (float or None)
        Rounded to seven digits (about a centimetre).
    """
    if latitude is None or longitude is None or not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None, None
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude == 0 and longitude == 0):
        return None, None
    return round(latitude, 7), round(longitude, 7)
