"""A float32 graph to int8: weights per channel, activations by the ranges seen on real pictures.

ONNX Runtime's static quantizer writes a QDQ graph, and its optimizer fuses that into integer kernels. Two ends stay in
float. The pooling and the classifier, because the pooled features are the embedding itself. The stem and the first
block, because half of the whole error came from there: with them in float the mean cosine to the float32 embedding
rises from .985 to .993, at 1 % more time (docs/explanation/encoders.md has the other choices).
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

__all__ = ["quantize"]


_FLOAT_NODES = ("pooled", "embedding", "logits")
_FLOAT_PREFIXES = ("stem", "_blocks.0.")


class _Batches:
    """Feeds pictures to the calibrator in the form it asks for."""

    def __init__(self, batches: Iterable[NDArray[np.uint8]], input_name: str) -> None:
        self._batches: Iterator[NDArray[np.uint8]] = iter(batches)
        self._input_name = input_name

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Next input of the network, None at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {self._input_name: batch}


@contextmanager
def _without_advice() -> Iterator[None]:
    # The quantizer advises on the root logger to fuse batch norms and infer shapes first; both are done already.
    def keep(record: logging.LogRecord) -> bool:
        return "pre-processing before quantization" not in record.getMessage()

    root = logging.getLogger()
    root.addFilter(keep)
    try:
        yield
    finally:
        root.removeFilter(keep)


def quantize(
    model: onnx.ModelProto, pictures: NDArray[np.uint8], *, in_float: Sequence[str] | None = None
) -> onnx.ModelProto:
    """Make the int8 version of a graph.

    Parameters
    ----------
    model
        Float32 graph with a uint8 input.
    pictures
        uint8 (n, size, size, 3): what the network will see; a few dozen suffice.
    in_float
        Names of the nodes that stay in float; None for the ends of a graph that `efficientnet_lite.build_graph` made.

    Returns
    -------
    onnx.ModelProto
        Same input and outputs. `model` is left as it was.
    """
    from onnxruntime.quantization import (
        QuantFormat,
        QuantType,
        quantize_static,
    )  # slow to import, needed for builds only

    if in_float is None:
        names = [node.name for node in model.graph.node]
        in_float = [name for name in names if name in _FLOAT_NODES or name.startswith(_FLOAT_PREFIXES)]
    batches = _Batches((picture[None] for picture in pictures), model.graph.input[0].name)
    with tempfile.TemporaryDirectory(prefix="lookalike-") as folder, _without_advice():
        source, target = Path(folder, "fp32.onnx"), Path(folder, "int8.onnx")
        onnx.save(model, source)  # given a model in memory, the quantizer changes it and writes beside the caller
        quantize_static(
            source,
            target,
            batches,
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=list(in_float),
        )
        return onnx.load(target)
