"""What a photo's file says of it, as tags: its keywords; camera and place as ``exif:model=``, ``geo:lat=``."""

from __future__ import annotations

import re

from lookalike.photos import PhotoFacts
from lookalike.query import MachineTag, normalised

__all__ = ["exif_tags", "parts_of", "plain_tags", "spelled"]

_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""They are not seen, but change the order of what stands around them, beyond the tag where they are not closed."""


def spelled(text: str) -> str:
    """Return a tag as it is written, without the characters that turn the direction of writing."""
    return _DIRECTIONS.sub("", text)


def plain_tags(facts: PhotoFacts) -> list[tuple[str, str]]:
    """Return the keywords that are no machine tags: normal form, and as written; of equal forms the first.

    Examples
    --------
    >>> plain_tags(PhotoFacts(keywords=("San Francisco", "san-francisco", "geo:lat=52.5")))
    [('sanfrancisco', 'San Francisco')]
    """
    found: dict[str, str] = {}
    for word in map(spelled, facts.keywords):
        if (tag := normalised(word)) and MachineTag.parse(word) is None:
            found.setdefault(tag, word)
    return list(found.items())


def parts_of(tag: MachineTag) -> tuple[str, str, str, str]:
    """Return namespace, predicate and value of a tag in normal form, and the value as written."""
    form = tag.normalised
    return form.namespace, form.predicate, form.value, tag.value


def exif_tags(facts: PhotoFacts) -> list[MachineTag]:
    """Return the machine tags that facts stand for.

    Parameters
    ----------
    facts : PhotoFacts

    Returns
    -------
    list of MachineTag
        ``exif:make``, ``exif:model``, ``exif:lens``, ``exif:focallength`` (mm), ``exif:fnumber``, ``exif:exposure``
        (seconds), ``exif:iso``, ``geo:lat``, ``geo:lon`` (degrees): those that are known. Machine tags among the
        keywords come as they are.

    Examples
    --------
    >>> [str(tag) for tag in exif_tags(PhotoFacts(model="NIKON D70", f_number=2.8, exposure_seconds=0.004))]
    ['exif:model="NIKON D70"', 'exif:fnumber=2.8', 'exif:exposure=0.004']
    """
    named = {
        ("exif", "make"): facts.make,
        ("exif", "model"): facts.model or (None if facts.make else facts.camera),  # older facts have both in one
        ("exif", "lens"): facts.lens,
        ("exif", "focallength"): facts.focal_length_mm,
        ("exif", "fnumber"): facts.f_number,
        ("exif", "exposure"): facts.exposure_seconds,
        ("exif", "iso"): facts.iso,
        ("geo", "lat"): facts.latitude,
        ("geo", "lon"): facts.longitude,
    }
    tags = [
        MachineTag(namespace, predicate, value if isinstance(value, str) else _number(value))
        for (namespace, predicate), value in named.items()
        if value is not None and str(value).strip()
    ]
    return tags + [tag for word in facts.keywords if (tag := MachineTag.parse(spelled(word))) and tag not in tags]


def _number(value: float) -> str:
    """Write a number without exponent and without zeros at its end."""
    text = f"{value:.10f}"
    return text.rstrip("0").rstrip(".")
