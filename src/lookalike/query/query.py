"""The query: everything that is asked for in one search, as one value.

*Terms* say what photos shall be like, each with a weight that may be below zero; *filters* say which photos may be
found at all; *dials*, `order` and `cut` say how they are ranked. A query is compared, kept and passed on as a value;
lookalike.query.language writes it as a line of text and reads it back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from lookalike.errors import InvalidArgumentError
from lookalike.query.machine_tag import MachineTagPattern
from lookalike.query.times import day_text, time_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "DIALS",
    "MEASURES",
    "Colour",
    "Dial",
    "Limit",
    "Near",
    "Order",
    "Orientation",
    "Photo",
    "Query",
    "Region",
    "Season",
    "Style",
    "Tag",
    "Term",
    "Vector",
    "Words",
]

Order = Literal["relevance", "time", "quality"]
Season = Literal["spring", "summer", "autumn", "winter"]
Orientation = Literal["landscape", "portrait", "square"]

MEASURES = {
    "nsfw": 1.0,
    "quality": 1.0,
    "sharpness": 1.0,
    "exposure": 1.0,
    "clipping": 1.0,
    "contrast": 1.0,
    "noise": 255.0,
    "megapixels": 1e6,
}
"""What a `Limit` may be set to, each from 0 to this."""

DIALS = ("content", "colour", "composition")
"""In what respects photos are compared with photos."""

MAX_WEIGHT = 100.0
MIN_WEIGHT = 0.001
MAX_RADIUS_KM = 20_038.0  # half the equator: everywhere

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_HEX = re.compile(r"#[0-9a-f]{6}")
_COLOUR_NAME = re.compile(r"[a-z](?:[a-z0-9 _-]*[a-z0-9])?")
_FORMAT = re.compile(r"[a-z0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class Words:
    """A word, or a phrase that must stand together.

    Attributes
    ----------
    text : str
        A word holds no white space; a phrase may.
    phrase : bool
        The text as it stands, neither its stem nor the beginning of longer words.
    weight : float
        0.001 to 100, or that below zero: less of it.
    """

    text: str
    phrase: bool = False
    weight: float = 1.0

    def __post_init__(self) -> None:
        _check_text(self.text, "text")
        if not self.phrase and any(character.isspace() for character in self.text):
            raise InvalidArgumentError(f"`text` is {self.text!r}; a word holds no white space. Say phrase=True.")
        _check_weight(self.weight)


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a photo, in shares of its upright width and height: 0 to 1, from the upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        for start, size, names in ((self.x, self.width, "x, width"), (self.y, self.height, "y, height")):
            if not (0 <= start < 1 and 0 < size <= 1 and start + size <= 1 + 1e-9):
                raise InvalidArgumentError(
                    f"`{names}` are {start}, {size}; expected shares of the photo, 0 to 1, the second above 0 and "
                    "their sum at most 1."
                )


@dataclass(frozen=True, slots=True)
class Photo:
    """Like a photo, or like a part of it.

    Attributes
    ----------
    photo : int or str
        An id of the collection, or a path as text.
    region : Region, optional
        The part that counts.
    weight : float
        0.001 to 100, or that below zero: unlike it.
    """

    photo: int | str
    region: Region | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.photo, str):
            _check_text(self.photo, "photo")
        else:
            _check_id(self.photo)
        _check_weight(self.weight)


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """Like a vector: float (dim,), in the space of the collection's embeddings. Equal to nothing but itself."""

    values: NDArray[np.floating]
    weight: float = 1.0

    def __post_init__(self) -> None:
        _check_weight(self.weight)


@dataclass(frozen=True, slots=True)
class Colour:
    """Of a colour.

    Attributes
    ----------
    colour : str
        A name, or "#rrggbb"; small letters.
    share : float, optional
        How much of the photo shall have it, above 0 to 1. None leaves it open.
    weight : float
        0.001 to 100, or that below zero: little of it.
    """

    colour: str
    share: float | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not (_HEX.fullmatch(self.colour) or _COLOUR_NAME.fullmatch(self.colour)):
            raise InvalidArgumentError(f"{self.colour!r} is no colour; expected a name such as teal, or #rrggbb.")
        if self.share is not None and not 0 < self.share <= 1:
            raise InvalidArgumentError(f"The share of a colour is {self.share}; expected above 0 and at most 1 (100%).")
        _check_weight(self.weight)


@dataclass(frozen=True, slots=True)
class Style:
    """Of a style, by its name as written: "minimalist", or one that was taught."""

    name: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        _check_text(self.name, "name")
        _check_weight(self.weight)


@dataclass(frozen=True, slots=True)
class Tag:
    """With a tag as written, or with a machine tag that a pattern finds: text that is such a pattern becomes one.

    Examples
    --------
    >>> Tag("dopplr:eat=San Francisco") == Tag(MachineTagPattern("dopplr", "eat", "San Francisco"))
    True
    """

    tag: str | MachineTagPattern
    weight: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.tag, str):
            _check_text(self.tag, "tag")
            if pattern := MachineTagPattern.parse(self.tag):
                object.__setattr__(self, "tag", pattern)
        _check_weight(self.weight)


Term: TypeAlias = Words | Photo | Vector | Colour | Style | Tag


