"""Any network in an ONNX file, run by ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.encoders.card import EncoderCard
from lookalike.encoders.encoder import Encoding, Output, check_request, finish_embeddings
from lookalike.encoders.onnx_session import open_session
from lookalike.encoders.preprocessing import normalised, pixels
from lookalike.encoders.text import TextEncoder
from lookalike.errors import EncoderError

__all__ = ["GraphNames", "OnnxEncoder"]


_BATCH = 2  # measured: best of 1 to 16 in both precisions on one thread, by 1 to 5 % (docs/explanation/encoders.md)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNames:
    """Which of a graph's inputs and outputs are what; None where it has no such output."""

    input: str
    embedding: str
    logits: str | None = None
    feature_map: str | None = None

    def outputs(self) -> dict[Output, str]:
        """Name in the graph of each output there is."""
        names: dict[Output, str | None] = {
            "embedding": self.embedding,
            "logits": self.logits,
            "feature_map": self.feature_map,
        }
        return {output: name for output, name in names.items() if name is not None}


class OnnxEncoder:
    """An `ImageEncoder` over an ONNX graph.

    A graph whose input is uint8 (n, size, size, 3) normalises for itself; one whose input is float32 gets
    (n, 3, size, size), normalised by the card's mean and std.

    Parameters
    ----------
    card
        What the graph is.
    graph
        Serialized ONNX model.
    names
        Its inputs and outputs.
    text
        Loads the text side; None where there is none.
    n_threads
        Threads that one call may use. For throughput keep 1 and call from several threads.

    Raises
    ------
    EncoderError
        If ONNX Runtime refuses the graph, or it does not fit the names or the card.
    """

    def __init__(
        self,
        card: EncoderCard,
        graph: bytes,
        names: GraphNames,
        *,
        text: Callable[[], TextEncoder] | None = None,
        n_threads: int = 1,
    ) -> None:
        self._card = card
        self._text = text
        self._outputs = names.outputs()
        self._session = open_session(graph, card.name, n_threads=n_threads)
        inputs = {node.name: node for node in self._session.get_inputs()}
        outputs = {node.name for node in self._session.get_outputs()}
        if set(inputs) != {names.input} or not set(self._outputs.values()) <= outputs:
            raise EncoderError(
                f"encoder {card.name}: the graph has inputs {sorted(inputs)} and outputs {sorted(outputs)}, but its "
                f"card names input {names.input!r} and outputs {sorted(self._outputs.values())}. Correct [model] in it."
            )
        self._input = names.input
        kind = inputs[names.input].type
        if kind not in ("tensor(uint8)", "tensor(float)"):
            raise EncoderError(f"encoder {card.name}: the graph's input is {kind}, expected uint8 or float32.")
        self._normalises = kind == "tensor(uint8)"
        first = inputs[names.input].shape[0]
        self._fixed_batch = first if isinstance(first, int) else None

    @property
    def card(self) -> EncoderCard:
        """What this encoder is."""
        return self._card

    def text_encoder(self) -> TextEncoder | None:
        """Load the text side; see `ImageEncoder.text_encoder`."""
        return None if self._text is None else self._text()

    def _run(self, images: Sequence[Image.Image], wanted: Sequence[Output]) -> list[NDArray[np.float32]]:
        batch = pixels(images, self._card)
        full = self._fixed_batch or max(len(batch), 1)  # none at all: one black picture tells the shapes
        if len(batch) < full:
            batch = np.concatenate([batch, np.zeros((full - len(batch), *batch.shape[1:]), np.uint8)])
        feed: NDArray[Any] = batch if self._normalises else normalised(batch, self._card)
        try:
            results = self._session.run([self._outputs[output] for output in wanted], {self._input: feed})
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise EncoderError(f"encoder {self._card.name} failed: {error}") from error
        return [result[: len(images)] for result in results]

    def encode(self, images: Sequence[Image.Image], *, outputs: Sequence[Output] = ("embedding",)) -> Encoding:
        """Encode pictures; see `ImageEncoder.encode`."""
        check_request(images, outputs, available=tuple(self._outputs))
        wanted = tuple(output for output in self._outputs if output == "embedding" or output in outputs)
        step = self._fixed_batch or _BATCH
        parts = [self._run(images[start : start + step], wanted) for start in range(0, max(len(images), 1), step)]
        results = dict(zip(wanted, map(np.concatenate, zip(*parts, strict=True)), strict=True))
        return Encoding(
            embeddings=finish_embeddings(results["embedding"], self._card),
            logits=results.get("logits"),
            feature_maps=results.get("feature_map"),
        )
