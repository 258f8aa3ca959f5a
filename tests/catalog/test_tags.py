"""Tags and machine tags in the catalog: put, found by any of their parts, counted over the photos that are present."""

from __future__ import annotations

from contextlib import closing
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike.catalog import Catalog, MachineTagRow, MachineTags, TagRow, Tags
from lookalike.query import MachineTag, MachineTagPattern

from .conftest import PutPhoto

_EVENTS = ("INSERT", "UPDATE", "DELETE")


@pytest.fixture
def tags(tagged: Catalog, put_photo: PutPhoto) -> Tags:
    for number in (1, 2, 3):
        put_photo(number)
    tags = Tags(tagged.connection)
    with tagged.transaction():
        tags.put([TagRow(1, "beach", "Beach", "file"), TagRow(2, "beach", "beach", "auto", 0.4)])
        tags.put([TagRow(2, "sanfrancisco", "San Francisco", "user"), TagRow(3, "beacon", "beacon", "user")])
    return tags


def test_a_tag_finds_its_photos(tags: Tags) -> None:
    assert tags.photos("beach").tolist() == [1, 2]
    assert tags.photos("nothing").tolist() == []


def test_what_people_say_wins_over_files_and_guesses(tags: Tags) -> None:
    tags.put([TagRow(1, "beach", "guess", "auto", 0.3), TagRow(2, "beach", "BEACH", "user")])
    assert [tuple(row) for row in tags.of_photo(1)] == [(1, "beach", "Beach", "file", 1.0)]
    assert [row.raw for row in tags.of_photo(2)] == ["BEACH", "San Francisco"]


def test_tags_are_counted_over_photos_that_are_present(tagged: Catalog, tags: Tags) -> None:
    assert [(tag, n) for tag, _, n in tags.counts()] == [("beach", 2), ("beacon", 1), ("sanfrancisco", 1)]
    assert [tag for tag, _, _ in tags.counts(prefix="bea", limit=1, offset=1)] == ["beacon"]
    with tagged.transaction():
        tagged.mark_gone(["/p/1.jpg", "/p/3.jpg"])
    assert [(tag, n) for tag, _, n in tags.counts()] == [("beach", 1), ("sanfrancisco", 1)]
    assert tags.photos("beach").tolist() == [2]


def test_a_tag_is_written_whatever_its_origin_was(tags: Tags) -> None:
    tags.write(TagRow(3, "beacon", "Beacon", "auto", 0.25))
    assert tags.row(3, "beacon") == TagRow(3, "beacon", "Beacon", "auto", 0.25)
    assert tags.row(1, "beacon") is None


def test_tags_of_an_origin_are_taken_off(tags: Tags) -> None:
    assert tags.remove(2, origin="auto") == 1
    assert tags.remove(2, tag="sanfrancisco") == 1
    assert tags.remove(2) == 0


MACHINE = [
    (1, "dopplr", "eat", "San Francisco"),
    (1, "geo", "lat", "37.8"),
    (2, "dopplr", "sleep", "San Francisco"),
    (2, "exif", "model", "D70"),
    (3, "upcoming", "place", "san-francisco"),
    (3, "exif", "model", "D40"),
    (3, "exif", "iso", "200"),
]


def row(photo_id: int, namespace: str, predicate: str, value: str, raw: str) -> MachineTagRow:
    return MachineTagRow(photo_id, namespace, predicate, value, raw, "file")


def rows(parts: list[tuple[int, str, str, str]]) -> list[MachineTagRow]:
    found = []
    for photo_id, *names in parts:
        tag = MachineTag(*names)
        normal = tag.normalised
        found.append(row(photo_id, normal.namespace, normal.predicate, normal.value, tag.value))
    return found


@pytest.fixture
def machine_tags(tagged: Catalog, put_photo: PutPhoto) -> MachineTags:
    for number in (1, 2, 3):
        put_photo(number)
    machine_tags = MachineTags(tagged.connection)
    with tagged.transaction():
        machine_tags.put(rows(MACHINE))
    return machine_tags


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*:*=sanfrancisco", [1, 2, 3]),
        ("exif:*=", [2, 3]),
        ("dopplr:eat=", [1]),
        ("dopplr:*=SAN FRANCISCO", [1, 2]),
        ("*:model=d70", [2]),
        ("*:place=", [3]),
        ("exif:iso=100", []),
        ("*:*=", [1, 2, 3]),
    ],
)
def test_a_pattern_finds_photos(machine_tags: MachineTags, text: str, expected: list[int]) -> None:
    pattern = MachineTagPattern.parse(text)
    assert pattern is not None
    wanted = pattern.normalised
    found = machine_tags.photos(namespace=wanted.namespace, predicate=wanted.predicate, value=wanted.value)
    assert found.tolist() == expected


names = st.sampled_from(["a", "b"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from([1, 2, 3]), names, names, st.sampled_from(["x", "X!", "1.5"])), max_size=6),
    st.tuples(st.none() | names, st.none() | names, st.none() | st.sampled_from(["x", "15", "1.5"])),
)
def test_the_catalog_finds_what_the_pattern_matches(
    machine_tags: MachineTags, parts: list[tuple[int, str, str, str]], given_: tuple[str | None, str | None, str | None]
) -> None:
    for photo_id in (1, 2, 3):
        machine_tags.remove(photo_id)
    machine_tags.put(rows(parts))
    pattern = MachineTagPattern(*given_)
    expected = {photo_id for photo_id, *names in parts if pattern.matches(MachineTag(*names))}
    namespace, predicate, value = given_
    assert set(machine_tags.photos(namespace=namespace, predicate=predicate, value=value).tolist()) == expected


