"""Which photos a search is limited to, as the catalog can answer it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from lookalike.errors import InvalidArgumentError

__all__ = ["Within", "absolute"]

_DATE = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d)?)?)?)?")
_ALIASES = {"jpg": "jpeg", "tif": "tiff", "heif": "heic"}
_PRESENT = "SELECT 1 FROM files WHERE files.photo_id = photos.id AND gone_at IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """Photos that a search may find: those for which everything that is given holds.

    Attributes
    ----------
    folder : path, optional
        A folder, with all that is below it, or a file.
    since, until : str, date or datetime, optional
        Bounds of the time at which a photo was taken, both included: "2019", "2019-06", "2019-06-30" or
        "2019-06-30T12:00", so that until="2019" means its last second. Photos of which no time is known are not found.
    formats : str or sequence of str, optional
        "jpeg", "png", "webp", "gif", "tiff", "bmp", "avif", "heic", "raw".
    ids : sequence of int, optional
        Ids of the collection; unknown ones do nothing.

    Examples
    --------
    >>> Within(folder="/photos/2019", since="2019-06", until="2019-08")
    Within(folder='/photos/2019', since='2019-06', until='2019-08', formats=None, ids=None)
    """

    folder: str | os.PathLike[str] | None = None
    since: str | date | None = None
    until: str | date | None = None
    formats: str | Sequence[str] | None = None
    ids: Sequence[int] | None = None

    def __post_init__(self) -> None:
        for name in ("since", "until"):
            _time(getattr(self, name), name)

    def where(self) -> tuple[str, list[str | int]]:
        """Give a condition on the table `photos`, and its parameters; photos whose files have gone are never within."""
        conditions: list[str] = []
        values: list[str | int] = []
        present = _PRESENT
        if self.folder is not None:
            folder = str(absolute(self.folder))
            below = os.path.join(folder, "")  # noqa: PTH118  ends with the separator, also for a root
            present += " AND (path = ? OR (path >= ? AND path < ?))"
            values += [folder, below, below[:-1] + chr(ord(below[-1]) + 1)]
        conditions.append(f"EXISTS ({present})")
        since, until = _time(self.since, "since"), _time(self.until, "until")
        if since is not None:
            conditions.append("taken_at >= ?")
            values.append(since)
        if until is not None:
            conditions.append("substr(taken_at, 1, ?) <= ?")
            values += [len(until), until]
        if self.formats is not None:
            names = [self.formats] if isinstance(self.formats, str) else list(self.formats)
            conditions.append(f"format IN ({','.join('?' * len(names))})")
            values += [_ALIASES.get(name.lower(), name.lower()) for name in names]
        if self.ids is not None:
            conditions.append("id IN (SELECT value FROM json_each(?))")
            values.append(f"[{','.join(str(int(photo_id)) for photo_id in self.ids)}]")
        return " AND ".join(conditions), values


def _time(value: str | date | None, name: str) -> str | None:
    """Bring a bound to the form in which the catalog keeps times, as far as it goes."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    text = value.strip().replace(" ", "T")
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        datetime.fromisoformat(text + "-01-01T00:00:00"[max(0, len(text) - 4) :] if len(text) < 10 else text)
    except ValueError:
        raise InvalidArgumentError(
            f"`{name}` is {value!r}; expected a time such as 2019, 2019-06, 2019-06-30 or 2019-06-30T12:00."
        ) from None
    return text


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return `path` as the catalog names it: absolute, symbolic links as they are.

    Raises
    ------
    InvalidArgumentError
        It is not valid UTF-8.
    """
    whole = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100  resolve() would follow symbolic links
    try:
        str(whole).encode()
    except UnicodeEncodeError:
        printable = os.fsencode(path).decode("utf-8", "replace")
        raise InvalidArgumentError(f"The name `{printable}` is not valid UTF-8. Rename it.") from None
    return whole
