"""Mean average precision is what its definition says, and int8 keeps it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders import RetrievalComparison, compare_retrieval, load_encoder
from lookalike.encoders.calibration_pictures import calibration_pictures, retrieval_task
from lookalike.encoders.packaged import PACKAGED
from lookalike.encoders.packaged_build import MAX_LOSS, warn_of_loss
from lookalike.encoders.retrieval import average_precisions
from lookalike.errors import InvalidArgumentError


def test_average_precision_is_one_when_kinds_lie_apart() -> None:
    vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], np.float32)
    np.testing.assert_array_equal(average_precisions(vectors, ["a", "a", "b", "b"]), 1)


def test_average_precision_by_hand() -> None:
    # Their mean is (0, 0). Seen from 0 degrees the order is 10 (b), 20 (a), 200 (a), 190 (b), 180 (b).
    angles = np.radians([0, 10, 20, 180, 190, 200])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = average_precisions(vectors, ["a", "b", "a", "b", "b", "a"])
    assert found[0] == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_photos_without_a_fellow_are_no_queries() -> None:
    vectors = np.eye(4, dtype=np.float32)
    assert len(average_precisions(vectors, [1, 1, 2, 3])) == 2


@pytest.mark.parametrize(("n", "labels"), [(3, [1, 1]), (2, [1, 2]), (0, [])])
def test_labels_that_ask_nothing_are_refused(n: int, labels: list[int]) -> None:
    with pytest.raises(InvalidArgumentError, match="labels"):
        average_precisions(np.eye(4, dtype=np.float32)[:n], labels)


def test_the_retrieval_task_has_four_views_of_every_shipped_picture() -> None:
    photos, labels = retrieval_task()
    assert len(calibration_pictures()) == 24
    assert len(photos) == 4 * 24
    assert [labels.count(number) for number in range(24)] == [4] * 24


def test_an_encoder_loses_nothing_against_itself() -> None:
    encoder = load_encoder("efficientnet-lite0")
    photos, labels = retrieval_task()
    comparison = compare_retrieval(encoder, encoder, photos[:16], labels[:16])
    assert (comparison.loss, comparison.standard_error) == (0, 0)


@pytest.mark.parametrize("name", PACKAGED)
def test_int8_retrieves_the_demo_photos_as_well_as_fp32(name: str, demo_photos: Path) -> None:
    files = sorted(demo_photos.rglob("*.webp"))
    photos = [Image.open(file).convert("RGB") for file in files]
    comparison = compare_retrieval(
        load_encoder(name, precision="fp32"), load_encoder(name), photos, [file.parent.name for file in files]
    )
    assert comparison.loss <= MAX_LOSS, (
        f"{name}: int8 has mAP {comparison.second:.4f}, fp32 {comparison.first:.4f}; accepted is a loss of {MAX_LOSS}"
    )


def test_a_loss_is_announced_only_if_chance_does_not_explain_it() -> None:
    warn_of_loss("some", RetrievalComparison(0.60, 0.595, 0.001))
    warn_of_loss("some", RetrievalComparison(0.60, 0.57, 0.02))
    with pytest.warns(RuntimeWarning, match=r"mAP 0.570 instead of 0.600.*--precision fp32"):
        warn_of_loss("some", RetrievalComparison(0.60, 0.57, 0.01))
