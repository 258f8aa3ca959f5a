"""The line of text that is a query: read as a search bar reads it, and written so that it reads back the same.

Items stand between white space. An item is a word, a ``"phrase"``, or one of our keys with a value (``colour:teal``),
a tag (``#beach``), a machine tag (``exif:model=``) or a bound (``nsfw<0.5``); terms may have a sign and a weight
before them. The grammar is in docs/reference/query.md. Nothing a person types is an error, save one of our own keys
with a value that cannot be: what is not of the language is plain words. Time and memory are linear in the length of
the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, NoReturn, cast

from lookalike.errors import InvalidArgumentError, QueryError
from lookalike.query.machine_tag import MachineTagPattern
from lookalike.query.query import (
    DIALS,
    MEASURES,
    Colour,
    Dial,
    Limit,
    Near,
    Photo,
    Query,
    Region,
    Style,
    Tag,
    Term,
    Vector,
    Words,
)

__all__ = [
    "KEYS",
    "ItemKind",
    "PrintedItem",
    "last_item",
    "parse",
    "plain_words",
    "print_items",
    "print_query",
    "quoted_where_needed",
]

_SPACE = re.compile(r"\s")
_SIGN = re.compile(r"[+-](?=[^\s+-])")
_WEIGHT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,30})?|\.[0-9]{1,30}):(?=[^\s0-9])")
_KEY = re.compile(r"([A-Za-z]{1,16}):(?=\S)")
_MACHINE_TAG = re.compile(r"(\*|[A-Za-z][A-Za-z0-9_]*):(\*|[A-Za-z][A-Za-z0-9_]*)=")
_LIMIT = re.compile(rf"({'|'.join(MEASURES)})([<>]=?)(?=\S)", re.IGNORECASE)
_PUNCTUATION = re.compile(r"""[!-/:-@[-`{-~]+""")  # ASCII's
_NUMBER = re.compile(r"[+-]?(?:\d{1,20}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_ID = re.compile(r"\d{1,100}", re.ASCII)
_REGION = re.compile(r"\[([^,\[\]]*),([^,\[\]]*),([^,\[\]]*),([^,\[\]]*)\]")
_REGION_AT_END = re.compile(_REGION.pattern + r"\Z")
_RADIUS = re.compile(rf"({_NUMBER.pattern})\s*(km|mi|m)?", re.ASCII | re.IGNORECASE)
_KM = {"km": 1.0, "m": 0.001, "mi": 1.609344}
_UNREADABLE = re.compile("[\ud800-\udfff]")


ItemKind = Literal["word", "phrase", "photo", "colour", "style", "tag", "machine tag", "filter", "ranking"]


class PrintedItem(NamedTuple):
    """One item of a query as it is written; `term` is None for what limits or orders."""

    kind: ItemKind
    text: str
    term: Term | None = None


def parse(text: str, *, check: Callable[[Term], object] | None = None) -> Query:
    """Read a query.

    Parameters
    ----------
    text : str
        What a person typed; or what `print_query` wrote, which gives an equal query.
    check : callable, optional
        Called with every term; what it refuses by an InvalidArgumentError, such as the name of no colour, is refused
        here at its place.

    Raises
    ------
    QueryError
        One of our own keys has a value that cannot be, such as ``near:here``. Its `position` says where.

    Examples
    --------
    >>> parse('boat -rain colour:teal@30% since:2019')  # doctest: +NORMALIZE_WHITESPACE
    Query(terms=(Words(text='boat', phrase=False, weight=1.0), Words(text='rain', phrase=False, weight=-1.0),
                 Colour(colour='teal', share=0.3, weight=1.0)),
          folder=None, since='2019', until=None, formats=(), near=None, on=None, season=None, orientation=None,
          limits=(), dials=(), order='relevance', cut=False)
    """
    text = _UNREADABLE.sub("\ufffd", text).replace("\0", " ")  # as many characters: positions stay
    terms: list[Term] = []
    options: dict[str, Any] = {}
    limits: dict[str, Limit] = {}
    dials: dict[str, Dial] = {}
    for item in _items(text):
        if isinstance(item.value, Limit):
            known = limits.get(item.value.measure, item.value)
            limits[known.measure] = Limit(
                known.measure,
                known.at_least if item.value.at_least is None else item.value.at_least,
                known.at_most if item.value.at_most is None else item.value.at_most,
            )
        elif isinstance(item.value, Dial):
            dials[item.value.name] = item.value
        elif isinstance(item.value, _Option):
            options[item.value.name] = item.value.value
        elif item.value is not None:
            try:
                if check is not None:
                    check(item.value)
            except InvalidArgumentError as error:
                _refuse(text, item.place, error)
            terms.append(item.value)
    return Query(terms=tuple(terms), limits=tuple(limits.values()), dials=tuple(dials.values()), **options)


def print_query(query: Query) -> str:
    """Write a query as a line of text that `parse` reads back as an equal query.

    Raises
    ------
    InvalidArgumentError
        It holds a vector, for which there are no words.

    Examples
    --------
    >>> print_query(Query(terms=(Words("a red car", phrase=True, weight=0.5), Tag("beach")), season="summer"))
    '0.5:"a red car" #beach season:summer'
    """
    return " ".join(item.text for item in print_items(query))


def print_items(query: Query) -> list[PrintedItem]:
    """Write a query item by item: `print_query` joins them by spaces.

    Raises
    ------
    InvalidArgumentError
        It holds a vector, for which there are no words.

    Examples
    --------
    >>> [(item.kind, item.text) for item in print_items(parse("boat -#beach since:2019 order:time"))]
    [('word', 'boat'), ('tag', '-#beach'), ('filter', 'since:2019'), ('ranking', 'order:time')]
    """
    filters, ranking = _print_filters(query), _print_ranking(query)
    return [
        *(PrintedItem(_kind(term), _print_term(term), term) for term in query.terms),
        *(PrintedItem("filter", text) for text in filters),
        *(PrintedItem("ranking", text) for text in ranking),
    ]


def _kind(term: Term) -> ItemKind:
    if isinstance(term, Words):
        return "phrase" if term.phrase else "word"
    if isinstance(term, Tag):
        return "tag" if isinstance(term.tag, str) else "machine tag"
    return "colour" if isinstance(term, Colour) else "style" if isinstance(term, Style) else "photo"


def _print_filters(query: Query) -> list[str]:
    parts = []
    if query.folder is not None:
        parts.append(f"folder:{quoted_where_needed(query.folder)}")
    parts += [
        f"{name}:{quoted_where_needed(value)}"
        for name in ("since", "until")
        if (value := getattr(query, name)) is not None
    ]
    if query.formats:
        parts.append(f"format:{','.join(query.formats)}")
    if query.near is not None:
        centre = query.near.centre
        place = f"photo:{centre}" if isinstance(centre, int) else ",".join(map(_print_number, centre))
        parts.append(f"near:{place},{_print_number(query.near.radius_km)}km")
    for name in ("on", "season", "orientation"):
        if (value := getattr(query, name)) is not None:
            parts.append(f"{name}:{value}")
    for limit in query.limits:
        bounds = ((">", limit.at_least), ("<", limit.at_most))
        parts += [f"{limit.measure}{sign}{_print_number(bound)}" for sign, bound in bounds if bound is not None]
    return parts


def _print_ranking(query: Query) -> list[str]:
    parts = [f"dial:{dial.name}={_print_number(dial.value)}" for dial in query.dials]
    if query.order != "relevance":
        parts.append(f"order:{query.order}")
    if query.cut:
        parts.append("cut:yes")
    return parts


def last_item(text: str) -> tuple[int, str]:
    """Return what is being typed: where the last item begins, and its text without sign and weight.

    Returns
    -------
    position : int
        The length of `text` where it ends in white space.
    item : str

    Examples
    --------
    >>> last_item("boat -2:rai")
    (8, 'rai')
    """
    position = len(text)
    item = ""
    for found in _scan(text):
        position, item = found.start, text[found.start : found.end]
    if position + len(item) < len(text):
        return len(text), ""
    return position, item


# -- reading ----------------------------------------------------------------------------------------------------


class _Scanned(NamedTuple):
    """An item's place: where its sign, its body and what follows begin; `weight` None: none was given."""

    whole: int
    start: int
    end: int
    sign: str
    weight: float | None


class _Item(NamedTuple):
    place: _Scanned
    value: Term | Limit | Dial | _Option | None


@dataclass(frozen=True, slots=True)
class _Option:
    """A filter or a way of ranking of which a query has one: the last that is given."""

    name: str
    value: object


def _scan(text: str) -> list[_Scanned]:
    """Find the items; quotes hold together what is inside."""
    found: list[_Scanned] = []
    position = 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position == len(text):
            return found
        whole = position
        apart = position == 0 or text[position - 1].isspace()  # not so: the rest of a word behind a quote
        sign = match[0] if apart and (match := _SIGN.match(text, position)) else ""
        position += len(sign)
        weight = None
        if (match := _WEIGHT.match(text, position)) and float(match[1]) <= 100:
            weight = float(match[1])
            position = match.end()
        start = position
        position = _end(text, start)
        found.append(_Scanned(whole, start, position, sign, weight))


def _end(text: str, start: int) -> int:
    """Find where the item that begins at `start` ends: behind its quotes, or before white space."""
    if text[start] == '"':
        return _quoted(text, start)[1]
    quotes = start
    if match := _MACHINE_TAG.match(text, start):
        quotes = match.end()
    elif (match := _KEY.match(text, start)) and match[1].lower() in KEYS:
        quotes = match.end()
        if match[1].lower() == "tag" and (match := _MACHINE_TAG.match(text, quotes)):
            quotes = match.end()
    if quotes > start and text[quotes : quotes + 1] == '"':
        end = _quoted(text, quotes)[1]
        region = _REGION.match(text, end)
        return region.end() if region else end
    space = _SPACE.search(text, start)
    return space.start() if space else len(text)


def _quoted(text: str, start: int) -> tuple[str, int]:
    """Read from the quote at `start`: what is inside, and where it ends; unclosed, it goes to the end of the text."""
    end = start + 1
    while True:
        end = text.find('"', end)
        if end < 0:
            return text[start + 1 :].replace('""', '"'), len(text)
        if text[end + 1 : end + 2] != '"':
            return text[start + 1 : end].replace('""', '"'), end + 1
        end += 2


def _items(text: str) -> list[_Item]:
    items: list[_Item] = []
    for place in _scan(text):
        try:
            value = _read(text[place.start : place.end])
            if isinstance(value, Limit | Dial | _Option):
                if place.sign == "-" or place.weight is not None:
                    raise InvalidArgumentError("It limits or orders what is found, so it takes no minus and no weight.")
            elif value is not None and (place.sign or place.weight is not None):
                weight = 1.0 if place.weight is None else place.weight
                value = replace(value, weight=-weight if place.sign == "-" else weight)
        except InvalidArgumentError as error:
            _refuse(text, place, error)
        items.append(_Item(place, value))
    return items


def _refuse(text: str, place: _Scanned, reason: object) -> NoReturn:
    item = text[place.whole : place.end]
    shown = item if len(item) <= 40 else item[:39] + "…"
    key = item[place.start - place.whole :].partition(":")[0].lower()
    example = f" For example: {KEYS[key].example}." if key in KEYS else ""
    raise QueryError(
        f"`{shown}` at character {place.whole + 1}: {reason}{example} Meant as plain words, it goes in double quotes.",
        place.whole,
    ) from None


def _read(body: str) -> Term | Limit | Dial | _Option | None:
    """Read one item without sign and weight; None for one that says nothing."""
    if body[0] == '"':
        phrase = _quoted(body, 0)[0]
        return Words(phrase, phrase=True) if phrase.strip() else None
    if body[0] == "\\" and len(body) > 1:
        return Words(body[1:])
    if body[0] == "#" and body.strip("#"):
        return Tag(body[1:])
    if (match := _KEY.match(body)) and (key := KEYS.get(match[1].lower())):
        value = body[match.end() :]
        return key.read(value)
    if machine_tag := _machine_tag(body):
        return machine_tag
    if match := _LIMIT.match(body):
        bound = _number(body[match.end() :])
        measure = match[1].lower()
        return Limit(measure, at_least=bound) if match[2][0] == ">" else Limit(measure, at_most=bound)
    return None if _PUNCTUATION.fullmatch(body) else Words(body)


def _machine_tag(body: str) -> Tag | None:
    match = _MACHINE_TAG.match(body)
    pattern = match and MachineTagPattern.of_parts(match[1], match[2], body[match.end() :])
    return Tag(pattern) if pattern else None


def _text(value: str) -> str:
    return _quoted(value, 0)[0] if value.startswith('"') else value


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise InvalidArgumentError(f"{text[:40]!r} is not a number.")
    return float(text)


def _photo(value: str) -> Photo:
    if value.startswith('"'):
        path, end = _quoted(value, 0)
        match = _REGION.fullmatch(value, end)
        return Photo(path, _region(match))
    match = _REGION_AT_END.search(value)
    name = value[: match.start()] if match else value
    return Photo(_photo_id(name) if _ID.fullmatch(name) else name, _region(match))


def _photo_id(text: str) -> int:
    if not _ID.fullmatch(text):
        raise InvalidArgumentError(f"{text[:40]!r} is no photo's id.")
    return int(text)


def _region(match: re.Match[str] | None) -> Region | None:
    return Region(*(_number(part.strip()) for part in match.groups())) if match else None


def _colour(value: str) -> Colour:
    name, at, share = _text(value).rpartition("@")
    if not at:
        return Colour(_colour_name(share))
    return Colour(_colour_name(name), _number(share[:-1]) / 100 if share.endswith("%") else _number(share))


def _colour_name(text: str) -> str:
    text = text.strip().lower()
    if re.fullmatch(r"#[0-9a-f]{3}", text):
        return "#" + "".join(2 * digit for digit in text[1:])
    return text


def _tag(value: str) -> Tag:
    return _machine_tag(value) or Tag(_text(value))


def _near(value: str) -> _Option:
    value = _text(value)
    if value.lower().startswith("photo:"):
        name, comma, radius = value[len("photo:") :].partition(",")
        centre: tuple[float, float] | int = _photo_id(name.strip())
    else:
        parts = value.split(",", 2)
        if len(parts) < 2:
            raise InvalidArgumentError(f"{value[:40]!r} is no place: expected latitude, longitude and a radius.")
        centre = (_number(parts[0].strip()), _number(parts[1].strip()))
        comma, radius = ",", ",".join(parts[2:])
    if not comma or not radius.strip():
        return _Option("near", Near(centre))
    match = _RADIUS.fullmatch(radius.strip())
    if match is None:
        raise InvalidArgumentError(f"{radius.strip()[:40]!r} is no radius.")
    return _Option("near", Near(centre, float(match[1]) * _KM[(match[2] or "km").lower()]))


def _dial(value: str) -> Dial:
    name, _, number = _text(value).partition("=")
    name = name.lower()
    return Dial("colour" if name == "color" else name, _number(number))


def _option(name: str) -> Callable[[str], _Option]:
    """Make the reader of a filter whose values `Query` checks."""

    def read(value: str) -> _Option:
        text: object = _text(value)
        if name not in ("folder", "since", "until"):
            text = cast("str", text).strip().lower()
        if name == "season" and text == "fall":
            text = "autumn"
        Query(**{name: text})  # type: ignore[arg-type]  # refuses what cannot be
        return _Option(name, text)

    return read


def _formats(value: str) -> _Option:
    formats = tuple(part.strip().lower() for part in _text(value).split(","))
    Query(formats=formats)
    return _Option("formats", formats)


def _cut(value: str) -> _Option:
    said = _text(value).strip().lower()
    if said not in ("yes", "no"):
        raise InvalidArgumentError(f"`cut` is {said[:40]!r}; expected yes or no.")
    return _Option("cut", said == "yes")


class Key(NamedTuple):
    """One of our own keys: what reads its value, and an example."""

    read: Callable[[str], Term | Limit | Dial | _Option]
    example: str


KEYS: dict[str, Key] = {
    "photo": Key(_photo, "photo:12 or photo:12[0.1,0.2,0.5,0.5]"),
    "colour": Key(_colour, "colour:teal, colour:teal@30% or colour:#008080"),
    "color": Key(_colour, "color:teal, color:teal@30% or color:#008080"),
    "style": Key(lambda value: Style(_text(value)), "style:minimalist"),
    "tag": Key(_tag, 'tag:beach or tag:"san francisco"'),
    "folder": Key(_option("folder"), 'folder:/photos/2019 or folder:"/my photos"'),
    "since": Key(_option("since"), "since:2019-06"),
    "until": Key(_option("until"), "until:2019-06-30"),
    "format": Key(_formats, "format:jpeg or format:jpeg,png"),
    "near": Key(_near, "near:52.5,13.4,10km or near:photo:12,5km"),
    "on": Key(_option("on"), "on:06-24 or on:06"),
    "season": Key(_option("season"), "season:summer"),
    "orientation": Key(_option("orientation"), "orientation:portrait"),
    "dial": Key(_dial, f"dial:colour=0.5 (the dials are {', '.join(DIALS)})"),
    "order": Key(_option("order"), "order:time"),
    "cut": Key(_cut, "cut:yes"),
}
"""Our own keys. ``color`` is another spelling of ``colour``."""


# -- writing ----------------------------------------------------------------------------------------------------


def _print_number(number: float) -> str:
    text = repr(float(number))
    return text.removesuffix(".0")


def quoted_where_needed(text: str) -> str:
    """Write a value as it is where it can stand so, else in quotes."""
    return '"' + text.replace('"', '""') + '"' if text.startswith('"') or _SPACE.search(text) else text


def _print_term(term: Term) -> str:
    if isinstance(term, Vector):
        raise InvalidArgumentError("A query with a vector cannot be written as text.")
    size = "" if abs(term.weight) == 1 else f"{_print_number(abs(term.weight))}:"
    prefix = ("-" if term.weight < 0 else "") + size
    for body in _bodies(term):
        try:
            if parse(prefix + body).terms == (term,):
                return prefix + body
        except QueryError:
            pass
    raise AssertionError(f"{term!r} cannot be written")


def _bodies(term: Term) -> list[str]:
    """List ways to write a term without its weight: the first that reads back as the same is taken."""
    if isinstance(term, Words):
        return ['"' + term.text.replace('"', '""') + '"'] if term.phrase else [term.text, "\\" + term.text]
    if isinstance(term, Photo):
        region = term.region
        part = ""
        if region is not None:
            part = f"[{','.join(map(_print_number, (region.x, region.y, region.width, region.height)))}]"
        return [f"photo:{body}{part}" for body in _both(str(term.photo))]
    if isinstance(term, Colour):
        percent = term.share is not None and round(100 * term.share)
        share = ""
        if term.share is not None:
            share = f"@{percent}%" if percent and percent / 100 == term.share else f"@{_print_number(term.share)}"
        return [f"colour:{body}" for body in _both(term.colour + share)]
    if isinstance(term, Style):
        return [f"style:{body}" for body in _both(term.name)]
    if isinstance(term, Tag) and isinstance(term.tag, str):
        return ["#" + term.tag, *(f"tag:{body}" for body in _both(term.tag))]
    assert isinstance(term, Tag)
    return [str(term.tag), f"tag:{term.tag}"]


def _both(value: str) -> tuple[str, str]:
    return value, '"' + value.replace('"', '""') + '"'


def plain_words(text: str) -> tuple[Words, ...]:
    """Words and "quoted phrases" of a text, and nothing else of the language."""
    found = []
    for phrase, word in re.findall(r'"([^"]*)"|(\S+)', text):
        if clean := re.sub("[\0\ud800-\udfff]", " ", phrase or word.replace('"', "")).strip():
            found.append(Words(clean, phrase=bool(phrase) or " " in clean))
    return tuple(found)