def test_every_pattern_is_answered_by_an_index(machine_tags: MachineTags, tagged: Catalog) -> None:
    seen = []
    tagged.connection.set_trace_callback(seen.append)
    for namespace, predicate, value in list(product(("exif", None), ("model", None), ("d70", None)))[:-1]:
        machine_tags.photos(namespace=namespace, predicate=predicate, value=value)
    tagged.connection.set_trace_callback(None)
    statements = [statement for statement in seen if "DISTINCT photo_id" in statement]
    assert len(statements) == 7
    for statement in statements:
        plan = [step[3] for step in tagged.connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert plan[0].startswith("SEARCH machine_tags USING COVERING INDEX"), (statement, plan)


def test_a_machine_tag_of_a_better_origin_stays_as_it_is_written(machine_tags: MachineTags) -> None:
    key = (3, "geo", "place", "pier7")
    for raw, origin, kept in (("Pier 7", "file", "Pier 7"), ("pier-7", "auto", "Pier 7"), ("PIER 7", "user", "PIER 7")):
        machine_tags.put([MachineTagRow(*key, raw, origin)])
        row = machine_tags.row(*key)
        assert row is not None
        assert row.raw == kept


def test_parts_are_listed_with_counts_of_photos_present(tagged: Catalog, machine_tags: MachineTags) -> None:
    assert [(count.namespace, count.n_photos) for count in machine_tags.namespaces()] == [
        ("dopplr", 2),
        ("exif", 2),
        ("geo", 1),
        ("upcoming", 1),
    ]
    assert [count.predicate for count in machine_tags.predicates(namespace="exif")] == ["model", "iso"]
    assert [count.namespace for count in machine_tags.namespaces(predicate="eat")] == ["dopplr"]
    pairs = machine_tags.pairs(limit=2)
    assert [(pair.namespace, pair.predicate, pair.n_photos) for pair in pairs] == [
        ("exif", "model", 2),
        ("dopplr", "eat", 1),
    ]
    assert [count.value for count in machine_tags.values(limit=1)] == ["sanfrancisco"]
    assert [count.raw for count in machine_tags.values(namespace="exif", predicate="model")] == ["D40", "D70"]
    with tagged.transaction():
        tagged.mark_gone(["/p/3.jpg"])
    assert [count.namespace for count in machine_tags.namespaces()] == ["dopplr", "exif", "geo"]
    assert machine_tags.photos(value="sanfrancisco").tolist() == [1, 2]


def test_recent_values_are_those_written_since(tagged: Catalog, machine_tags: MachineTags) -> None:
    tagged.connection.execute("UPDATE machine_tags SET added_at = '2020-01-01T00:00:00+00:00' WHERE photo_id < 3")
    recent = machine_tags.values(since="2021")
    assert {count.value for count in recent} == {"sanfrancisco", "d40", "200"}
    assert {count.n_photos for count in recent} == {1}
    (value, *_) = machine_tags.values()
    assert value.first_at == "2020-01-01T00:00:00+00:00"
    assert value.last_at > "2021"


def test_machine_tags_are_taken_off_by_part_and_origin(machine_tags: MachineTags) -> None:
    assert machine_tags.remove(3, namespace="exif", predicate="iso") == 1
    assert machine_tags.remove(3, origin="user") == 0
    assert [row.raw for row in machine_tags.of_photo(3)] == ["D40", "san-francisco"]
    assert machine_tags.remove(3) == 2


def test_what_changed_since_a_generation_is_told(tagged: Catalog, tags: Tags) -> None:
    before = tagged.generation
    assert tags.changed_since(before) == []
    assert sorted(tags.changed_since(0) or []) == [1, 2, 3]
    with tagged.transaction():
        tags.put([TagRow(2, "dog", "dog", "user")])
    with tagged.transaction():
        tags.reject(3, ["dog"])
    middle = tagged.generation
    with tagged.transaction():
        tags.remove(2, tag="dog")
        tags.unreject(3, ["nothing"])
    assert sorted(tags.changed_since(before) or []) == [2, 3]
    assert tags.changed_since(middle) == [2]
    with tagged.transaction():
        tags.write(TagRow(1, "beach", "The beach", "user"))
    assert sorted(tags.changed_since(middle) or []) == [1, 2]
    assert tags.changed_since(tagged.generation) == []


def test_changes_are_not_known_from_before_they_were_kept(tagged: Catalog, tags: Tags, tmp_path: Path) -> None:
    for name in ("tag_changes", *(f"{table}_{event}" for table in ("tags", "rejected_tags") for event in _EVENTS)):
        tagged.connection.execute(f"DROP {'TABLE' if name == 'tag_changes' else 'TRIGGER'} IF EXISTS {name}")
    with tagged.transaction():
        tags.put([TagRow(1, "dog", "dog", "user")])
    assert tags.changed_since(0) is None
    generation = tagged.generation
    with closing(Catalog(tmp_path / "tagged.sqlite", writable=True)) as later:
        with later.transaction():
            later.tags.put([TagRow(2, "dog", "dog", "user")])
        assert later.tags.changed_since(generation - 1) is None
        assert later.tags.changed_since(generation) == [2]


def test_tags_are_listed_of_some_photos_or_of_all(tags: Tags) -> None:
    tags.reject(1, ["dog"])
    tags.reject(3, ["dog"])
    assert [row[:2] for row in tags.said()] == [(1, "beach"), (2, "sanfrancisco"), (3, "beacon")]
    assert [row[:2] for row in tags.said([3, 1])] == [(1, "beach"), (3, "beacon")]
    assert tags.rejected([3, 2]) == [(3, "dog")]
    assert tags.spelling("sanfrancisco") == "San Francisco"
    assert tags.spelling("nothing") is None
