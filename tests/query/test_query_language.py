"""The language of the search bar: what is written reads back the same, and nothing that is typed is too much."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InvalidArgumentError, QueryError
from lookalike.query import (
    DIALS,
    KEYS,
    MEASURES,
    Colour,
    Dial,
    Limit,
    MachineTagPattern,
    Near,
    Order,
    Orientation,
    Photo,
    Query,
    Region,
    Season,
    Style,
    Tag,
    Term,
    Vector,
    Words,
    last_item,
    parse,
    print_items,
    print_query,
    suggest_keys,
)

PIECES = [
    '"',
    '""',
    "\\",
    "-",
    "+",
    "2:",
    "0.5:",
    "#",
    "[",
    "]",
    ",",
    "=",
    "*",
    "<",
    " ",
    "\n",
    "é",
    "\0",
    "\ud800",
    "12",
]
typed = st.lists(
    st.one_of(
        st.sampled_from(
            [*PIECES, *(f"{key}:" for key in KEYS), *MEASURES, "dog", "geo:lat=", "12:30", "06-24", "10km"]
        ),
        st.text(max_size=4),
    ),
    max_size=12,
).map("".join)
texts = typed.map(lambda text: re.sub("[\0\ud800-\udfff]", "", text)).filter(lambda text: text.strip())
words = texts.map(lambda text: "".join(text.split()))
weights = st.one_of(st.sampled_from([1.0, -1.0, 2, 0.5, -2.0]), st.floats(0.001, 100), st.floats(-100, -0.001))
share = st.floats(0, 1)
regions = st.tuples(st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0.01, 0.5), st.floats(1e-9, 0.5)).map(
    lambda sides: Region(*sides)
)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,5}", fullmatch=True) | st.sampled_from(list(KEYS))
ids = st.integers(1, 2**63 - 1)
terms = st.one_of(
    st.builds(Words, words, weight=weights),
    st.builds(Words, texts, phrase=st.just(True), weight=weights),
    st.builds(Photo, ids | texts, st.none() | regions, weights),
    st.builds(
        Colour,
        st.from_regex(r"[a-z]{1,8}( [a-z]{1,3})?|#[0-9a-f]{6}", fullmatch=True),
        st.none() | st.floats(0, 1, exclude_min=True) | st.integers(1, 100).map(lambda percent: percent / 100),
        weights,
    ),
    st.builds(Style, texts, weights),
    st.builds(
        Tag, texts | st.builds(MachineTagPattern, st.none() | names, st.none() | names, st.none() | texts), weights
    ),
)
limits = st.builds(Limit, st.sampled_from(list(MEASURES)), share, st.none() | share)
queries = st.builds(
    Query,
    terms=st.lists(terms, max_size=3).map(tuple),
    folder=st.none() | texts,
    since=st.sampled_from([None, "2019", "2019-06", "2019-06-30", "2019-06-30 12:00"]),
    until=st.sampled_from([None, "2020-02-29T12:00:01"]),
    formats=st.sampled_from([(), ("jpeg",), ("png", "gif")]),
    near=st.none()
    | st.builds(
        Near, ids | st.tuples(st.floats(-90, 90), st.floats(-180, 180)), st.floats(0, 20_000, exclude_min=True)
    ),
    on=st.sampled_from([None, "06-24", "02-29", "12", " 06 ", "2019-06-24\t"]),
    season=st.sampled_from([None, *get_args(Season)]),
    orientation=st.sampled_from([None, *get_args(Orientation)]),
    limits=st.lists(limits, max_size=3, unique_by=lambda limit: limit.measure).map(tuple),
    dials=st.lists(st.builds(Dial, st.sampled_from(DIALS), share), max_size=3, unique_by=lambda dial: dial.name).map(
        tuple
    ),
    order=st.sampled_from(get_args(Order)),
    cut=st.booleans(),
)


@given(queries)
def test_a_query_that_is_written_reads_back_equal(query: Query) -> None:
    assert parse(print_query(query)) == query
    assert str(query) == print_query(query)


def read(text: str) -> Query | QueryError:
    try:
        return parse(text)
    except QueryError as error:
        return error


@pytest.mark.parametrize("typed", ['tag:"dopplr:eat=San Francisco"', 'tag:dopplr:eat="San Francisco"'])
def test_a_machine_tag_may_stand_in_quotes_as_a_whole(typed: str) -> None:
    assert parse(typed) == Query(terms=(Tag(MachineTagPattern("dopplr", "eat", "San Francisco")),))


@given(typed | st.text(st.characters()))
def test_whatever_is_typed_is_a_query_or_an_error_that_names_its_place(text: str) -> None:
    answer = read(text)
    if isinstance(answer, QueryError):
        assert f"at character {answer.position + 1}: " in str(answer)
        assert not text[answer.position].isspace()
    else:
        assert parse(print_query(answer)) == answer
    position, item = last_item(text)
    assert text[:position] + text[position:].removesuffix(item) + item == text


@given(st.text(st.characters(exclude_characters=':<>"#\\')))
def test_text_without_our_signs_is_never_an_error(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(
    "text",
    [
        *(piece * (100_000 // len(piece)) for piece in ['"', '"a', "a", "2:", "-", "\0", "\ud800", "9", "tag:", "#"]),
        "a " * 10_000,
        *(start + piece * 50_000 for start, piece in [("photo:", "[,"), ("colour:", "@"), ("near:", ",")]),
        *(start + piece * 100_000 for start, piece in [("exif:", "a"), ("nsfw<", "1"), ("photo:", "9")]),
    ],
    ids=lambda text: ascii(text[:10]),
)
def test_a_hundred_thousand_characters_are_read(text: str) -> None:
    answer = read(text)
    if isinstance(answer, QueryError):
        assert len(str(answer)) < 400
    else:
        assert parse(print_query(answer)) == answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dog", (Words("dog"),)),
        ("-dog 2:dog", (Words("dog", weight=-1), Words("dog", weight=2))),
        ("-2:dog +dog", (Words("dog", weight=-2), Words("dog"))),
        ('0.5:"red car" .5:"red car"', (Words("red car", phrase=True, weight=0.5),) * 2),
        ("100:dog 100.5:dog 999:dog", (Words("dog", weight=100), Words("100.5:dog"), Words("999:dog"))),
        ('"say ""cheese"""', (Words('say "cheese"', phrase=True),)),
        ('"never closed -dog', (Words("never closed -dog", phrase=True),)),
        ('"van gogh"-like', (Words("van gogh", phrase=True), Words("-like"))),
        ('5" well-known', (Words('5"'), Words("well-known"))),
        ("12:30 16:9 http://a.org/?b=c C:\\x", tuple(map(Words, ["12:30", "16:9", "http://a.org/?b=c", "C:\\x"]))),
        ("foo:bar note: 1900:fair i<3u", tuple(map(Words, ["foo:bar", "note:", "1900:fair", "i<3u"]))),
        ("2:\x85dog 3:\u3000", (Words("2:"), Words("dog"), Words("3:"))),
        ('- -- & ... "" \'', ()),
        (r"\tag:beach \-dog 2:\3d", (Words("tag:beach"), Words("-dog"), Words("3d", weight=2))),
        ("+photo:12 -photo:15", (Photo(12), Photo(15, weight=-1))),
        ('photo:"12" photo:a.jpg', (Photo("12"), Photo("a.jpg"))),
        ("photo:12[.1,.2,0.5,0.5]", (Photo(12, Region(0.1, 0.2, 0.5, 0.5)),)),
        ('photo:"a b.jpg"[0,0,1,.5] photo:IMG[1].jpg', (Photo("a b.jpg", Region(0, 0, 1, 0.5)), Photo("IMG[1].jpg"))),
        ("colour:Teal color:#F0a colour:teal@30%", (Colour("teal"), Colour("#ff00aa"), Colour("teal", 0.3))),
        ('colour:"dark teal@0.25" -style:Minimalist', (Colour("dark teal", 0.25), Style("Minimalist", -1))),
        ('#beach TAG:"san francisco" -tag:beach', (Tag("beach"), Tag("san francisco"), Tag("beach", -1))),
        ("exif:*= *:*=sanfrancisco", (Tag(MachineTagPattern("exif")), Tag(MachineTagPattern(value="sanfrancisco")))),
        ('dopplr:eat="a b"', (Tag(MachineTagPattern("dopplr", "eat", "a b")),)),
        ("-tag:photo:by=me", (Tag(MachineTagPattern("photo", "by", "me"), -1),)),
    ],
)
def test_terms_are_read(text: str, expected: tuple[object, ...]) -> None:
    assert parse(text).terms == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('folder:/a folder:"/b c"', Query(folder="/b c")),
        ("since:2019 until:2019-06", Query(since="2019", until="2019-06")),
        ("format:JPEG,png", Query(formats=("jpeg", "png"))),
        ("near:52.5,13.4 ", Query(near=Near((52.5, 13.4), 10))),
        ("near:-33.9,151.2,500m", Query(near=Near((-33.9, 151.2), 0.5))),
        ("near:photo:12,5km", Query(near=Near(12, 5))),
        ("on:06-24 season:Fall orientation:portrait", Query(on="06-24", season="autumn", orientation="portrait")),
        ("nsfw<0.5 quality>=.6 quality<0.9", Query(limits=(Limit("nsfw", None, 0.5), Limit("quality", 0.6, 0.9)))),
        ("dial:color=0.5 dial:composition=1", Query(dials=(Dial("colour", 0.5), Dial("composition", 1)))),
        ("order:time order:quality cut:yes", Query(order="quality", cut=True)),
        ("", Query()),
    ],
)
def test_filters_and_the_order_are_read(text: str, expected: Query) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "position", "told"),
    [
        ("near:here", 0, "near:52.5,13.4,10km"),
        ("dog near:52.5,13.4,far", 4, "'far' is no radius"),
        ("near:91,0", 0, "latitude -90 to 90"),
        ("near:photo:a,5km", 0, "'a' is no photo's id"),
        ("on:02-30", 0, "a day of the year such as 06-24"),
        ("since:yesterday", 0, "expected a time such as"),
        ("0:dog", 0, "A weight is 0.0"),
        ("red -season:summer", 4, "no minus"),
        ("2:order:time", 0, "no weight"),
        ("season:wet", 0, "spring, summer, autumn or winter"),
        ("nsfw<2", 0, "expected 0 to 1"),
        ("quality>high", 0, "'high' is not a number"),
        ("dial:size=1", 0, "the dials are content"),
        ("photo:0", 0, "photo:12"),
        ("photo:12[0,0,2,1]", 0, "shares of the photo"),
        ("colour:teal@0%", 0, "share of a colour"),
        ("colour:#12", 0, "#rrggbb"),
        ("cut:here", 0, "yes or no"),
        ("format:a/b", 0, "format:jpeg"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_place_and_an_example(text: str, position: int, told: str) -> None:
    with pytest.raises(QueryError, match=re.escape(told)) as refused:
        parse(text)
    assert refused.value.position == position


def test_what_a_check_refuses_is_refused_at_its_place() -> None:
    def check(term: Term) -> None:
        if isinstance(term, Colour):
            raise InvalidArgumentError(f"There is no colour {term.colour!r}.")

    assert parse("boat style:odd", check=check) == parse("boat style:odd")
    with pytest.raises(QueryError, match="`-colour:tael` at character 6: There is no colour 'tael'") as caught:
        parse("boat -colour:tael", check=check)
    assert caught.value.position == 5


def test_a_tag_may_be_punctuation_only() -> None:
    assert parse("#!!! ### - ...").terms == (Tag("!!!"),)
    assert print_query(Query(terms=(Tag("!!!"),))) == "#!!!"


def test_a_date_stands_for_its_day_of_every_year() -> None:
    assert parse("on:2019-06-24") == Query(on=" 06-24 ") == Query(on="2019-06-24")
    assert print_query(Query(on=" 06 ")) == "on:06"
    with pytest.raises(QueryError, match="or a date"):
        parse("on:2019-06-31")


def test_every_example_of_an_error_is_right() -> None:
    for key, (_, example) in KEYS.items():
        examples = [text for text in re.split(r", | or | \(", example) if text.startswith(f"{key}:")]
        assert examples
        assert all(parse(text) != Query() for text in examples)


def test_a_vector_has_no_words() -> None:
    query = Query(terms=(Words("dog"), Vector(np.ones(3))))
    assert query == Query(terms=query.terms)
    with pytest.raises(InvalidArgumentError, match="vector"):
        print_query(query)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Words("two words"),
        lambda: Words("nul\0"),
        lambda: Words("half \ud800", phrase=True),
        lambda: Words("dog", weight=0),
        lambda: Words("dog", weight=float("nan")),
        lambda: Query(order="size"),  # type: ignore[arg-type]
        lambda: Query(on="13"),
        lambda: Query(limits=(Limit("nsfw", 0.1), Limit("nsfw", 0.2))),
        lambda: Limit("size", 0.1),
        lambda: Limit("nsfw"),
        lambda: Photo(-1),
    ],
)
def test_a_query_that_cannot_be_is_not_made(wrong: object) -> None:
    with pytest.raises(InvalidArgumentError):
        wrong()  # type: ignore[operator]


