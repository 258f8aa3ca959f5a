"""The ONNX graph computes what the definition of EfficientNet-Lite says."""

import dataclasses
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lookalike.encoders.efficientnet_lite import LITE0, LITE2, blocks, build_graph, same_padding
from lookalike.encoders.packaged import read_weights
from lookalike.encoders.state_dict import read_state_dict
from lookalike.errors import EncoderError

Weights = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def lite0() -> Weights:
    return read_state_dict(read_weights("efficientnet-lite0"))


def reference_convolution(x: NDArray[Any], kernel: NDArray[Any], stride: int) -> NDArray[Any]:
    """TensorFlow's "SAME" convolution of one picture (c, h, w), one kernel position after the other."""
    n_out, n_in, side, _ = kernel.shape
    sizes = [-(-size // stride) for size in x.shape[1:]]
    totals = [max((out - 1) * stride + side - size, 0) for out, size in zip(sizes, x.shape[1:], strict=True)]
    x = np.pad(x, [(0, 0), *((total // 2, total - total // 2) for total in totals)])
    y = np.zeros((n_out, *sizes))
    for row in range(side):
        for column in range(side):
            patch = x[:, row : row + sizes[0] * stride : stride, column : column + sizes[1] * stride : stride]
            patch = patch[:, : sizes[0], : sizes[1]]
            if n_in == 1:  # depthwise
                y += kernel[:, 0, row, column, None, None] * patch
            else:
                y += np.einsum("oi,ihw->ohw", kernel[:, :, row, column], patch)
    return y


def reference_forward(w: Weights, pixels: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Lite0 layer by layer in float64, batch norms apart; no code shared with the product."""
    w = {name: array.astype(np.float64) for name, array in w.items()}

    def norm(x: NDArray[Any], name: str) -> NDArray[Any]:
        mean, variance = w[f"{name}.running_mean"], w[f"{name}.running_var"]
        scale = w[f"{name}.weight"] / np.sqrt(variance + 1e-3)
        return (x - mean[:, None, None]) * scale[:, None, None] + w[f"{name}.bias"][:, None, None]

    def relu6(x: NDArray[Any]) -> NDArray[Any]:
        return np.minimum(np.maximum(x, 0), 6)

    x = (pixels.transpose(2, 0, 1).astype(np.float64) - 127) / 128
    x = relu6(norm(reference_convolution(x, w["_conv_stem.weight"], 2), "_bn0"))
    for number in range(16):
        name, y = f"_blocks.{number}", x
        if f"{name}._expand_conv.weight" in w:
            y = relu6(norm(reference_convolution(y, w[f"{name}._expand_conv.weight"], 1), f"{name}._bn0"))
        stride = 2 if number in (1, 3, 5, 11) else 1
        y = relu6(norm(reference_convolution(y, w[f"{name}._depthwise_conv.weight"], stride), f"{name}._bn1"))
        y = norm(reference_convolution(y, w[f"{name}._project_conv.weight"], 1), f"{name}._bn2")
        x = x + y if x.shape == y.shape else y
    features = relu6(norm(reference_convolution(x, w["_conv_head.weight"], 1), "_bn1"))
    embedding = features.mean(axis=(1, 2))
    return embedding, w["_fc.weight"] @ embedding + w["_fc.bias"], features


@pytest.mark.parametrize("size", [32, 45])
def test_the_graph_is_equal_to_the_definition(lite0: Weights, size: int) -> None:
    model = build_graph(lite0, dataclasses.replace(LITE0, input_size=size))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    pixels = np.kron(coarse, np.ones((6, 6, 1), np.uint8))[:size, :size]
    embedding, logits, features = session.run(None, {"pixels": pixels[None]})
    expected = reference_forward(lite0, pixels)
    np.testing.assert_allclose(embedding[0], expected[0], atol=2e-5)
    np.testing.assert_allclose(logits[0], expected[1], atol=2e-4)
    np.testing.assert_allclose(features[0], expected[2], atol=2e-4)


def test_the_embedding_is_the_mean_of_the_feature_map(lite0: Weights) -> None:
    model = build_graph(lite0, dataclasses.replace(LITE0, input_size=64))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    embedding, _, features = session.run(None, {"pixels": pixels})
    assert features.shape == (2, 1280, 2, 2)
    np.testing.assert_allclose(embedding, features.mean(axis=(2, 3)), atol=1e-5)


def test_blocks_are_as_many_as_the_weights_have() -> None:
    for name, architecture in (("efficientnet-lite0", LITE0), ("efficientnet-lite2", LITE2)):
        weights = read_state_dict(read_weights(name))
        in_weights = {key.split(".")[1] for key in weights if key.startswith("_blocks.")}
        assert len(list(blocks(architecture))) == len(in_weights)


@given(st.integers(1, 300), st.sampled_from([1, 3, 5]), st.sampled_from([1, 2]))
def test_same_padding_gives_ceil_of_size_over_stride(size: int, kernel: int, stride: int) -> None:
    before, after = same_padding(size, kernel, stride)
    assert (size + before + after - kernel) // stride + 1 == -(-size // stride)
    assert before <= after <= before + 1


def test_weights_of_another_architecture_are_refused(lite0: Weights) -> None:
    with pytest.raises(EncoderError, match=r"the weights do not fit|the checkpoint lacks"):
        build_graph(lite0, LITE2)


def test_missing_weights_are_named(lite0: Weights) -> None:
    fewer = {name: array for name, array in lite0.items() if name != "_bn1.running_var"}
    with pytest.raises(EncoderError, match=r"_bn1\.running_var"):
        build_graph(fewer, LITE0)
