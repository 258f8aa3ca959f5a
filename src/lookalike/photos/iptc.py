"""IPTC-IIM (Information Interchange Model 4.2): the press's record, inside Photoshop's image resources.

Texts carry no encoding of their own: the record 1:90 may say UTF-8, and otherwise it is what the writer's machine
used. UTF-8 is tried first, because a text in cp1252 is hardly ever valid UTF-8 by chance.
"""

from __future__ import annotations

import struct

from lookalike.photos.facts import PhotoFacts, clean_keywords, clean_text, iso_time

__all__ = ["iptc_facts", "iptc_of_photoshop"]

_MAX_DATASETS = 4096


def iptc_of_photoshop(resources: bytes) -> bytes | None:
    """Return the IPTC records among Photoshop's image resources (8BIM 0x0404).

    Parameters
    ----------
    resources : bytes

    Returns
    -------
    bytes or None
    """
    at = 0
    while at + 12 <= len(resources) and resources[at : at + 4] == b"8BIM":
        (kind,) = struct.unpack_from(">H", resources, at + 4)
        at += 6 + ((resources[at + 6] + 2) & ~1)  # a Pascal string, padded to even length
        if at + 4 > len(resources):
            return None
        (size,) = struct.unpack_from(">I", resources, at)
        if kind == 0x0404:
            return resources[at + 4 : at + 4 + size]
        at += 4 + ((size + 1) & ~1)
    return None


def iptc_facts(records: bytes) -> PhotoFacts:
    """Return what IPTC records say.

    Parameters
    ----------
    records : bytes
        Datasets, each ``1C record number size value``.

    Returns
    -------
    PhotoFacts
        Empty where nothing can be read. Never raises.
    """
    texts: dict[int, list[bytes]] = {}
    utf8 = False
    at = 0
    for _ in range(_MAX_DATASETS):
        if at + 5 > len(records) or records[at] != 0x1C:
            break
        record, number, size = struct.unpack_from(">BBH", records, at + 1)
        at += 5
        if size & 0x8000:  # an extended size, which no text of ours has
            break
        value = records[at : at + size]
        at += size
        if (record, number) == (1, 90):
            utf8 = value.startswith(b"\x1b%G")
        elif record == 2:
            texts.setdefault(number, []).append(value)

    def first(number: int) -> str | None:
        return clean_text(_decoded(texts[number][0], utf8=utf8)) if number in texts else None

    return PhotoFacts(
        taken_at=_taken_at(first(55), first(60)),
        title=first(5),
        caption=first(120),
        keywords=clean_keywords([_decoded(word, utf8=utf8) for word in texts.get(25, ())]),
        creator=clean_text(", ".join(_decoded(name, utf8=utf8).strip("\0 ") for name in texts.get(80, ()))),
        copyright=first(116),
    )


def _decoded(raw: bytes, *, utf8: bool) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8" if utf8 else "cp1252", "replace")


def _taken_at(date: str | None, time: str | None) -> str | None:
    if date is None or len(date) != 8 or not date.isascii() or not date.isdigit():
        return None
    day = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    if time is None or len(time) < 6 or not time[:6].isdigit():
        return iso_time(day)
    return iso_time(f"{day}T{time[:2]}:{time[2:4]}:{time[4:6]}", f"{time[6:9]}:{time[9:11]}") or iso_time(day)
