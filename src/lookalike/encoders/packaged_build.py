"""Build the graphs of the packaged encoders: weights, float32 graph, int8 graph, and a check that int8 serves as well.

Cost: on one core .3 s for float32; for int8 6 s, half of it the comparison.
"""

from __future__ import annotations

import warnings

from lookalike.encoders.calibration_pictures import calibration_pictures, retrieval_task
from lookalike.encoders.card import Precision
from lookalike.encoders.efficientnet_lite import LITE0, LITE2, build_graph
from lookalike.encoders.onnx_encoder import OnnxEncoder
from lookalike.encoders.packaged import GRAPH_NAMES, packaged_card, read_weights
from lookalike.encoders.preprocessing import pixels
from lookalike.encoders.retrieval import RetrievalComparison, compare_retrieval
from lookalike.encoders.state_dict import read_state_dict
from lookalike.encoders.static_quantization import quantize

__all__ = ["MAX_LOSS", "build_packaged_graph", "warn_of_loss"]


MAX_LOSS = 0.01  # mAP that int8 may lose against fp32
_ARCHITECTURES = {"efficientnet-lite2": LITE2, "efficientnet-lite0": LITE0}


def build_packaged_graph(name: str, precision: Precision) -> bytes:
    """Build and serialize the graph of a packaged encoder from the weights.

    An int8 graph is compared with its float32 original on this very machine, because integer arithmetic is not the same
    on every processor (x86 without VNNI saturates); a loss of retrieval gives a `RuntimeWarning`.

    Raises
    ------
    UnknownEncoderError, EncoderError
        As `read_weights`.
    """
    model = build_graph(read_state_dict(read_weights(name)), _ARCHITECTURES[name])
    original: bytes = model.SerializeToString()
    if precision == "fp32":
        return original
    card = packaged_card(name, "int8")
    quantized: bytes = quantize(model, pixels(calibration_pictures(), card)).SerializeToString()
    comparison = compare_retrieval(
        OnnxEncoder(packaged_card(name, "fp32"), original, GRAPH_NAMES),
        OnnxEncoder(card, quantized, GRAPH_NAMES),
        *retrieval_task(),
    )
    warn_of_loss(name, comparison)
    return quantized


def warn_of_loss(name: str, comparison: RetrievalComparison) -> None:
    """Say so when int8 loses more than `MAX_LOSS`, and more than chance explains.

    Parameters
    ----------
    name
        Of the encoder.
    comparison
        Of fp32 (first) with int8 (second).
    """
    if comparison.loss > MAX_LOSS and comparison.loss > 2 * comparison.standard_error:
        warnings.warn(
            f"encoder {name} in int8 retrieves worse than in fp32 on this machine: mAP {comparison.second:.3f} instead "
            f"of {comparison.first:.3f}, accepted is a loss of {MAX_LOSS}. Use `--precision fp32` (twice the time).",
            RuntimeWarning,
            stacklevel=2,
        )
