"""Filters that were taught: found by `style:`, each photo scored once."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.collection.locking import changing
from lookalike.collection.seen import MEASURES
from lookalike.collection.writing import PhotoWriter
from lookalike.errors import FormatError, InvalidArgumentError, UnknownFilterError

GOLDEN = Path(__file__).parent / "golden" / "version-3"


@pytest.fixture
def photos(tmp_path: Path) -> Iterator[lookalike.Collection]:
    with lookalike.Collection.open(shutil.copytree(GOLDEN, tmp_path / "photos.lookalike")) as photos:
        yield photos


def test_a_search_by_a_filter_gives_its_scores(photos: lookalike.Collection) -> None:
    probe = photos.filter("REDDISH")
    expected = dict(zip(photos.ids().tolist(), probe.scores(photos.raw_embeddings(photos.ids())), strict=True))
    hits = photos.search("style:reddish")
    assert {hit.id: hit.parts["style:reddish"] for hit in hits} == pytest.approx(expected, abs=1e-6)
    assert [hit.id for hit in hits] == sorted(expected, key=lambda photo_id: -expected[photo_id])
    assert photos.search("-style:reddish")[0].id == hits[len(hits) - 1].id
    ids, scores = photos.scores_of("reddish")
    np.testing.assert_allclose(scores, [expected[photo_id] for photo_id in ids.tolist()], atol=1e-6)


def test_each_photo_is_scored_once_until_the_filter_is_taught_anew(
    photos: lookalike.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    embeddings = photos._vectors.embeddings
    monkeypatch.setattr(photos._vectors, "embeddings", lambda ids: read.extend(ids) or embeddings(ids))
    first = photos.search("style:reddish")
    assert sorted(read) == [1, 2, 3, 4, 5, 6]
    photos.search("style:reddish colour:red")
    assert len(read) == 6
    with PhotoWriter(photos.path, 1280, background=False) as writer, writer.transaction():
        writer.catalog.restore_file("/photos/6.png")
    assert len(photos.search("style:reddish")) == 7
    assert sorted(read) == [1, 2, 3, 4, 5, 6, 7]
    probe = photos.filter("reddish")
    photos.save_filter(dataclasses.replace(probe, weights=-probe.weights))
    assert photos.search("style:reddish")[0].id != first[0].id
    assert len(photos.filters()) == 1


def test_a_forgotten_filter_is_unknown(photos: lookalike.Collection) -> None:
    assert photos.forget_filter("reddish")
    assert not photos.forget_filter("reddish")
    with pytest.raises(InvalidArgumentError, match="There is no style 'reddish'; there are"):
        photos.search("style:reddish")
    with pytest.raises(UnknownFilterError):
        photos.filter("reddish")
    with pytest.raises(InvalidArgumentError):
        photos.scores_of("reddish")


def test_a_filter_of_a_newer_version_stops_itself_only(photos: lookalike.Collection) -> None:
    names = photos.style_names()
    with changing(photos.path) as catalog:
        catalog.filters.put("newer", '{"format": "lookalike-probe", "format_version": 99}')
    assert photos.style_names() == names
    assert [probe.name for probe in photos.filters()] == ["Reddish"]
    assert len(photos.search("style:minimalist"))
    assert len(photos.search("style:reddish"))
    assert photos.suggest("style:redd")
    for ask in (photos.filter, photos.scores_of, lambda name: photos.search(f"style:{name}")):
        with pytest.raises(FormatError, match="format version 99"):
            ask("newer")


def test_names_of_styles_and_of_nothing_are_refused(photos: lookalike.Collection) -> None:
    probe = photos.filter("reddish")
    for name in ("black and white", "Minimalist!", "***"):
        with pytest.raises(InvalidArgumentError, match="name of a"):
            photos.save_filter(dataclasses.replace(probe, name=name))


@pytest.mark.parametrize("name", [*MEASURES, "tags", "NSFW", "Black and White", "mega-pixels"])
def test_names_of_what_is_measured_are_refused(photos: lookalike.Collection, name: str) -> None:
    probe = dataclasses.replace(photos.filter("reddish"), name=name)
    with pytest.raises(InvalidArgumentError, match="Choose another"):
        photos.save_filter(probe)


def test_there_is_one_limit_of_names_and_one_message(photos: lookalike.Collection) -> None:
    probe = photos.filter("reddish")
    photos.save_filter(dataclasses.replace(probe, name="x" * 200))
    assert photos.filter("x" * 200).name == "x" * 200
    for name in ("", " ", "x" * 201, "!!", "a\u202eb"):
        with pytest.raises(
            InvalidArgumentError, match=r"The name of a filter is .* 1 to 200 characters that can be shown"
        ):
            photos.save_filter(dataclasses.replace(probe, name=name))


def test_a_filter_of_another_encoder_is_refused(photos: lookalike.Collection) -> None:
    photos.save_filter(dataclasses.replace(photos.filter("reddish"), encoder="0" * 64))
    with pytest.raises(InvalidArgumentError, match="another encoder"):
        photos.search("style:reddish")


def test_measures_of_photos_that_were_not_looked_at_are_unknown(photos: lookalike.Collection) -> None:
    ids, scores = photos.scores_of("quality")
    assert ids.tolist() == [1, 2, 3, 4, 5, 6]
    assert np.isfinite(scores).all()
