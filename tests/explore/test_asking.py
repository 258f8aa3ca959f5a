"""Units, photos and taught filters of a collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.errors import InvalidArgumentError, UnknownPhotoError
from lookalike.explore.asking import photo_units, probe_scores, teach, unit_photos
from lookalike.explore.units import strongest_cells, strongest_photos, strongest_units


@pytest.fixture
def photos(demo_collection: Path) -> Iterator[lookalike.Collection]:
    with lookalike.Collection.open(demo_collection, create=False) as photos:
        yield photos


def test_raw_embeddings_less_the_mean_are_the_compared_ones(photos: lookalike.Collection) -> None:
    ids = photos.ids()
    assert ids.tolist() == [photo.id for photo in photos.photos_after(0, 1000)]
    centred = photos.raw_embeddings(ids) - photos.mean
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(centred, photos.embeddings(ids), atol=1e-5)
    assert photos.raw_embeddings([]).shape == (0, photos.settings.card.dim)


def test_photos_of_a_unit_are_the_same_for_any_blocks() -> None:
    rng = np.random.default_rng(0)
    ids, embeddings = rng.permutation(100), rng.random((100, 8)).round(1).astype(np.float32)
    expected = sorted(range(100), key=lambda row: (-embeddings[row, 3], ids[row]))[:7]
    for size in (1, 7, 33, 100):
        blocks = ((ids[start : start + size], embeddings[start : start + size]) for start in range(0, 100, size))
        found = strongest_photos(blocks, 3, 7)
        assert [hit.id for hit in found] == [int(ids[row]) for row in expected]
        assert [hit.value for hit in found] == [float(embeddings[row, 3]) for row in expected]
    assert strongest_photos([], 3, 7) == []


def test_photos_of_a_unit_are_the_largest_coordinates_of_the_collection(photos: lookalike.Collection) -> None:
    ids = photos.ids()
    values = photos.raw_embeddings(ids)[:, 77]
    assert [hit.id for hit in unit_photos(photos, 77, 5)] == ids[np.argsort(-values, kind="stable")[:5]].tolist()


def test_units_of_a_photo_stand_out_and_their_cells_lie_in_what_the_network_saw(photos: lookalike.Collection) -> None:
    photo = int(photos.ids()[10])
    views = photo_units(photos, photo, 6, n_cells=2)
    excess = [view.value - view.typical for view in views]
    assert len(views) == 6
    assert excess == sorted(excess, reverse=True)
    assert excess[-1] > 0
    record = photos.photo(photo)
    short = min(record.width, record.height) * photos.settings.card.crop
    for view in views:
        assert 1 <= len(view.cells) <= 2
        assert view.cells[0].activation >= view.cells[-1].activation > 0
        for cell in view.cells:
            left, top, right, bottom = cell.box
            assert 0 <= left < right <= 1
            assert 0 <= top < bottom <= 1
            assert (right - left) * record.width == pytest.approx(short / 9, rel=1e-6)
    by_bytes = photo_units(photos, photos.file(photo).read_bytes(), 6, n_cells=2)
    assert by_bytes == views


def test_cells_of_a_unit_are_where_the_map_is_largest() -> None:
    cells = np.zeros((3, 2, 4), np.float32)
    cells[1, 0, 2], cells[1, 1, 3] = 5, 7
    found = strongest_cells(cells, 1, 3, box=(0.5, 0, 1, 1))
    assert [(cell.row, cell.column, cell.activation) for cell in found] == [(1, 3, 7.0), (0, 2, 5.0)]
    assert found[0].box == (0.875, 0.5, 1.0, 1.0)
    assert strongest_cells(cells, 0, 3) == ()


@pytest.mark.parametrize("unit", [-1, 1280, 1.0, True, "3", None])
def test_a_unit_that_is_none_is_refused(photos: lookalike.Collection, unit: int) -> None:
    with pytest.raises(InvalidArgumentError, match="unit"):
        unit_photos(photos, unit)


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidArgumentError):
        strongest_units(np.ones(3), np.ones(4), 1)
    with pytest.raises(InvalidArgumentError):
        strongest_units(np.full(3, np.nan), np.ones(3), 1)
    for count in (0, -1, 1.5, True):
        with pytest.raises(InvalidArgumentError):
            strongest_units(np.ones(3), np.zeros(3), count)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError):
        strongest_cells(np.ones((3, 2)), 0, 1)


def test_a_filter_taught_by_five_photos_finds_the_rest_of_their_kind(photos: lookalike.Collection) -> None:
    kind = {photo.id: Path(photo.path).parent.name for photo in photos.photos_after(0, 1000)}
    wanted = [photo_id for photo_id, name in kind.items() if name == "nmk-ancient-pottery-collection"]
    probe = teach(photos, "pottery", wanted[:5])
    ids, scores = probe_scores(photos, probe)
    rest = np.isin(ids, wanted[5:])
    unseen = ~np.isin(ids, wanted[:5])
    best = ids[unseen][np.argsort(-scores[unseen])[: rest.sum()]]
    assert np.isin(best, wanted[5:]).mean() >= 0.6
    assert teach(photos, "pottery", wanted[:5]).to_json() == probe.to_json()
    some = probe_scores(photos, probe, ids[:7])[1]
    np.testing.assert_allclose(some, scores[:7], atol=1e-6)


def test_what_cannot_be_taught_is_refused(photos: lookalike.Collection) -> None:
    ids = photos.ids().tolist()
    with pytest.raises(InvalidArgumentError, match="Different photos given as examples of 'few': 1;"):
        teach(photos, "few", [ids[0]] * 9)
    with pytest.raises(InvalidArgumentError, match="among the examples"):
        teach(photos, "both", ids[:6], ids[5:8])
    with pytest.raises(UnknownPhotoError):
        teach(photos, "unknown", [*ids[:5], 10**9])
    with pytest.raises(InvalidArgumentError, match="beside the examples: 13, but it takes 20"):
        teach(photos, "all", ids[:140])
    for n_background in (0, "300", 300.5):
        with pytest.raises(InvalidArgumentError, match="n_background"):
            teach(photos, "none", ids[:6], n_background=n_background)
    with pytest.raises(UnknownPhotoError):
        teach(photos, "none", [*ids[:6], 2**70])
    with pytest.raises(InvalidArgumentError, match="name"):
        teach(photos, "", ids[:6])
    with pytest.raises(InvalidArgumentError, match="seed"):
        teach(photos, "x", ids[:6], seed=-1)
    with pytest.raises(InvalidArgumentError, match="no id"):
        teach(photos, "x", ["1", *ids[:6]])


def test_a_filter_of_another_encoder_is_refused(photos: lookalike.Collection) -> None:
    probe = dataclasses.replace(teach(photos, "x", photos.ids()[:6].tolist()), encoder="0" * 64)
    with pytest.raises(InvalidArgumentError, match="another encoder"):
        probe_scores(photos, probe)
