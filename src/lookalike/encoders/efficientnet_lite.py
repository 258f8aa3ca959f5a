"""EfficientNet-Lite as an ONNX graph, from a dictionary of weights.

EfficientNet-Lite (Tan and Le, arXiv 1905.11946, in the variant published with TensorFlow's `tpu` models) is
MobileNet-v2's inverted residual, scaled, with ReLU6 and no squeeze-and-excitation, so that it quantizes well. The
weights are TensorFlow's, hence two habits of that library: "SAME" padding, which pads more at the end than at the
beginning when the sum is odd, and a batch norm epsilon of 1e-3.

The graph takes the picture's own bytes, uint8 (n, size, size, 3), and normalises inside by a `DequantizeLinear`
of scale 1/128 and zero point 127, which is exactly ``(x - 127) / 128``. In the quantized graph this costs nothing and
loses nothing: the first convolution reads the bytes. Batch norms are folded into the convolutions.

Outputs: ``embedding`` float32 (n, 1280), the mean of the last feature map, non-negative; ``logits`` float32 (n, 1000);
``feature_map`` float32 (n, 1280, h, w).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lookalike.errors import EncoderError

__all__ = ["LITE0", "LITE2", "Architecture", "Block", "Convolution", "blocks", "build_graph", "same_padding"]


BATCH_NORM_EPSILON = 1e-3
PIXEL_ZERO = 127
PIXEL_SCALE = 1 / 128
_OPSET = 17
_IR_VERSION = 8


@dataclass(frozen=True, slots=True)
class Architecture:
    """What tells one EfficientNet-Lite from another.

    `repeats` and `channels` are those of the seven stages after scaling; all else is common to the family.
    """

    input_size: int
    repeats: tuple[int, ...]
    channels: tuple[int, ...]


LITE0 = Architecture(224, (1, 2, 2, 3, 3, 4, 1), (16, 24, 40, 80, 112, 192, 320))
LITE2 = Architecture(260, (1, 3, 3, 4, 4, 5, 1), (16, 24, 48, 88, 120, 208, 352))

_STAGE_KERNELS = (3, 3, 5, 3, 5, 5, 3)
_STAGE_STRIDES = (1, 2, 2, 2, 1, 2, 1)


@dataclass(frozen=True, slots=True)
class Block:
    """One inverted residual: expand (1x1), depthwise (kernel, stride), project (1x1), add where shapes allow."""

    name: str
    expands: bool
    kernel: int
    stride: int
    channels: int
    adds_input: bool


def blocks(architecture: Architecture) -> Iterator[Block]:
    """Blocks in order, named as in the checkpoint.

    Yields
    ------
    Block
        16 for Lite0, 23 for Lite2.
    """
    number = 0
    for stage, (repeats, channels) in enumerate(zip(architecture.repeats, architecture.channels, strict=True)):
        for repeat in range(repeats):
            yield Block(
                name=f"_blocks.{number}",
                expands=stage > 0,
                kernel=_STAGE_KERNELS[stage],
                stride=_STAGE_STRIDES[stage] if repeat == 0 else 1,
                channels=channels,
                adds_input=repeat > 0,
            )
            number += 1


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "SAME" padding of one axis, before and after.

    Parameters
    ----------
    size, kernel, stride
        Of the axis, in px.

    Returns
    -------
    tuple of int
        The output has ``ceil(size / stride)`` px; the odd px of padding comes after.
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


@dataclass(frozen=True, slots=True)
class Convolution:
    """Kernel float32 (out, in / groups, height, width) and bias float32 (out,)."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def fold(weights: Mapping[str, NDArray[Any]], convolution: str, norm: str) -> Convolution:
    """Fold a batch norm into the convolution before it.

    Parameters
    ----------
    weights
        State dict.
    convolution, norm
        Names of the two layers in it.

    Raises
    ------
    EncoderError
        If a layer is missing.
    """
    try:
        kernel = weights[f"{convolution}.weight"].astype(np.float64)
        scale, shift, mean, variance = (
            weights[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
        )
    except KeyError as error:
        raise EncoderError(f"the checkpoint lacks {error}; expected the weights of an EfficientNet-Lite.") from error
    factor = scale / np.sqrt(variance + BATCH_NORM_EPSILON)
    return Convolution(
        (kernel * factor[:, None, None, None]).astype(np.float32), (shift - mean * factor).astype(np.float32)
    )


class _GraphWriter:
    """Collects nodes and constants; each method adds a piece and returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: int | list[int]) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def convolution(self, x: str, name: str, convolution: Convolution, *, size: int, stride: int = 1) -> str:
        n_out, n_in, kernel, _ = convolution.kernel.shape
        before, after = same_padding(size, kernel, stride)
        return self.node(
            "Conv",
            [x, self.constant(f"{name}.kernel", convolution.kernel), self.constant(f"{name}.bias", convolution.bias)],
            name,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=n_out if n_in == 1 else 1,
        )

    def relu6(self, x: str) -> str:
        return self.node("Clip", [x, "zero", "six"], f"{x}.relu6")


def build_graph(weights: Mapping[str, NDArray[Any]], architecture: Architecture) -> onnx.ModelProto:
    """Build the float32 graph.

    Parameters
    ----------
    weights
        State dict of the PyTorch port's checkpoint (names ``_conv_stem.weight``, ``_blocks.0._bn1.bias``, ...).
    architecture
        `LITE0` or `LITE2`.

    Returns
    -------
    onnx.ModelProto
        Input ``pixels`` uint8 (n, size, size, 3), RGB; outputs ``embedding``, ``logits``, ``feature_map``.

    Raises
    ------
    EncoderError
        If the weights are not of this architecture.
    """
    graph = _GraphWriter()
    size = architecture.input_size
    graph.constant("zero", np.array(0, np.float32))
    graph.constant("six", np.array(6, np.float32))
    graph.constant("pixel_scale", np.array(PIXEL_SCALE, np.float32))
    graph.constant("pixel_zero", np.array(PIXEL_ZERO, np.uint8))
    x = graph.node("Transpose", ["pixels"], "pixels.nchw", perm=[0, 3, 1, 2])  # (n, h, w, 3) -> (n, 3, h, w)
    x = graph.node("DequantizeLinear", [x, "pixel_scale", "pixel_zero"], "pixels.normalised")
    x = graph.relu6(graph.convolution(x, "stem", fold(weights, "_conv_stem", "_bn0"), size=size, stride=2))
    size = -(-size // 2)
    for block in blocks(architecture):
        name, shortcut = block.name, x
        if block.expands:
            expand = fold(weights, f"{name}._expand_conv", f"{name}._bn0")
            x = graph.relu6(graph.convolution(x, f"{name}.expand", expand, size=size))
        depthwise = fold(weights, f"{name}._depthwise_conv", f"{name}._bn1")
        x = graph.relu6(graph.convolution(x, f"{name}.depthwise", depthwise, size=size, stride=block.stride))
        size = -(-size // block.stride)
        x = graph.convolution(x, f"{name}.project", fold(weights, f"{name}._project_conv", f"{name}._bn2"), size=size)
        if block.adds_input:
            x = graph.node("Add", [x, shortcut], f"{name}.sum")
    x = graph.convolution(x, "head", fold(weights, "_conv_head", "_bn1"), size=size)
    x = graph.node("Clip", [x, "zero", "six"], "feature_map")
    pooled = graph.node("GlobalAveragePool", [x], "pooled")
    graph.node("Flatten", [pooled], "embedding")
    graph.constant("classifier.weight", weights["_fc.weight"].astype(np.float32))
    graph.constant("classifier.bias", weights["_fc.bias"].astype(np.float32))
    graph.node("Gemm", ["embedding", "classifier.weight", "classifier.bias"], "logits", transB=1)

    dim, n_classes = weights["_fc.weight"].shape[::-1]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "efficientnet_lite",
            [
                helper.make_tensor_value_info(
                    "pixels", TensorProto.UINT8, ["n", architecture.input_size, architecture.input_size, 3]
                )
            ],
            [
                helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", dim]),
                helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", n_classes]),
                helper.make_tensor_value_info("feature_map", TensorProto.FLOAT, ["n", dim, size, size]),
            ],
            initializer=graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        producer_name="lookalike",
    )
    model.ir_version = _IR_VERSION
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise EncoderError(f"the weights do not fit this architecture: {error}") from error
    return model
