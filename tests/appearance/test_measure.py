"""What is true of the figures of any photo, and of photos made to show one thing."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter, ImageOps

import lookalike.appearance
from lookalike.appearance import MEASURES, N_COMPOSITION, STYLES, Appearance, measure, measure_all
from lookalike.photos import read_photo


def scene(seed: int = 0, size: tuple[int, int] = (480, 360)) -> Image.Image:
    """Draw discs of random colours on a sky: edges, areas, colours."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[: size[1], : size[0]] / min(size)
    picture = np.stack([90 + 60 * y, 120 + 60 * y, 200 - 40 * y], axis=-1)
    for _ in range(14):
        cx, cy = generator.uniform(0, [size[0] / min(size), size[1] / min(size)])
        inside = (x - cx) ** 2 + (y - cy) ** 2 < generator.uniform(0.03, 0.2) ** 2
        picture[inside] = generator.uniform(20, 235, 3)
    return Image.fromarray(picture.astype(np.uint8))


def noisy(image: Image.Image, sigma: float) -> Image.Image:
    pixels = np.asarray(image, dtype=np.float64)
    grain = np.random.default_rng(1).normal(0, sigma, pixels.shape[:2])[..., None]
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def assert_sound(look: Appearance) -> None:
    assert look.palette.shape == (6, 4)
    assert abs(float(look.palette[:, 3].sum()) - 1) < 1e-5
    assert look.composition.dtype == np.int8
    assert look.composition.shape == (N_COMPOSITION,)
    assert abs(float(np.linalg.norm(look.composition.astype(float))) - 127) < 8
    assert look.measures.shape == (len(MEASURES),)
    assert np.isfinite(look.measures).all()
    for name in set(MEASURES) - {"noise", "megapixels"}:
        assert 0 <= look[name] <= 1, name
    assert look["noise"] >= 0


def test_every_public_name_exists() -> None:
    for name in lookalike.appearance.__all__:
        assert getattr(lookalike.appearance, name) is not None
    assert set(STYLES) < set(MEASURES)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 5000), (5000, 1), (7, 7), (9, 400), (640, 427)])
@pytest.mark.parametrize("colour", ["black", "white", "teal"])
def test_flat_pictures_of_any_size_are_measured(size: tuple[int, int], colour: str) -> None:
    look = measure(Image.new("RGB", size, colour))
    assert_sound(look)
    assert look["noise"] == look["sharpness"] == look["contrast"] == 0
    assert look["patterns"] < STYLES["patterns"].threshold
    assert look["shallow_depth_of_field"] < STYLES["shallow_depth_of_field"].threshold
    assert look.palette[0, 3] == 1


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 2**32 - 1), st.sampled_from(["RGB", "L", "RGBA", "1"]))
def test_noise_of_any_size_and_mode_is_measured_the_same_twice(width: int, height: int, seed: int, mode: str) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    first, second = measure(image), measure(image)
    assert_sound(first)
    assert first.palette.tobytes() == second.palette.tobytes()
    assert first.composition.tobytes() == second.composition.tobytes()
    assert first.measures.tobytes() == second.measures.tobytes()


@pytest.mark.parametrize("seed", range(4))
def test_a_grey_picture_is_black_and_white_and_its_colours_are_not(seed: int) -> None:
    look, grey = measure(scene(seed)), measure(ImageOps.grayscale(scene(seed)).convert("RGB"))
    assert grey["black_and_white"] == grey["one_tone"] == 1
    assert look["black_and_white"] == look["one_tone"] == 0
    assert np.abs(grey.palette[:, 1:3]).max() < 1e-3


@pytest.mark.parametrize("seed", range(4))
def test_a_toned_picture_has_one_tone_and_is_not_black_and_white(seed: int) -> None:
    sepia = ImageOps.colorize(ImageOps.grayscale(scene(seed)), black="#1c1005", white="#f6e6c8", mid="#8a6a42")
    look = measure(sepia)
    assert look["one_tone"] > 0.7
    assert look["black_and_white"] < STYLES["black_and_white"].threshold


@pytest.mark.parametrize("seed", range(3))
def test_blur_lowers_sharpness(seed: int) -> None:
    figures = [measure(scene(seed).filter(ImageFilter.GaussianBlur(radius)))["sharpness"] for radius in (0, 2, 4, 8)]
    assert figures == sorted(figures, reverse=True)
    assert figures[0] > figures[-1] + 0.3


@pytest.mark.parametrize("seed", range(3))
def test_noise_raises_noise(seed: int) -> None:
    figures = [measure(noisy(scene(seed), sigma))["noise"] for sigma in (0, 2, 5, 10, 20, 40)]
    assert figures == sorted(figures)
    assert figures[-1] > figures[1] + 2


def test_noise_is_told_in_grey_levels() -> None:
    grey = Image.new("RGB", (192, 192), (128, 128, 128))
    assert 6.5 < measure(noisy(grey, 8))["noise"] < 8.5


