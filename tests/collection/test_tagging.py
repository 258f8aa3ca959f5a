"""Tags that people give: found by words and by tag, kept when files are read again, undone without a trace."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

import lookalike
from lookalike.catalog import Catalog
from lookalike.collection import TagChange, TagState
from lookalike.collection.locking import writing
from lookalike.collection.seen import RECIPE
from lookalike.collection.words import Words
from lookalike.errors import (
    CollectionLockedError,
    FormatError,
    InvalidArgumentError,
    UnknownPhotoError,
    UnknownTagError,
)
from lookalike.query import normalised

GOLDEN = Path(__file__).parent / "golden" / "version-3"


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[lookalike.Collection]:
    """Photos 1 to 6, and 7 whose file has gone; words are looked for in texts only."""
    path = shutil.copytree(GOLDEN, tmp_path / "photos.lookalike")
    monkeypatch.setattr(Words, "space", lambda _: None)
    with lookalike.Collection.open(path) as photos:
        yield photos


def found(photos: lookalike.Collection, query: str) -> list[int]:
    return sorted(hit.id for hit in photos.search(query))


def plain(photos: lookalike.Collection, photo: int) -> list[tuple[str, str]]:
    return [(tag.raw, tag.origin) for tag in photos.tags(photo) if ":" not in tag.tag]


def text(photos: lookalike.Collection) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    with closing(sqlite3.connect(photos.path / "catalog.sqlite")) as db:
        words = db.execute("SELECT * FROM photo_text ORDER BY rowid").fetchall()
        return words, db.execute("SELECT * FROM vocabulary WHERE kind <> 'query' ORDER BY 1, 2, 3").fetchall()


def test_a_tag_is_found_by_words_and_by_tag_and_undone_without_a_trace(photos: lookalike.Collection) -> None:
    before = text(photos), photos.tags(4)
    photos.tag([4, 5], "Old  Lighthouse", "dopplr:eat=Oslo")
    assert ("Old Lighthouse", "user") in plain(photos, 4)
    for query in ("lighthouse", "lighthouses", '"old lighthouse"', "tag:old-lighthouse", "dopplr:*=oslo"):
        assert found(photos, query) == [4, 5], query
    assert found(photos, "title") == [1, 2, 3, 4, 5, 6], "the other words stay"
    assert photos.untag([4, 5], "oldlighthouse", "DOPPLR:eat=oslo") == 4
    assert found(photos, "lighthouse") == []
    assert (text(photos), photos.tags(4)) == before


def test_tagging_twice_is_tagging_once(photos: lookalike.Collection) -> None:
    photos.tag(4, "pier")
    once = text(photos), photos.tags(4)
    photos.tag(4, "pier", "pier")
    assert (text(photos), photos.tags(4)) == once


def test_the_tags_of_several_photos_and_of_a_truth_value_are_refused(photos: lookalike.Collection) -> None:
    with pytest.raises(InvalidArgumentError, match="`photo` is several; expected one"):
        photos.tags([1, 2])  # type: ignore[arg-type]
    for ask in (photos.tags, photos.find, photos.untag, lambda photo: photos.search(photo=photo)):
        with pytest.raises(InvalidArgumentError, match="`photo` is True; expected an id"):
            ask(True)
    for tell in (photos.photo, photos.seen, photos.thumbnail, photos.file):
        with pytest.raises(UnknownPhotoError):
            tell(True)


def test_what_a_person_says_wins_over_the_file_and_stays_when_it_is_read_again(photos: lookalike.Collection) -> None:
    photos.tag(2, "flat colour", "mine")
    assert plain(photos, 2)[:3] == [("Barn Door", "user"), ("flat colour", "user"), ("mine", "user")]
    with closing(Catalog(photos.path / "catalog.sqlite", writable=True)) as catalog, catalog.transaction():
        catalog.write_text(2, "Other", ("", "fresh", ""))
        catalog.write_file_tags(2, [("fresh", "fresh")], [])
    assert found(photos, "mine") == [2]
    assert found(photos, "fresh") == [2]
    assert [tag for tag, origin in plain(photos, 2) if origin == "user"] == ["Barn Door", "flat colour", "mine"]


def test_a_tag_is_renamed_on_every_photo(photos: lookalike.Collection) -> None:
    assert photos.rename_tag("barn door", "Gate").n_tagged == 2
    assert found(photos, "tag:gate") == found(photos, "gate") == [1, 2]
    assert found(photos, "barn") == []
    assert photos.rejected_tags() == [(3, "flatnonsense"), (3, "gate")]
    assert photos.rename_tag("dopplr:eat=sanfrancisco", "dopplr:eat=Oslo").n_tagged == 1
    assert found(photos, "dopplr:eat=oslo") == [1]
    with pytest.raises(UnknownTagError, match="No photo has the tag 'barn door'"):
        photos.rename_tag("barn door", "x")
    with pytest.raises(InvalidArgumentError, match="both be machine tags"):
        photos.rename_tag("gate", "a:b=c")


def test_a_keyword_of_a_file_that_was_taken_off_is_not_found_by_words(photos: lookalike.Collection) -> None:
    before = text(photos)
    everywhere = found(photos, "colour")
    assert len(everywhere) == 6
    edit = photos.change_tags(TagChange([4], remove=["flat colour"]))
    assert found(photos, "colour") == [photo_id for photo_id in everywhere if photo_id != 4]
    assert found(photos, "title") == everywhere, "the other words stay"
    with closing(sqlite3.connect(photos.path / "catalog.sqlite")) as db:
        db.execute("DELETE FROM photo_text WHERE rowid = 4")
        db.commit()
    lookalike.Collection.repair(photos.path)
    assert 4 not in found(photos, "colour")
    photos.restore_tags(edit.undo)
    assert text(photos)[0] == before[0]
    photos.rename_tag("flat colour", "Plain")
    assert (found(photos, "colour"), found(photos, "plain")) == ([], everywhere)


def test_tags_are_counted_over_photos_that_are_present(photos: lookalike.Collection) -> None:
    assert [(each.raw, each.n_photos) for each in photos.tag_counts(limit=2)] == [("Flat Colour", 6), ("Barn Door", 2)]
    assert [each.tag for each in photos.tag_counts("Number")] == [f"number{i}" for i in range(6)]
    assert photos.tag_counts("nothing") == []
    assert photos.photos_tagged("Barn-Door").tolist() == [1, 2]
    assert photos.photos_tagged("dopplr:*=").tolist() == [1]
    assert (1, "barndoor", "Barn Door") in photos.said_tags()


def test_tags_are_rejected_for_all_photos_given(photos: lookalike.Collection) -> None:
    photos.reject_tags([1, 2, 5], "zzz")
    assert [photo for photo, tag in photos.rejected_tags() if tag == "zzz"] == [1, 2, 5]
    photos.tag([1, 2, 5], "zzz")
    photos.untag([1, 2, 5], "zzz")


def test_rejected_is_undone_by_tagging(photos: lookalike.Collection) -> None:
    photos.reject_tags(4, "Boat")
    assert photos.rejected_tags(4) == [(4, "boat")]
    photos.tag(4, "boat")
    assert photos.rejected_tags(4) == []
    with pytest.raises(InvalidArgumentError, match="Take it off instead"):
        photos.reject_tags(4, "boat")
    with pytest.raises(InvalidArgumentError, match="never suggested"):
        photos.reject_tags(4, "a:b=c")


@pytest.mark.parametrize(
    ("pattern", "what", "kind", "first"),
    [
        (None, None, "namespaces", "geo"),
        ("geo:*=", None, "predicates", "lat"),
        ("geo:lat=", None, "values", "52.5"),
        ("*:*=sanfrancisco", None, "pairs", "dopplr"),
        (None, "pairs", "pairs", "geo"),
        ("*:lat=", "namespaces", "namespaces", "geo"),
    ],
)
def test_machine_tags_are_listed_by_what_the_pattern_leaves_open(
    photos: lookalike.Collection, pattern: str | None, what: str | None, kind: str, first: str
) -> None:
    listed, rows = photos.machine_tag_list(pattern, what=what)  # type: ignore[arg-type]
    assert listed == kind
    assert first in {rows[0].namespace, rows[0].predicate, rows[0].value}
    assert photos.machine_tag_list(pattern, what=what, since="2999")[1] == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "what"), [("geo", None), ("geo:*=", "namespaces"), ("*:lat=", "predicates"), ("a:b=c", "values")]
)
def test_lists_that_there_are_not_are_refused(photos: lookalike.Collection, pattern: str, what: str | None) -> None:
    with pytest.raises(InvalidArgumentError):
        photos.machine_tag_list(pattern, what=what)  # type: ignore[arg-type]


@pytest.mark.parametrize("tag", ["", "  ", "\0", "x" * 501, "a\ud800"])
def test_what_cannot_be_a_tag_is_refused(photos: lookalike.Collection, tag: str) -> None:
    with pytest.raises(InvalidArgumentError):
        photos.tag(1, "fine", tag)
    assert "fine" not in [each.raw for each in photos.tags(1)]


def test_photos_that_are_not_there_are_told(photos: lookalike.Collection, tmp_path: Path) -> None:
    with pytest.raises(UnknownPhotoError):
        photos.tag(99, "x")
    (tmp_path / "other.jpg").write_bytes(b"x")
    with pytest.raises(UnknownPhotoError, match="lookalike add"):
        photos.tag([1, str(tmp_path / "other.jpg")], "x")
    assert "x" not in [each.raw for each in photos.tags(1)]


def test_a_relative_path_is_that_of_when_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(GOLDEN, tmp_path / "photos.lookalike")
    (tmp_path / "elsewhere" / "photos.lookalike").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with lookalike.Collection.open("photos.lookalike") as photos:
        monkeypatch.chdir(tmp_path / "elsewhere")
        photos.tag(4, "pier")
        assert found(photos, "tag:pier") == [4]
        assert photos.search(photo=1, k=3).hits
    assert not list((tmp_path / "elsewhere" / "photos.lookalike").iterdir())


def test_tagging_makes_no_new_catalog(photos: lookalike.Collection) -> None:
    (photos.path / "catalog.sqlite").rename(photos.path / "taken.sqlite")
    with pytest.raises(FormatError, match="is missing"):
        photos.tag(4, "pier")
    assert not (photos.path / "catalog.sqlite").exists()


def test_while_another_process_writes_tagging_says_so(
    photos: lookalike.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.collection.locking._WAIT_SECONDS", 0.1)
    with writing(photos.path), pytest.raises(CollectionLockedError):
        photos.tag(1, "x")


def test_a_change_of_many_photos_is_undone_and_done_again(photos: lookalike.Collection) -> None:
    before = text(photos), [photos.tags(photo) for photo in photos.ids()], photos.rejected_tags()
    edit = photos.change_tags(
        TagChange(photos.ids(), add=["Old Pier", "dopplr:eat=Oslo"], remove=["flat colour"]),
        TagChange([4, 5], accept=["boat"], reject=["barn door"]),
    )
    assert (edit.n_photos, edit.n_tagged) == (6, 6)
    after = text(photos), [photos.tags(photo) for photo in photos.ids()], photos.rejected_tags()
    again = photos.restore_tags(edit.undo)
    assert (text(photos), [photos.tags(photo) for photo in photos.ids()], photos.rejected_tags()) == before
    photos.restore_tags(again.undo)
    assert (text(photos), [photos.tags(photo) for photo in photos.ids()], photos.rejected_tags()) == after
    assert photos.change_tags().differences == ()
    with pytest.raises(InvalidArgumentError, match="integers"):
        photos.change_tags(TagChange(["IMG_1.jpg"], add=["x"]))  # type: ignore[list-item]


@pytest.mark.parametrize("kind", ["add", "remove", "accept", "reject"])
def test_a_text_is_no_list_of_tags(photos: lookalike.Collection, kind: str) -> None:
    for given in ("abc", b"abc", None, 5):
        with pytest.raises(InvalidArgumentError, match=rf"`{kind}` is .*; expected a list"):
            photos.change_tags(TagChange([1], **{kind: given}))  # type: ignore[arg-type]


def test_what_is_put_back_is_as_old_as_it_was(photos: lookalike.Collection) -> None:
    photos.tag([1, 2], "dopplr:eat=Oslo")
    with closing(sqlite3.connect(photos.path / "catalog.sqlite")) as db:
        db.execute("UPDATE machine_tags SET added_at = '2020-01-0' || photo_id || 'T00:00:00+00:00'")
        db.commit()
    assert not photos.change_tags(TagChange([1, 2], add=["dopplr:eat=Oslo"])).differences, "it is there"
    edit = photos.change_tags(TagChange([1, 2], remove=["dopplr:eat=oslo"]))
    assert [each.photos for each in edit.differences] == [(1, 2)]
    again = photos.restore_tags(edit.undo)
    assert photos.machine_tag_list("dopplr:eat=", since="2021") == ("values", [])
    (oslo,) = (each for each in photos.machine_tag_list("dopplr:eat=")[1] if each.value == "oslo")
    assert (oslo.first_at[:10], oslo.last_at[:10]) == ("2020-01-01", "2020-01-02")
    assert photos.restore_tags(again.undo).undo == edit.undo
    before = [TagState(each.tag, each.photos, each.raw) for each in edit.undo]
    photos.restore_tags(before)
    ((_, (new,)),) = [photos.machine_tag_list("dopplr:eat=", since="2021")]
    assert (new.value, new.n_photos) == ("oslo", 2), "an undo of before times were kept is read"
    with pytest.raises(InvalidArgumentError, match="`added_at`"):
        photos.restore_tags([TagState("dopplr:eat=oslo", (1,), "dopplr:eat=Oslo", added_at="yesterday")])


@pytest.mark.parametrize("photo", [0, -1, 2**63, 10**30])
def test_ids_beyond_those_of_a_catalog_are_unknown(photos: lookalike.Collection, photo: int) -> None:
    for ask in (
        lambda: photos.change_tags(TagChange([photo], add=["x"])),
        lambda: photos.restore_tags([TagState("x", (photo,))]),
    ):
        with pytest.raises(UnknownPhotoError, match="nothing was changed"):
            ask()
    assert photos.photos([photo, 1]) == photos.photos([1])


@pytest.mark.parametrize("number", [-1, 2**31, 10**20, 1.5, None])
def test_lists_of_a_length_that_cannot_be_are_refused(photos: lookalike.Collection, number: object) -> None:
    for ask in (photos.tag_counts, photos.machine_tag_list):
        for name in ("limit", "offset"):
            with pytest.raises(InvalidArgumentError, match=f"`{name}` is"):
                ask(**{name: number})


def test_what_is_no_state_of_a_tag_is_refused(photos: lookalike.Collection) -> None:
    for given in (None, [1], "x", [TagChange([1])]):
        with pytest.raises(InvalidArgumentError, match="expected a list of `TagState`"):
            photos.restore_tags(given)  # type: ignore[arg-type]


def test_a_tag_that_is_given_cannot_be_rejected(photos: lookalike.Collection) -> None:
    with pytest.raises(InvalidArgumentError, match="Choose one"):
        photos.restore_tags([TagState("x", (4,), raw="x", rejected=True)])
    assert ("x", "user") not in plain(photos, 4)


@pytest.mark.parametrize("gives", ["add", "accept"])
@pytest.mark.parametrize("takes", ["remove", "reject"])
def test_a_change_cannot_give_a_tag_and_take_it(photos: lookalike.Collection, gives: str, takes: str) -> None:
    with pytest.raises(InvalidArgumentError, match="Choose one"):
        photos.change_tags(TagChange([4], add=["y"]), TagChange([4], **{gives: ["Pier"], takes: ["pier"]}))
    assert not {"y", "Pier"} & {raw for raw, _ in plain(photos, 4)}
    with pytest.raises(InvalidArgumentError, match="never suggested"):
        photos.change_tags(TagChange([4], reject=["dopplr:eat=oslo"]))


def test_what_a_file_says_of_a_rejected_tag_is_put_back(photos: lookalike.Collection) -> None:
    state = TagState("x", (4,), raw="X", origin="file", rejected=True)
    photos.restore_tags([state])
    photos.restore_tags(photos.change_tags(TagChange([4], remove=["x"])).undo)
    assert ("X", "file") in plain(photos, 4)
    assert (4, "x") in photos.rejected_tags()


def test_characters_that_turn_the_direction_are_no_part_of_a_tag(photos: lookalike.Collection) -> None:
    photos.tag(4, "\u202eOld \u2066Pier\u2069", "dopplr:eat=\u202dOslo\u202c")
    assert ("Old Pier", "user") in plain(photos, 4)
    assert "dopplr:eat=Oslo" in [tag.raw for tag in photos.tags(4)]
    with pytest.raises(InvalidArgumentError, match="that can be shown"):
        photos.tag(4, "\u202e\u2069")
    family = "\U0001f468\u200d\U0001f469"  # joined by a character that is not seen either
    photos.tag(4, family)
    assert (family, "user") in plain(photos, 4)


def test_tags_are_changed_while_this_process_adds_photos(demo_photos: Path, tmp_path: Path) -> None:
    shown = sorted(demo_photos.glob("*/*.webp"))[:24]
    with lookalike.Collection.open(tmp_path / "photos.lookalike", encoder="efficientnet-lite0") as photos:
        photos.add(*shown[:2], n_workers=1)
        tagged = []

        def tag(now: lookalike.AddProgress) -> None:
            tagged.append(f"at {now.state} {len(tagged)}")
            photos.tag(1, tagged[-1])

        assert photos.add(*shown, n_workers=1, progress=tag).added == 22
        assert len(tagged) > 2
        assert [each.raw for each in photos.tags(1) if each.origin == "user"] == sorted(tagged, key=normalised)
        assert sorted(hit.id for hit in photos.search("tag:at-counting-0")) == [1]
        assert len(photos.search(photo=1, k=100)) == 23
    assert not lookalike.Collection.verify(tmp_path / "photos.lookalike").problems


def test_damage_of_what_is_seen_and_of_tags_is_found_and_mended(photos: lookalike.Collection) -> None:
    with closing(sqlite3.connect(photos.path / "catalog.sqlite")) as db:
        db.execute("UPDATE seen SET recipe = ?, palette = x'00' WHERE photo_id = 2", (RECIPE,))
        db.execute("DELETE FROM seen WHERE photo_id = 3")
        db.execute("INSERT INTO tags VALUES (99, 'a', 'a', 'user', 1)")
        db.execute("INSERT INTO rejected_tags VALUES (98, 'a', '')")
        db.commit()
    said = [str(each) for each in lookalike.Collection.verify(photos.path).problems]
    assert "seen: photo 2 has figures of what is seen in it that are damaged; `lookalike add` looks again." in said
    assert "files: 2 photos, the first 98, have files, embeddings or tags, but no record." in said
    assert photos.search("colour:red")[0].id == 1
    assert len(photos.search("colour:red", photo=2)) == 5, "damage stops no search"
    report = lookalike.Collection.repair(photos.path)
    assert {each.place for each in report.problems} == {"thumbnails"}
    assert {"seen", "files"} <= {each.place for each in report.mended}
    with closing(sqlite3.connect(photos.path / "catalog.sqlite")) as db:
        assert db.execute("SELECT photo_id FROM seen ORDER BY 1").fetchall() == [(1,), (4,), (5,), (6,), (7,)]


def test_a_sign_that_is_a_tag_is_found_as_a_word_and_completed(photos: lookalike.Collection) -> None:
    photos.tag([1, 3], "😀")
    photos.tag(2, "National Museum")
    assert found(photos, "😀") == [1, 3]
    assert [one.text for one in photos.suggest("tag:nat")] == ["National Museum"]
    assert [one.text for one in photos.suggest("#nat")] == ["National Museum"]
    assert [one.text for one in photos.suggest('2 -tag:"national m')] == ["National Museum"]


def test_nobody_waits_for_those_who_read(photos: lookalike.Collection) -> None:
    taggers = [ThreadPoolExecutor(1) for _ in range(3)]
    with closing(sqlite3.connect(photos.path / "catalog.sqlite", isolation_level=None)) as db:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM photos").fetchone()
        said = [each.submit(photos.tag, 1, f"tag {number}") for number, each in enumerate(taggers)]
        for each in said:  # one that waits for the reader would lock the others out
            each.result()
    for each in taggers:
        each.shutdown()
    assert {raw for raw, _ in plain(photos, 1)} >= {"tag 0", "tag 1", "tag 2"}
