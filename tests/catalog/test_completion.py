"""Completion: what may follow on what is being typed, mistakes included."""

from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike.catalog import Catalog, Completion, MachineTagRow, MachineTags, TagRow, Tags
from lookalike.catalog.completion import count_anew, edits_to_prefixes
from lookalike.query import normalised, parse

from .conftest import PutPhoto


@pytest.fixture
def completion(tagged: Catalog, put_photo: PutPhoto) -> Completion:
    for number in range(1, 6):
        put_photo(number, text="Mountains and photography in Zürich")
    db = tagged.connection
    with tagged.transaction():
        Tags(db).put(TagRow(photo, "sanfrancisco", "San Francisco", "user") for photo in (1, 2, 3))
        Tags(db).put([TagRow(1, "sand", "sand", "user"), TagRow(2, "mountaineering", "mountaineering", "user")])
        MachineTags(db).put(
            MachineTagRow(photo, "exif", "model", f"canon{photo}", f'Canon "{photo}"', "file") for photo in (1, 2)
        )
        MachineTags(db).put(
            [
                MachineTagRow(1, "exif", "iso", "200", "200", "file"),
                MachineTagRow(1, "geo", "lat", "52.5", "52.5", "file"),
            ]
        )
        Completion(db).remember("mountains at dawn")
        Completion(db).remember("Mountains at dawn")
    return Completion(db)


def texts(completion: Completion, typed: str) -> list[str]:
    return [suggestion.text for suggestion in completion.suggest(typed, normalise=normalised)]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("mou", ["mountains", "Mountains at dawn", "mountaineering", "mountains at dawn"]),
        ("san", ["San Francisco", "sand"]),
        ("#san f", ["San Francisco", "sand"]),
        ("sand", ["sand", "and", "San Francisco"]),
        ("photograpy", ["photography"]),
        ("phtoography", ["photography"]),
        ("photogaphi", ["photography"]),
        ("zuri", ["zürich"]),
        ("ex", ["exif:"]),
        ("exif:", ["exif:model=", "exif:iso="]),
        ("exif:mo", ["exif:model="]),
        ("mod", ["exif:model="]),
        ("exif:model=can", ['exif:model="Canon ""1"""', 'exif:model="Canon ""2"""']),
        ('exif:model="canon 2', ['exif:model="Canon ""2"""']),
        ("canon", ['exif:model="Canon ""1"""', 'exif:model="Canon ""2"""']),
        ("52", []),
        ("xyzzy", []),
        ("sxd", []),
        ("", []),
        ("\0", []),
    ],
)
def test_what_is_typed_may_go_on_so(completion: Completion, typed: str, expected: list[str]) -> None:
    assert texts(completion, typed) == expected


def test_what_is_suggested_of_machine_tags_can_be_asked(completion: Completion) -> None:
    for suggestion in completion.suggest("exif:model=", normalise=normalised):
        (term,) = parse(suggestion.text).terms
        assert getattr(term, "tag", None) is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters()))
def test_nothing_that_is_typed_is_an_error(completion: Completion, typed: str) -> None:
    completion.suggest(typed, normalise=normalised)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["mountains", "photography", "San Francisco"]), st.data())
def test_one_mistake_anywhere_is_forgiven(completion: Completion, term: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(term) - 2))
    letter = data.draw(st.sampled_from("aeqz"))
    wrong = data.draw(
        st.sampled_from(
            [
                term[:at] + term[at + 1 :],
                term[:at] + letter + term[at + 1 :],
                term[:at] + letter + term[at:],
                term[:at] + term[at + 1] + term[at] + term[at + 2 :],
            ]
        )
    )
    assert term in texts(completion, wrong)


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("москва", "масква"),
        ("αθήνα", "αθηνα"),
        ("القاهرة", "الكاهرة"),
        ("हिन्दी", "हिन्धी"),
        ("גבעתיים", "גבאתיים"),
        ("żaba", "zaba"),
    ],
)
def test_one_mistake_is_forgiven_in_other_scripts(
    tagged: Catalog, completion: Completion, written: str, wrong: str
) -> None:
    with tagged.transaction():
        Tags(tagged.connection).put([TagRow(1, normalised(written), written, "user")])
    assert written in texts(completion, wrong)