@pytest.mark.parametrize("seed", range(4))
def test_a_smaller_copy_measures_alike(seed: int) -> None:
    large = scene(seed, (1440, 1080))
    first, second = measure(large), measure(large.resize((480, 360), Image.Resampling.LANCZOS))
    for name in set(MEASURES) - {"megapixels", "quality", "noise"}:
        assert abs(first[name] - second[name]) < 0.12, name
    cosine = first.composition.astype(float) @ second.composition.astype(float) / 127**2
    assert cosine > 0.98
    assert np.abs(first.palette[0] - second.palette[0]).max() < 0.05


def test_shading_is_no_pattern() -> None:
    y, x = np.mgrid[:480, :640]
    for shade in (x * 0.1 + 100, x * 0.4, y * 0.5, 220 - ((x - 320) ** 2 + (y - 240) ** 2) * 0.00075):
        assert measure(Image.fromarray(shade.astype(np.uint8)))["patterns"] < 0.05


@pytest.mark.parametrize("seed", range(4))
def test_fine_noise_and_coarse_storage_lower_the_quality(seed: int) -> None:
    image = scene(seed, (1440, 1080))
    own = measure(image)["quality"]
    assert measure(noisy(image, 10))["quality"] < own
    steps = [storage_step(image, quality) for quality in (90, 50, 30, 10)]
    stored = [measure(image, jpeg_step=step)["quality"] for step in steps]
    assert stored == sorted(stored, reverse=True)
    assert stored[0] == own
    assert stored[-1] < 0.8 * own


def storage_step(image: Image.Image, quality: int) -> float:
    content = BytesIO()
    image.save(content, "JPEG", quality=quality)
    return read_photo(content.getvalue()).jpeg_step


@pytest.mark.parametrize("seed", range(4))
def test_spoiling_a_photo_lowers_its_quality(seed: int) -> None:
    image = scene(seed)
    own = measure(image)["quality"]
    assert measure(image.filter(ImageFilter.GaussianBlur(5)))["quality"] < own
    assert measure(noisy(image, 40))["quality"] < own
    assert measure(image.point(lambda value: value // 6))["quality"] < own
    assert measure(image.reduce(4))["quality"] < own


def test_megapixels_are_those_of_the_photo_not_of_what_was_decoded() -> None:
    assert measure(scene(), size=(6000, 4000))["megapixels"] == 24
    assert measure(scene())["megapixels"] == pytest.approx(0.1728)


def test_tiles_are_a_pattern_and_a_scene_is_none() -> None:
    tile = scene(5, (60, 60))
    tiles = Image.new("RGB", (480, 360))
    for x in range(0, 480, 60):
        for y in range(0, 360, 60):
            tiles.paste(tile, (x, y))
    assert measure(tiles)["patterns"] > STYLES["patterns"].threshold > measure(scene(5))["patterns"]


def test_a_sharp_thing_before_a_soft_ground_has_shallow_depth_of_field() -> None:
    texture = scene(2)
    mask = Image.new("L", texture.size)
    mask.paste(255, (180, 120, 300, 240))
    soft = Image.composite(texture, texture.filter(ImageFilter.GaussianBlur(10)), mask)
    key = "shallow_depth_of_field"
    assert measure(soft)[key] > STYLES[key].threshold > measure(texture)[key]


def test_one_small_thing_on_an_empty_ground_is_minimalist_and_clutter_is_not() -> None:
    empty = Image.new("RGB", (480, 360), "lightblue")
    empty.paste("darkred", (220, 160, 260, 200))
    clutter = noisy(scene(), 30)
    assert measure(empty)["minimalist"] > STYLES["minimalist"].threshold > measure(clutter)["minimalist"]


@pytest.mark.parametrize("seed", range(3))
def test_a_mirrored_photo_is_another_composition_and_a_recoloured_one_the_same(seed: int) -> None:
    image = scene(seed)
    own, mirrored, grey = (
        measure(some).composition.astype(float)
        for some in (image, ImageOps.mirror(image), ImageOps.grayscale(image).convert("RGB"))
    )
    assert own @ grey / 127**2 > 0.99
    assert own @ mirrored < own @ grey * 0.95


def test_photos_measured_together_measure_as_alone() -> None:
    rng = np.random.default_rng(0)
    pictures = [
        Image.fromarray(rng.integers(0, 256, (height, width, 3)).astype(np.uint8))
        for height, width in ((1, 1), (240, 180), (300, 500))
    ]
    together = measure_all(pictures, sizes=[(4000, 3000)] * len(pictures))
    for picture, look in zip(pictures, together, strict=True):
        alone = measure(picture, size=(4000, 3000))
        np.testing.assert_array_equal(look.measures, alone.measures)
        np.testing.assert_array_equal(look.palette, alone.palette)
        np.testing.assert_array_equal(look.composition, alone.composition)
    assert measure_all([], sizes=[]) == []
