"""Queries of several parts on the demo's photos, against a naive implementation."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import lookalike
from lookalike.appearance import colour_named, palette_scores
from lookalike.catalog import FileRecord, NewPhoto
from lookalike.collection.columns import ColumnsView
from lookalike.collection.ranking import COLOURS, DOUBT_OF_LOOKS, SUBTRACTED, Part, fused, photo_calibration
from lookalike.collection.seen import EMPTY, RECIPE
from lookalike.collection.writing import PhotoWriter


@pytest.fixture(scope="module")
def photos(demo_collection: Path) -> Iterator[lookalike.Collection]:
    with lookalike.Collection.open(demo_collection) as opened:
        yield opened


def test_results_equal_exact_scoring_by_a_naive_implementation(photos: lookalike.Collection) -> None:
    ids = photos.ids()
    embeddings = photos.embeddings(ids)
    columns = ColumnsView(photos._catalog).current()
    calibration = photo_calibration(photos.settings.card)
    assert calibration is not None
    assert columns.ids.tolist() == ids.tolist()
    colour = COLOURS(palette_scores(columns.palettes, [[*colour_named("teal"), 1.0]]))
    for wanted, unwanted in ((0, 7), (30, 90), (120, 3)):
        parts = [
            Part("wanted", 2.0, calibration(embeddings @ embeddings[wanted])),
            Part("unwanted", -SUBTRACTED, calibration(embeddings @ embeddings[unwanted])),
            Part("colour", 1.0, colour, DOUBT_OF_LOOKS),
        ]
        scores = fused(parts, len(ids))
        scores[[wanted, unwanted]] = -1
        hits = photos.search(f"2:photo:{ids[wanted]} -photo:{ids[unwanted]} colour:teal", k=20)
        np.testing.assert_allclose([hit.score for hit in hits], -np.sort(-scores)[:20], atol=1e-4)
        assert all(abs(scores[np.searchsorted(ids, hit.id)] - hit.score) < 1e-4 for hit in hits)


def test_pages_join_to_the_whole(photos: lookalike.Collection) -> None:
    query = f"photo:{photos.ids()[5]} flowers colour:red"
    whole = [hit.id for hit in photos.search(query, k=40)]
    pages = [hit.id for start in range(0, 40, 8) for hit in photos.search(query, k=8, offset=start)]
    assert pages == whole


@pytest.mark.parametrize("n_unwanted", [1, 2])
def test_photos_that_are_only_subtracted_rank_all_by_unlikeness_and_pages_join(
    photos: lookalike.Collection, n_unwanted: int
) -> None:
    ids = photos.ids()
    unwanted = ids[[12, 40][:n_unwanted]]
    query = " ".join(f"-photo:{photo_id}" for photo_id in unwanted)
    whole = [hit.id for hit in photos.search(query, k=len(ids))]
    assert sorted([*whole, *unwanted.tolist()]) == ids.tolist()
    assert [hit.id for start in range(0, len(ids), 20) for hit in photos.search(query, k=20, offset=start)] == whole
    if n_unwanted == 1:
        cosines = photos.embeddings(np.array(whole)) @ photos.embeddings(unwanted)[0]
        assert (np.diff(cosines) > -1e-3).all()


def test_a_photo_is_never_among_its_own_hits_and_hits_are_told_once(photos: lookalike.Collection) -> None:
    one, two = photos.ids()[[3, 40]].tolist()
    for query in (f"photo:{one}", f"photo:{one} photo:{two}", f"photo:{one} -photo:{two}", f"photo:{one} flowers"):
        found = [hit.id for hit in photos.search(query, k=200)]
        assert one not in found
        assert len(found) == len(set(found))


def test_no_part_is_lost_though_several_have_one_name(photos: lookalike.Collection) -> None:
    one = f"photo:{photos.ids()[12]}"
    for query, names in (
        (f"{one} -{one} colour:teal", [one, f"{one} (2)", "colour"]),
        (f"{one} {one}[0,0,0.5,0.5] {one}[0,0,1,1]", [one, f"{one} (2)", f"{one} (3)"]),
        (f"{one} -colour:red -2:colour:red", ["photo", "-colour:red", "-colour:red (2)"]),
        (f"dial:colour=1 {one} 2:{one}", [one, f"{one} (2)", f"colours of {one}", f"colours of {one} (2)"]),
    ):
        assert list(photos.search(query, k=1)[0].parts) == names


def test_limits_hold_for_every_hit(photos: lookalike.Collection) -> None:
    columns = ColumnsView(photos._catalog).current()
    sharp = dict(zip(columns.ids.tolist(), columns.measure("sharpness").tolist(), strict=True))
    middle = float(np.median(list(sharp.values())))
    hits = photos.search(f"photo:{photos.ids()[0]} sharpness>{middle:.3f}", k=200)
    assert 0 < len(hits) < len(sharp)
    assert all(sharp[hit.id] >= round(middle, 3) - 1e-6 for hit in hits)


def test_what_is_subtracted_is_found_later(photos: lookalike.Collection) -> None:
    one = int(photos.ids()[10])
    plain = [hit.id for hit in photos.search(photo=one, k=200)]
    unwanted = plain[1]
    near = photos.search(photo=unwanted, k=1)[0].id
    if near == one:
        near = photos.search(photo=unwanted, k=2)[1].id
    without = [hit.id for hit in photos.search(f"photo:{one} -photo:{unwanted}", k=200)]
    assert unwanted not in without
    assert without.index(near) >= [each for each in plain if each != unwanted].index(near)


def test_photos_whose_texts_hold_the_words_come_first(photos: lookalike.Collection) -> None:
    holding = {photo_id for photo_id, _ in photos._catalog.search_words("moon", 200)}
    first = [hit.id for hit in photos.search(words="moon", k=len(holding))]
    assert set(first) == holding


def test_quotes_in_words_and_phrases_do_not_break_them(tmp_path: Path) -> None:
    lookalike.Collection.open(tmp_path / "x.lookalike").close()
    with PhotoWriter(tmp_path / "x.lookalike", 1280, background=False) as writer, writer.transaction():
        for number, caption in enumerate(
            ("we say cheese now", 'say "cheese" now', "now cheese, they say", "cheeseboard")
        ):
            photo = replace(a_photo(number), text=(caption, "", ""))
            writer.catalog.put(FileRecord(f"/{number}.jpg", 1, 1, None), photo)
    with lookalike.Collection.open(tmp_path / "x.lookalike") as photos:
        for query, found in (
            ('"say ""cheese"" now"', {1, 2}),
            ('\\"cheese "they say"', {3}),
            ('"""cheese"""', {1, 2, 3}),
        ):
            likely = {hit.id for hit in photos.search(query, k=9) if hit.score > 0.9}
            assert likely == found, query


def test_words_of_which_no_piece_is_known_find_nothing(photos: lookalike.Collection) -> None:
    assert len(photos.search("🦄", k=200)) == 0
    assert len(photos.search("🦄 cut:yes", k=200)) == 0


def test_vectors_by_id_are_those_compared_and_nan_where_there_is_none(photos: lookalike.Collection) -> None:
    state = photos._vectors.state()
    ids = np.append(photos.ids()[::11], 10**9)
    vectors = state.vectors(ids)
    np.testing.assert_allclose(vectors[:-1], photos.embeddings(ids[:-1]), atol=1e-3)
    assert np.isnan(vectors[-1]).all()


def a_photo(number: int, taken_at: str | None = None, embedding: NDArray[np.float32] | None = None) -> NewPhoto:
    return NewPhoto(
        sha256=f"{number:064x}",
        format="jpeg",
        bytes=1,
        width=1,
        height=1,
        taken_at=taken_at,
        title=None,
        facts="{}",
        text=("", "", ""),
        embedding=np.eye(1, 1280, number, dtype=np.float32)[0] if embedding is None else embedding,
        seen=(RECIPE, *EMPTY.to_row()),
    )


def test_columns_follow_commits(tmp_path: Path) -> None:
    lookalike.Collection.open(tmp_path / "x.lookalike").close()
    with PhotoWriter(tmp_path / "x.lookalike", 1280, background=False) as writer:
        view = ColumnsView(writer.catalog)
        for number in range(3):
            before = view.current()
            with writer.transaction():
                writer.catalog.put(FileRecord(f"/{number}.jpg", 1, number, None), a_photo(number))
            now = view.current()
            assert (len(before), len(now)) == (number, number + 1)
            assert before.begin(now)
            assert now.rows_of(np.array([number + 1, number + 2])).tolist() == [number, -1]


def test_dials_say_nothing_where_no_photo_was_looked_at(photos: lookalike.Collection, tmp_path: Path) -> None:
    outside = photos.read(photos.file(int(photos.ids()[0])))
    lookalike.Collection.open(tmp_path / "x.lookalike").close()
    with lookalike.Collection.open(tmp_path / "x.lookalike") as empty:
        assert len(empty.search("dial:colour=1", photo=outside)) == 0
        assert len(empty.search("dial:composition=1", photo=outside)) == 0
    with PhotoWriter(tmp_path / "x.lookalike", 1280, background=False) as writer, writer.transaction():
        photo = replace(a_photo(1, embedding=outside.embedding), seen=None)
        writer.catalog.put(FileRecord("/1.jpg", 1, 1, None), photo)
    with lookalike.Collection.open(tmp_path / "x.lookalike") as unseen:
        assert [hit.id for hit in unseen.search("dial:colour=1 dial:composition=1", photo=outside)] == [1]


@pytest.fixture(scope="module")
def bursts(demo_collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lookalike.Collection]:
    """The demo, and beside eight of its photos twelve each that are nearly the same; every photo has a date."""
    path = shutil.copytree(demo_collection, tmp_path_factory.mktemp("bursts") / "photos.lookalike")
    rng = np.random.default_rng(0)
    with lookalike.Collection.open(path) as photos:
        ids = photos.ids()[::20]
        embeddings = photos.raw_embeddings(ids)
    with PhotoWriter(path, 1280, background=False) as writer, writer.transaction():
        for number in range(12 * len(ids)):
            near = embeddings[number // 12] + rng.normal(0, 0.001, 1280)
            photo = a_photo(number, f"20{rng.integers(10, 30)}-05-05T00:00:00", near / np.linalg.norm(near))
            writer.catalog.put(FileRecord(f"/burst/{number}.jpg", 1, 1, None), photo)
    with lookalike.Collection.open(path) as photos:
        yield photos


@pytest.mark.parametrize(
    "asked",
    ["photo:{}", "photo:{} cut:yes", "photo:{} order:time", "photo:{} order:quality", "photo:{} pottery order:quality"],
)
@pytest.mark.parametrize("distinct", [False, True])
def test_pages_of_judged_ordered_and_distinct_lists_join_to_the_whole(
    bursts: lookalike.Collection, asked: str, distinct: bool
) -> None:
    for number in (0, 3, 40):
        query = asked.format(bursts.ids()[number])
        whole = bursts.search(query, k=1000, distinct=distinct)
        for k in (3, 7):
            hits, goods, start = [], set(), 0
            while True:
                page = bursts.search(query, k=k, offset=start, distinct=distinct)
                hits += [(hit.id, hit.score, hit.others) for hit in page]
                goods.add(page.n_good)
                if not page.has_more:
                    break
                start += k
            assert hits == [(hit.id, hit.score, hit.others) for hit in whole]
            assert goods == {whole.n_good}
        if "cut" in query and not distinct:
            assert len(whole) == whole.n_good
        if asked == "photo:{}" and distinct:
            assert len(whole) + sum(len(hit.others) for hit in whole) == len(bursts) - 1


def test_behind_many_copies_it_is_looked_for_more(
    bursts: lookalike.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = f"photo:{bursts.ids()[0]}"  # its twelve copies are nearest
    expected = [hit.id for hit in bursts.search(query, k=3, distinct=True)]
    monkeypatch.setattr("lookalike.collection.query_search._LOOKED_THROUGH", 1)
    found = bursts.search(query, k=3, distinct=True)
    assert [hit.id for hit in found] == expected
    assert len(found.hits[0].others) == 11


@pytest.mark.parametrize("query", ["order:time", "on:05-05 cut:yes", "format:jpeg order:quality", "-pottery cut:yes"])
def test_nothing_is_cut_off_where_nothing_is_asked_of_what_photos_show(
    bursts: lookalike.Collection, query: str
) -> None:
    hits = bursts.search(query, k=1000)
    plain = bursts.search(query.replace("cut:yes", "").replace("order:time", "").replace("order:quality", ""), k=1000)
    assert hits.n_good is None
    assert {hit.id for hit in hits} == {hit.id for hit in plain}


def test_limits_that_are_asked_again_follow_commits(tmp_path: Path) -> None:
    lookalike.Collection.open(tmp_path / "x.lookalike").close()
    with (
        PhotoWriter(tmp_path / "x.lookalike", 1280, background=False) as writer,
        lookalike.Collection.open(tmp_path / "x.lookalike") as photos,
    ):
        for number, year in enumerate((2018, 2019, 2021, 2020, 2022)):
            with writer.transaction():
                writer.catalog.put(FileRecord(f"/{number}.jpg", 1, 1, None), a_photo(number, f"{year}-05-05T00:00:00"))
            for _ in range(2):
                assert len(photos.search("since:2020")) == [0, 0, 1, 2, 3][number]
        with writer.transaction():  # read again: the camera's clock was wrong
            writer.catalog.put(FileRecord("/0.jpg", 1, 2, None), a_photo(0, "2023-05-05T00:00:00"))
        assert len(photos.search("since:2020")) == 4


def test_photos_that_have_gone_are_counted_nowhere(demo_collection: Path, tmp_path: Path) -> None:
    path = shutil.copytree(demo_collection, tmp_path / "photos.lookalike")
    with lookalike.Collection.open(path) as photos:
        ids, gone = photos.ids(), str(photos.file(int(photos.ids()[5])))
        photos.tag([int(photo_id) for photo_id in ids], "every")
        with PhotoWriter(path, 1280, background=False) as writer, writer.transaction():
            writer.catalog.mark_gone([gone])
        for query in ("", "#every", "-#none", "orientation:portrait", "nsfw>0"):
            asked = photos.search(f"photo:{ids[0]} {query}", k=1000).stats.n_photos
            assert asked == (len(photos.search(query, k=1000)) if query else len(ids) - 1), query


def test_a_word_that_is_a_tag_finds_photos_that_look_like_those_that_have_it(
    demo_collection: Path, tmp_path: Path
) -> None:
    with lookalike.Collection.open(shutil.copytree(demo_collection, tmp_path / "photos.lookalike")) as photos:
        groups: dict[str, list[int]] = {}
        for record in photos.photos_after(0, 1000):
            groups.setdefault(Path(record.path).parent.name, []).append(record.id)
        words = {name: f"zq{'abcdefghijklmnop'[number]}x" for number, name in enumerate(sorted(groups))}
        pottery = "nmk-ancient-pottery-collection"
        photos.tag(groups[pottery][:4], words[pottery])
        assert {hit.id for hit in photos.search(words[pottery], k=100)} == set(groups[pottery][:4])  # four are too few
        for name, ids in groups.items():
            photos.tag(ids[:5], words[name])
        precisions = []
        for name, ids in groups.items():
            hits = photos.search(words[name], k=200)
            assert {hit.id for hit in hits[:5]} == set(ids[:5]), "those that have it come first"
            assert all(hit.score >= 0.1 for hit in hits)
            right = np.array([hit.id in ids for hit in hits[5:]])
            ranks = np.flatnonzero(right) + 1
            precisions.append((np.arange(1, len(ranks) + 1) / ranks).sum() / len(ids[5:]) if ids[5:] else np.nan)
            pages = [hit.id for start in range(0, 40, 8) for hit in photos.search(words[name], k=8, offset=start)]
            assert pages == [hit.id for hit in hits[:40]]
        found = float(np.nanmean(precisions))
        assert found > 0.35, f"mean average precision over photos without the tag is {found:.3f}; required is .35"