def test_what_is_being_typed_is_the_last_item() -> None:
    assert last_item('2:dog -"red c') == (7, '"red c')
    assert last_item("dog ") == (4, "")
    assert last_item('tag:"san f') == (0, 'tag:"san f')


PAGE = (Path(__file__).parents[2] / "docs/reference/query.md").read_text()


def test_the_examples_of_the_page_run() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "query.md", "exec"), {})


def test_what_the_tables_of_the_page_show_is_read_as_what_it_is() -> None:
    shown = [text for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for text in re.findall(r"`([^`]+)`", row)]
    assert len(shown) > 30
    for text in shown:
        query = parse(text)
        assert parse(print_query(query)) == query
        plain = [term for term in query.terms if isinstance(term, Words) and not term.phrase]
        assert [term.text for term in plain] == (["dog"] if text == "dog" else []), text


def test_the_page_tells_every_key_measure_and_dial() -> None:
    names = [*(f"`{key}:" for key in KEYS), *(f"`{name}`" for name in (*list(MEASURES)[2:], *DIALS))]
    assert [name for name in names if name not in PAGE] == []


@given(st.text(max_size=40))
def test_what_the_language_suggests_goes_on_with_what_was_typed(item: str) -> None:
    for text, n_edits in suggest_keys(
        item, {"colour": ("teal", "sky blue"), "style": ("black and white", 'so "called"')}
    ):
        assert n_edits in (0, 1)
        assert text != item
        if text[-1] not in ":=<>":  # more than a beginning
            assert parse(text)


