"""Times of a query, as far as they are told: a year, a month, a day, a minute; and days of any year."""

from __future__ import annotations

import re
from datetime import date, datetime

from lookalike.errors import InvalidArgumentError

__all__ = ["day_text", "time_text"]

_TIME = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d)?)?)?)?", re.ASCII)
_DAY = re.compile(r"\d\d(-\d\d)?", re.ASCII)
_DATE = re.compile(r"\d{4}-(\d\d-\d\d)", re.ASCII)


def time_text(value: str | date, name: str) -> str:
    """Bring a time to ISO 8601, as far as it goes: "2019", "2019-06", "2019-06-30", "2019-06-30T12:00".

    Raises
    ------
    InvalidArgumentError
        There is no such time; `name` says what was given.
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    text = value.strip().replace(" ", "T")
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        datetime.fromisoformat(text + "-01-01"[max(0, len(text) - 4) :] if len(text) < 10 else text)
    except ValueError:
        raise InvalidArgumentError(
            f"`{name}` is {value!r}; expected a time such as 2019, 2019-06, 2019-06-30 or 2019-06-30T12:00."
        ) from None
    return text


def day_text(value: str | date) -> str:
    """Bring a date or a day of any year to "06-24", a month to "06".

    Raises
    ------
    InvalidArgumentError
        There is no such day.
    """
    text = value.isoformat()[:10] if isinstance(value, date) else value.strip()
    text = match[1] if (match := _DATE.fullmatch(text)) else text
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        date(2000, int(text[:2]), int(text[3:] or 1))  # a leap year
    except ValueError:
        raise InvalidArgumentError(
            f"`on` is {value!r}; expected a day of the year such as 06-24, a month such as 06, or a date."
        ) from None
    return text