@dataclass(frozen=True, slots=True)
class Near:
    """Taken within a radius of a place, or of where a photo was taken.

    Attributes
    ----------
    centre : (latitude, longitude) or int
        Decimal degrees, north and east positive; or a photo's id.
    radius_km : float
    """

    centre: tuple[float, float] | int
    radius_km: float = 10.0

    def __post_init__(self) -> None:
        if isinstance(self.centre, tuple):
            latitude, longitude = self.centre
            if not (abs(latitude) <= 90 and abs(longitude) <= 180):
                raise InvalidArgumentError(
                    f"The place is {latitude}, {longitude}; expected latitude -90 to 90, longitude -180 to 180."
                )
        else:
            _check_id(self.centre)
        if not 0 < self.radius_km <= MAX_RADIUS_KM:
            raise InvalidArgumentError(f"The radius is {self.radius_km} km; expected above 0, up to {MAX_RADIUS_KM:g}.")


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds of a measure, both included; None leaves a side open."""

    measure: str
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise InvalidArgumentError(f"There is no measure {self.measure!r}; there are {', '.join(MEASURES)}.")
        for bound in (self.at_least, self.at_most):
            if bound is not None and not 0 <= bound <= MEASURES[self.measure]:
                raise InvalidArgumentError(
                    f"A bound of {self.measure} is {bound}; expected 0 to {MEASURES[self.measure]:g}."
                )
        if self.at_least is None and self.at_most is None:
            raise InvalidArgumentError(f"A limit of {self.measure} has no bound.")


@dataclass(frozen=True, slots=True)
class Dial:
    """How much one respect counts when photos are compared with photos: 0 not at all, 1 fully."""

    name: str
    value: float

    def __post_init__(self) -> None:
        if self.name not in DIALS:
            raise InvalidArgumentError(f"There is no dial {self.name!r}; there are {', '.join(DIALS)}.")
        if not 0 <= self.value <= 1:
            raise InvalidArgumentError(f"The dial {self.name} is at {self.value}; expected 0 to 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """All that is asked for in one search.

    Attributes
    ----------
    terms : tuple of Term
        What photos shall be like; empty: all that the filters admit.
    folder : str, optional
        Only photos in this folder and below.
    since, until : str, optional
        Only photos taken between, both included: "2019", "2019-06", "2019-06-30", "2019-06-30T12:00".
    formats : tuple of str
        Only photos of these formats; empty: any.
    near : Near, optional
        Only photos taken there.
    on : str, optional
        Only photos taken on this day of any year, "06-24", or in this month, "06". Of a date its day is kept.
    season, orientation : str, optional
        Only those.
    limits : tuple of Limit
        Only photos whose measures lie within; one for a measure.
    dials : tuple of Dial
        One for a name.
    order : "relevance", "time" or "quality"
    cut : bool
        End the list where hits are no better than chance.

    Raises
    ------
    InvalidArgumentError
        A value cannot be.

    Examples
    --------
    >>> Query(terms=(Words("boat"), Words("rain", weight=-1.0)), since="2019").sentence
    'boat'
    """

    terms: tuple[Term, ...] = ()
    folder: str | None = None
    since: str | None = None
    until: str | None = None
    formats: tuple[str, ...] = ()
    near: Near | None = None
    on: str | None = None
    season: Season | None = None
    orientation: Orientation | None = None
    limits: tuple[Limit, ...] = ()
    dials: tuple[Dial, ...] = ()
    order: Order = field(default="relevance")
    cut: bool = False

    def __post_init__(self) -> None:
        if self.folder is not None:
            _check_text(self.folder, "folder")
        for name in ("since", "until"):
            if (value := getattr(self, name)) is not None:
                time_text(value, name)
        for format_ in self.formats:
            if not _FORMAT.fullmatch(format_):
                raise InvalidArgumentError(f"{format_!r} is no format; expected a name such as jpeg, in small letters.")
        if self.on is not None:
            object.__setattr__(self, "on", day_text(self.on))
        for name, known in (("season", Season), ("orientation", Orientation), ("order", Order)):
            value = getattr(self, name)
            if value not in get_args(known) and not (value is None and name != "order"):
                raise InvalidArgumentError(f"`{name}` is {value!r}; expected {_one_of(get_args(known))}.")
        for names in ([limit.measure for limit in self.limits], [dial.name for dial in self.dials]):
            if len(set(names)) < len(names):
                raise InvalidArgumentError(f"One of {', '.join(names)} is given twice.")

    def __str__(self) -> str:
        from lookalike.query.language import print_query

        return print_query(self)

    @property
    def sentence(self) -> str:
        """Its words and phrases of positive weight, in their order, as one text: what a text encoder is given."""
        return " ".join(term.text for term in self.terms if isinstance(term, Words) and term.weight > 0)


def _one_of(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _check_text(text: str, name: str) -> None:
    if not text.strip() or _UNWRITABLE.search(text):
        raise InvalidArgumentError(
            f"`{name}` is {text!r}; expected a text, not empty, without NUL and lone surrogates."
        )


def _check_weight(weight: float) -> None:
    if not MIN_WEIGHT <= abs(weight) <= MAX_WEIGHT:
        raise InvalidArgumentError(
            f"A weight is {weight}; expected {MIN_WEIGHT} to {MAX_WEIGHT:g}, or that below zero for less of it."
        )


def _check_id(photo_id: int) -> None:
    if isinstance(photo_id, bool) or not 0 < photo_id < 2**63:
        raise InvalidArgumentError(f"There is no photo with the id {photo_id}; ids are whole numbers from 1 on.")
