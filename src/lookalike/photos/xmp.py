"""XMP (ISO 16684-1): metadata as RDF in XML, inside the photo or in a sidecar file beside it.

XML from strangers is parsed by defusedxml: document types and entities are refused, so nothing expands. Only the
properties of the top `rdf:Description` elements are read, as attributes, text, or `rdf:Alt` / `Bag` / `Seq` lists.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from defusedxml.ElementTree import fromstring

from lookalike.photos.facts import (
    PhotoFacts,
    camera_name,
    clean_keywords,
    clean_text,
    iso_time,
    sane_number,
    sane_position,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["read_sidecar", "sidecar_of", "xmp_facts"]

_MAX_BYTES = 4 << 20
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_XMP = "{http://ns.adobe.com/xap/1.0/}"
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_EXIF_EX = "{http://cipa.jp/exif/1.0/}"
_TIFF = "{http://ns.adobe.com/tiff/1.0/}"
_AUX = "{http://ns.adobe.com/exif/1.0/aux/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_DEGREES = re.compile(r"(\d{1,3})(?:,(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?|(\.\d+))?\s*([NSEWnsew])")


def xmp_facts(packet: bytes) -> PhotoFacts:
    """Return what an XMP packet says.

    Parameters
    ----------
    packet : bytes
        XML, with or without the ``<?xpacket?>`` wrapper and padding.

    Returns
    -------
    PhotoFacts
        Empty where the packet cannot be read. Never raises.
    """
    if not packet or len(packet) > _MAX_BYTES:
        return PhotoFacts()
    if packet[:2] not in (b"\xff\xfe", b"\xfe\xff"):  # NULs are padding, but not in UTF-16
        packet = packet.strip(b"\0 \r\n\t")
    try:
        root = fromstring(packet, forbid_dtd=True)
    except Exception:  # expat and defusedxml raise a dozen kinds, and a bad packet must not fail its photo
        return PhotoFacts()
    rdf = root if root.tag == _RDF + "RDF" else root.find(f".//{_RDF}RDF")
    if rdf is None:
        return PhotoFacts()
    said: dict[str, list[str]] = {}
    for description in rdf.findall(_RDF + "Description"):
        for name, text in description.attrib.items():
            said.setdefault(name, [text])
        for element in description:
            if values := _values(element):
                said[element.tag] = values
    return _facts(said)


def sidecar_of(photo: Path) -> Path | None:
    """Return the sidecar that belongs to a photo: ``x.jpg.xmp``, else ``x.xmp``, or the same with ``.XMP``.

    Parameters
    ----------
    photo : Path

    Returns
    -------
    Path or None
        None where there is none.
    """
    for whole_name in (True, False):
        for suffix in (".xmp", ".XMP"):
            candidate = photo.with_name(photo.name + suffix) if whole_name else photo.with_suffix(suffix)
            try:
                if candidate.is_file():
                    return candidate
            except OSError:  # with the suffix the name is too long for the file system, so there is none
                continue
    return None


def read_sidecar(path: Path) -> PhotoFacts | None:
    """Return the facts of an XMP sidecar.

    Parameters
    ----------
    path : Path
        The sidecar itself, or the photo it stands beside.

    Returns
    -------
    PhotoFacts or None
        None where there is no sidecar, it cannot be read, or it says nothing.
    """
    sidecar = path if path.suffix.lower() == ".xmp" else sidecar_of(path)
    if sidecar is None:
        return None
    try:
        with sidecar.open("rb") as file:
            facts = xmp_facts(file.read(_MAX_BYTES + 1))
    except OSError:
        return None
    return facts if facts != PhotoFacts() else None


def _values(element: Element) -> list[str]:
    container = next(iter(element), None)
    if container is None:
        return [element.text] if element.text and element.text.strip() else []
    items = [item for item in container.findall(_RDF + "li") if item.text and item.text.strip()]
    if container.tag == _RDF + "Alt":
        items = [item for item in items if item.get(_LANGUAGE) == "x-default"][:1] or items[:1]
    return [item.text for item in items if item.text]


def _facts(said: dict[str, list[str]]) -> PhotoFacts:
    def first(*names: str) -> str | None:
        return next((text for name in names if (text := clean_text("".join(said.get(name, [])[:1])))), None)

    def number(low: float, high: float, *names: str) -> float | None:
        return sane_number(_ratio(first(*names)), low, high)

    latitude, longitude = sane_position(
        _degrees(first(_EXIF + "GPSLatitude"), "S"), _degrees(first(_EXIF + "GPSLongitude"), "W")
    )
    iso = number(1, 10_000_000, _EXIF_EX + "PhotographicSensitivity", _EXIF + "ISOSpeedRatings")
    times = (_EXIF + "DateTimeOriginal", _PHOTOSHOP + "DateCreated", _XMP + "CreateDate")
    make, model = first(_TIFF + "Make"), first(_TIFF + "Model")
    return PhotoFacts(
        taken_at=next((time for name in times if (time := iso_time(first(name)))), None),
        camera=camera_name(make, model),
        lens=first(_EXIF_EX + "LensModel", _AUX + "Lens"),
        latitude=latitude,
        longitude=longitude,
        title=first(_DC + "title"),
        caption=first(_DC + "description"),
        keywords=clean_keywords(said.get(_DC + "subject", [])),
        creator=clean_text(", ".join(text.strip() for text in said.get(_DC + "creator", []))),
        copyright=first(_DC + "rights"),
        focal_length_mm=number(0.1, 100_000, _EXIF + "FocalLength"),
        f_number=number(0.1, 1_000, _EXIF + "FNumber"),
        exposure_seconds=number(1e-9, 1e7, _EXIF + "ExposureTime"),
        iso=int(iso) if iso is not None else None,
        make=make,
        model=model,
    )


def _ratio(text: str | None) -> float | None:
    over, _, under = (text or "").partition("/")
    try:
        return float(over) / float(under or 1)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None


def _degrees(text: str | None, negative: str) -> float | None:
    match = _DEGREES.fullmatch(text) if text else None
    if match is None:
        return None
    degrees, minutes, seconds, fraction, sign = match.groups()
    value = float(degrees + (fraction or "")) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
    return -value if sign.upper() == negative else value if math.isfinite(value) else None
