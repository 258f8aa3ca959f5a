"""What the network sees is the middle of the photo, whatever its size."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lookalike.encoders.card import Fit
from lookalike.encoders.packaged import packaged_card
from lookalike.encoders.preprocessing import crop_box, normalised, pixels

CARD = packaged_card("efficientnet-lite2", "fp32")


@given(st.integers(1, 6000), st.integers(1, 6000), st.sampled_from(["crop", "squash"]), st.floats(0.01, 1))
def test_the_crop_is_centred_and_inside(width: int, height: int, fit: Fit, crop: float) -> None:
    left, top, right, bottom = crop_box(width, height, dataclasses.replace(CARD, fit=fit, crop=crop))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert left + right == pytest.approx(width)
    assert top + bottom == pytest.approx(height)
    if fit == "crop":
        assert right - left == pytest.approx(bottom - top)


def test_a_picture_of_the_right_size_is_only_cut() -> None:
    values = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    card = dataclasses.replace(CARD, input_size=64, crop=1.0)
    np.testing.assert_array_equal(pixels([Image.fromarray(values)], card)[0], values[:, 16:80])


def test_cutting_then_scaling_equals_scaling_then_cutting() -> None:
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(
        (800, 600), Image.Resampling.BICUBIC
    )
    short = CARD.min_side
    scaled = smooth.resize((round(800 * short / 600), short), Image.Resampling.BILINEAR)
    left, top = (scaled.width - 260) // 2, (scaled.height - 260) // 2
    slow = np.asarray(scaled.crop((left, top, left + 260, top + 260))).astype(int)
    assert np.abs(pixels([smooth], CARD)[0].astype(int) - slow).mean() < 1


def test_the_borders_are_not_seen() -> None:
    values = np.zeros((300, 300, 3), np.uint8)
    inside = values.copy()
    values[:10], values[-10:], values[:, :10], values[:, -10:] = 255, 255, 255, 255
    np.testing.assert_array_equal(pixels([Image.fromarray(values)], CARD), pixels([Image.fromarray(inside)], CARD))


def test_a_squashed_picture_is_seen_whole() -> None:
    values = np.zeros((100, 400, 3), np.uint8)
    values[:, :200] = 200
    card = dataclasses.replace(CARD, input_size=32, crop=1.0, fit="squash")
    seen = pixels([Image.fromarray(values)], card)[0]
    assert (seen[:, :15] == 200).all()
    assert (seen[:, 17:] == 0).all()


def test_normalised_pixels_have_planes_mean_and_std() -> None:
    batch = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    card = dataclasses.replace(CARD, mean=(1, 2, 3), std=(4, 5, 6))
    planes = normalised(batch, card)
    expected = (batch.astype(np.float64) - [1, 2, 3]) / [4, 5, 6]
    assert planes.dtype == np.float32
    assert planes.flags.c_contiguous
    np.testing.assert_allclose(planes, expected.transpose(0, 3, 1, 2), atol=1e-5)


def test_no_pictures_make_an_empty_batch() -> None:
    assert pixels([], CARD).shape == (0, 260, 260, 3)