def test_the_language_suggests_its_keys_and_their_values() -> None:
    values = {"colour": ("teal", "tan", "navy"), "style": ("black and white", "minimalist")}
    assert suggest_keys("styl", values) == [("style:", 0)]
    assert suggest_keys("Style:B", values) == [('style:"black and white"', 0)]
    assert suggest_keys('style:"black an', values) == [('style:"black and white"', 0)]
    assert suggest_keys("colour:t", values) == [("colour:teal", 0), ("colour:tan", 0)]
    assert suggest_keys("color:tael", values)[0] == ("color:teal", 1)
    assert suggest_keys("colour:teal", values) == []
    assert suggest_keys("orient", values) == [("orientation:", 0)]
    assert suggest_keys("qual", values) == [("quality>", 0)]
    assert suggest_keys("s", values) == suggest_keys("", values) == suggest_keys("boat:x", values) == []


def test_a_query_is_written_item_by_item() -> None:
    query = parse('boat -"red car" 2:colour:teal@30% photo:12 exif:iso=100 #beach since:2019 nsfw<0.5 order:time')
    assert [item.kind for item in print_items(query)] == [
        *("word", "phrase", "colour", "photo", "machine tag", "tag", "filter", "filter", "ranking")
    ]
    assert " ".join(item.text for item in print_items(query)) == print_query(query)