def test_counts_follow_what_is_written_and_taken_off(tagged: Catalog, completion: Completion) -> None:
    db = tagged.connection
    before = db.execute("SELECT term, kind, head, n FROM vocabulary ORDER BY 1, 2, 3").fetchall()
    with tagged.transaction():
        count_anew(db)
    assert db.execute("SELECT term, kind, head, n FROM vocabulary ORDER BY 1, 2, 3").fetchall() == before
    with tagged.transaction():
        tagged.forget_text(range(1, 6))
        for photo in (1, 2, 3):
            Tags(db).remove(photo)
            MachineTags(db).remove(photo)
    assert db.execute("SELECT * FROM vocabulary").fetchall() == []


def test_letters_in_parts_are_composed(tagged: Catalog, completion: Completion, put_photo: PutPhoto) -> None:
    put_photo(50, text=unicodedata.normalize("NFD", "Лебединый"))
    assert texts(completion, "лебединый") == texts(completion, unicodedata.normalize("NFD", "лебединый"))
    assert texts(completion, unicodedata.normalize("NFD", "лебединый")) == ["лебединый"]
    with tagged.transaction():
        completion.remember(unicodedata.normalize("NFD", "서울의 봄"))
    assert texts(completion, "서울") == ["서울의 봄"]


def test_a_query_asked_often_comes_first(completion: Completion) -> None:
    completion.remember("mountains  at dawn")
    assert completion.suggest("mountains at")[0][:3] == ("query", "mountains at dawn", 2)
    assert [one.text for one in completion.suggest("mountains at")] == ["mountains at dawn", "Mountains at dawn"]


def test_what_is_longer_than_mistakes_are_forgiven_in_is_compared_to_its_end(completion: Completion) -> None:
    begin = "a landscape that is long enough for no mistake to be forgiven in it any more, "
    completion.remember(f"{begin}colour:teal")
    for typed, found in ((f"{begin}col", 1), (f"{begin}colour:red", 0), (f"{begin}kol", 0)):
        assert len(completion.suggest(typed, normalise=normalised)) == found, typed


def edits_by_definition(typed: str, term: str) -> int:
    """Count by the recursion that defines the distance."""

    def distance(one: str, other: str) -> int:
        if not one or not other:
            return len(one) + len(other)
        best = min(
            distance(one[:-1], other) + 1,
            distance(one, other[:-1]) + 1,
            distance(one[:-1], other[:-1]) + (one[-1] != other[-1]),
        )
        if len(one) > 1 and len(other) > 1 and one[-1] == other[-2] and one[-2] == other[-1]:
            best = min(best, distance(one[:-2], other[:-2]) + 1)
        return best

    return min(distance(typed, term[:end]) for end in range(len(term) + 1))


def test_edits_are_counted_as_defined() -> None:
    generator = random.Random(0)
    terms = sorted({"".join(generator.choices("abc", k=generator.randrange(6))) for _ in range(30)})
    for n_typed in (1, 2, 3, 4, 5):
        for _ in range(4):
            typed = "".join(generator.choices("abc", k=n_typed))
            expected = [min(edits_by_definition(typed, term), 3) for term in terms]
            assert list(edits_to_prefixes(typed, terms, 2)) == expected, typed
            assert list(edits_to_prefixes(typed, reversed(terms), 1)) == [min(n, 2) for n in reversed(expected)]


def test_of_too_many_queries_the_oldest_is_forgotten(completion: Completion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lookalike.catalog.completion._MAX_QUERIES", 2)
    for query in ("harbour one", "harbour two", "harbour one", "harbour three"):
        completion.remember(query)
    assert sorted(texts(completion, "harbour")) == ["harbour one", "harbour three"]
