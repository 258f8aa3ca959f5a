"""An explanation says what is so: cells sum to the cosine, and hiding the hottest takes most of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import lookalike
from lookalike.encoders import EncoderCard
from lookalike.encoders.encoder import Encoding
from lookalike.errors import InvalidArgumentError, PhotoGoneError, UnknownPhotoError
from lookalike.explore.asking import explain, photo_units, why
from lookalike.explore.boxes import seen_box
from lookalike.explore.why import cell_contributions, explain_images, hiding_effects, shared_classes
from lookalike.query import Photo, Query, Region

CARD = EncoderCard(
    name="fake",
    version="1",
    precision="fp32",
    weights_sha256="0" * 64,
    dim=48,
    input_size=32,
    crop=1.0,
    interpolation="bilinear",
    mean=(0, 0, 0),
    std=(1, 1, 1),
    licence="Apache-2.0",
    source="the tests",
)


class GridEncoder:
    """Embeds a picture as the colours of a 4 x 4 grid; has no feature map."""

    card = CARD

    def encode(self, images: Sequence[Image.Image], *, outputs: Sequence[str] = ("embedding",)) -> Encoding:
        if "feature_map" in outputs:
            raise InvalidArgumentError("no such output")
        rows = [np.asarray(image.resize((4, 4), Image.Resampling.BOX), np.float32).ravel() + 1 for image in images]
        vectors = np.stack(rows)
        return Encoding(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def unit(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture
def photos(demo_collection: Path) -> Iterator[lookalike.Collection]:
    with lookalike.Collection.open(demo_collection, create=False) as photos:
        yield photos


@given(
    st.integers(1, 40),
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from(["sqrt", "none"]),
    st.integers(0, 2**32 - 1),
)
def test_contributions_sum_to_the_cosine(channels: int, height: int, width: int, transform: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = rng.gamma(0.3, 1.0, (channels, height, width)) * (rng.random((channels, 1, 1)) < 0.7)
    cells[0] += 0.1
    mean = 0.3 * unit(rng.random(channels))
    other = unit(rng.normal(size=channels))
    pooled = cells.mean(axis=(1, 2))
    embedding = unit(np.sqrt(pooled) if transform == "sqrt" else pooled)
    heat = cell_contributions(cells, other, mean=mean, transform=transform)  # type: ignore[arg-type]
    assert heat.shape == (height, width)
    assert float(heat.sum(dtype=np.float64)) == pytest.approx(float(unit(embedding - mean) @ other), abs=1e-5)


def test_the_cell_that_holds_what_the_other_photo_shows_is_the_hottest() -> None:
    rng = np.random.default_rng(0)
    cells = rng.random((20, 5, 5)) * 0.1
    cells[3, 2, 4] = 5.0
    other = np.zeros(20)
    other[3] = 1
    heat = cell_contributions(cells, other, mean=np.full(20, 0.05))
    assert np.unravel_index(heat.argmax(), heat.shape) == (2, 4)


def test_a_photo_that_is_the_mean_has_no_heat() -> None:
    cells = np.ones((4, 2, 2))
    assert not cell_contributions(cells, np.array([1, 0, 0, 0]), mean=np.full(4, 0.5)).any()


@pytest.mark.parametrize(
    ("cells", "other", "mean"),
    [
        (np.ones((4, 2)), np.ones(4), np.ones(4)),
        (np.ones((4, 0, 2)), np.ones(4), np.ones(4)),
        (np.ones((4, 2, 2)), np.ones(5), np.ones(4)),
        (np.ones((4, 2, 2)), np.ones(4), np.ones((4, 1))),
        (np.full((4, 2, 2), np.nan), np.ones(4), np.ones(4)),
        (np.ones((4, 2, 2)), np.full(4, np.inf), np.ones(4)),
        (np.zeros((4, 2, 2)), np.ones(4), np.ones(4)),
    ],
)
def test_maps_that_cannot_be_explained_are_refused(cells: object, other: object, mean: object) -> None:
    with pytest.raises(InvalidArgumentError):
        cell_contributions(cells, other, mean=mean)  # type: ignore[arg-type]


def test_both_maps_of_two_photos_sum_to_the_cosine_of_their_embeddings(photos: lookalike.Collection) -> None:
    ids = photos.ids()
    for a in ids[::40].tolist():
        hit = photos.search(photo=a, k=1)[0]
        why = explain(photos, a, hit.id)
        assert why.method == "shares"
        assert why.heat_a.shape == (9, 9)
        # Stored embeddings and those made again agree to rounding; other processors may differ in the int8 network.
        first, second = photos.embeddings([a, hit.id])
        assert why.cosine == pytest.approx(float(first @ second), abs=1e-4)
        assert float(why.heat_a.sum()) == pytest.approx(why.cosine, abs=1e-5)
        assert float(why.heat_b.sum()) == pytest.approx(why.cosine, abs=1e-5)


def test_hiding_the_hottest_cells_takes_more_of_the_likeness_than_hiding_the_coldest(
    photos: lookalike.Collection,
) -> None:
    encoder, mean = photos.encoder, photos.mean
    drops = []
    for a in photos.ids()[::11].tolist():
        b = photos.search(photo=a, k=3)[2].id
        why = explain(photos, a, b)
        target = photos.embeddings([b])[0]
        with Image.open(photos.file(a)) as file:
            image = file.convert("RGB")
        side = 270  # what the network sees, at a size that the nine cells divide
        left, top, right, bottom = (
            share * length for share, length in zip(why.box_a, (*image.size, *image.size), strict=True)
        )
        seen = image.resize((side, side), box=(left, top, right, bottom))
        blurred = np.asarray(seen.resize((6, 6), Image.Resampling.BOX).resize(seen.size, Image.Resampling.BICUBIC))
        order = np.argsort(-why.heat_a, axis=None)
        pictures = []
        for cells in (order[:20], order[-20:]):
            mask = np.zeros(81, bool)
            mask[cells] = True
            mask = np.kron(mask.reshape(9, 9), np.ones((30, 30), bool))
            hidden = np.where(mask[..., None], blurred, np.asarray(seen))
            # The encoder crops by itself: put what it is to see into the middle of a larger picture.
            border = round(side * (1 / encoder.card.crop - 1) / 2)
            pictures.append(Image.fromarray(np.pad(hidden, ((border, border), (border, border), (0, 0)), mode="edge")))
        cosines = unit(encoder.encode(pictures).embeddings - mean) @ target
        drops.append(why.cosine - cosines)
    hottest, coldest = np.mean(drops, axis=0)
    assert hottest > coldest + 0.03, f"hiding the hottest fifth takes {hottest:.3f}, the coldest {coldest:.3f}"


def test_an_encoder_without_feature_maps_is_asked_by_hiding() -> None:
    rng = np.random.default_rng(1)
    plain = np.full((64, 64, 3), 90, np.uint8)
    marked = [plain.copy(), plain.copy()]
    marked[0][:16, :16] = (255, 0, 0)
    marked[1][:16, :16] = (250, 10, 0)
    a, b = map(Image.fromarray, marked)
    mean = GridEncoder().encode([Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))]).embeddings[0]
    why = explain_images(GridEncoder(), a, b, mean=mean * 0.99)
    assert why.method == "hiding"
    assert why.heat_a.shape == (7, 7)
    assert np.unravel_index(np.abs(why.heat_a).argmax(), (7, 7))[0] < 3
    for size in ((1, 1), (1, 300), (500, 3)):
        tiny = Image.new("RGB", size, (10, 200, 30))
        assert hiding_effects(GridEncoder(), tiny, mean, mean=mean * 0.5).shape == (7, 7)


def test_what_is_known_of_both_photos_is_told() -> None:
    a, b = (Image.new("RGB", (64, 64), colour) for colour in ((200, 0, 0), (0, 200, 0)))
    palettes = (np.zeros((2, 4)), np.ones((3, 4)))
    why = explain_images(
        GridEncoder(),
        a,
        b,
        mean=np.zeros(48),
        classes=({"cat": 0.6, "dog": 0.3, "car": 0.01}, {"dog": 0.5, "cat": 0.1, "car": 0.9}),
        tags=(["sea", "sun", "sea", "boat"], ["boat", "sea"]),
        palettes=palettes,
    )
    assert why.classes == (("dog", 0.3, 0.5), ("cat", 0.6, 0.1))
    assert why.tags == ("sea", "boat")
    assert why.palettes is palettes
    assert shared_classes({}, {"a": 1.0}) == ()


def test_a_photo_of_the_collection_is_explained_as_it_was_added(photos: lookalike.Collection, tmp_path: Path) -> None:
    first, second = (photos.file(int(photo)).read_bytes() for photo in photos.ids()[[0, 90]])
    (tmp_path / "photos").mkdir()
    file = tmp_path / "photos" / "a.jpg"
    file.write_bytes(first)
    with lookalike.Collection.open(tmp_path / "other.lookalike") as other:
        other.add(file.parent, n_workers=1)
        [photo] = other.ids().tolist()
        assert why(other, str(photo), first).cosine == pytest.approx(1, abs=1e-5)
        file.write_bytes(second)
        asked = Query(terms=(Photo(photo, Region(0, 0, 0.5, 0.5)),))
        for question in (
            lambda: why(other, photo, photo),
            lambda: why(other, file, photo),
            lambda: photo_units(other, photo),
            lambda: other.search(asked),
        ):
            with pytest.raises(PhotoGoneError, match="another content now"):
                question()
        file.unlink()
        with pytest.raises(PhotoGoneError, match="not there any more"):
            why(other, file, photo)


def test_the_box_is_what_the_encoder_crops() -> None:
    assert seen_box(400, 200, CARD) == (0.25, 0, 0.75, 1)
    assert seen_box(100, 100, CARD) == (0, 0, 1, 1)


def test_what_cannot_be_explained_is_refused(photos: lookalike.Collection, tmp_path: Path) -> None:
    some = int(photos.ids()[0])
    with pytest.raises(UnknownPhotoError):
        explain(photos, some, 10**9)
    with pytest.raises(InvalidArgumentError):
        explain(photos, some, tmp_path / "none.jpg")
    with pytest.raises(lookalike.errors.PhotoError):
        explain(photos, b"no photo", some)
    with pytest.raises(InvalidArgumentError, match="mean"):
        explain_images(GridEncoder(), Image.new("RGB", (9, 9)), Image.new("RGB", (9, 9)), mean=np.zeros(3))
    with pytest.raises(InvalidArgumentError, match="RGB"):
        explain_images(photos.encoder, Image.new("L", (9, 9)), Image.new("RGB", (9, 9)), mean=photos.mean)
