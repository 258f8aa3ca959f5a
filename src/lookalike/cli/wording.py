"""How numbers, paths and names read in a terminal."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["count", "duration", "one_line", "shown_path", "size"]

_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count(1, "photo"), count(1234, "photo"), count(0, "copy", "copies")
    ('1 photo', '1,234 photos', '0 copies')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(n_bytes: int) -> str:
    """Return a number of bytes in decimal units, two digits or more.

    Examples
    --------
    >>> size(0), size(999), size(1_234_000), size(87_600_000_000)
    ('0 bytes', '999 bytes', '1.2 MB', '88 GB')
    """
    for unit_bytes, unit in _SIZES:
        if n_bytes >= unit_bytes:
            number = n_bytes / unit_bytes
            return f"{number:.1f} {unit}" if number < 10 else f"{number:,.0f} {unit}"
    return count(n_bytes, "byte")


def duration(seconds: float) -> str:
    """Return a time as a person would say it, no more exact than estimates are.

    Examples
    --------
    >>> duration(0.2), duration(41.2), duration(190), duration(4980)
    ('1 s', '41 s', '3 min', '1 h 23 min')
    """
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60:,} h {minutes % 60} min"


def one_line(text: str) -> str:
    r"""Return `text` on one line, without characters that would steer a terminal.

    Examples
    --------
    >>> one_line("a\nb"), one_line("\x1b[2Jx")
    ('a b', '�[2Jx')
    """
    return "".join(c if c.isprintable() else " " if c.isspace() else "�" for c in text)


def shown_path(path: str | os.PathLike[str]) -> str:
    """Return a path as short as it can be used from here: relative when it lies below the current directory."""
    try:
        return one_line(str(Path(path).relative_to(Path.cwd())))
    except ValueError:
        return one_line(os.fspath(path))
