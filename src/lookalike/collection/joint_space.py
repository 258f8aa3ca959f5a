"""Words beside photos in the space of a joint encoder: how well a text says what is in each photo.

What a joint encoder was trained for is the cosine of a text's vector with a photo's embedding as the encoder gives it.
The index keeps embeddings as photos are compared with each other: the collection's mean taken off, of unit length. No
second copy is needed. An embedding x of unit length is m + r c, where m is the mean, c what is kept, and r the length
that was taken from it; so r is the one positive root of r^2 + 2 r <m, c> + |m|^2 = 1, and <t, x> = <t, m> + r <t, c>.

Cosines of texts and photos lie in a narrow band that is each encoder's own, and each text's (Liang et al., "Mind the
Gap", NeurIPS 2022). So a text's cosines become probabilities by how far they stand out of those of the collection's
photos. Cost: a pass over the stored vectors for a text, and one more after each change; at 100,000 photos and 512
dimensions some ten milliseconds each. Memory: 12 bytes for each photo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lookalike.collection.background import Background
from lookalike.collection.ranking import text_calibration

if TYPE_CHECKING:
    from lookalike.encoders import TextEncoder
    from lookalike.index.live.snapshot import Snapshot

__all__ = ["JointSpace"]


class JointSpace:
    """The text side of a collection's encoder.

    Parameters
    ----------
    encoder : TextEncoder
    """

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._kept: tuple[NDArray[np.int64], NDArray[np.float32]] | None = None

    def scores(self, text: str, state: Snapshot, ids: NDArray[np.int64], background: Background) -> NDArray[np.float32]:
        """Probability that a text says what is in each photo: float32 (n,); 0 where the text says nothing.

        Parameters
        ----------
        text : str
        state : Snapshot
        ids : int64 (n,)
            Of photos in it, rising.
        background : Background
            Of the collection.
        """
        vector = self._encoder.encode([text])[0]
        if not len(ids) or not vector.any():
            return np.zeros(len(ids), np.float32)
        _, sample = background.sample(state)
        mean = np.zeros_like(vector) if state.space.mean is None else state.space.mean
        of_text, of_mean = np.einsum("qd,md->qm", np.stack([vector, mean]), sample)
        usual = _raw(of_text, _lengths(of_mean, mean), vector, mean)
        cosines = _raw(state.products(vector, ids), self._lengths_in(state, ids, mean), vector, mean)
        return text_calibration(usual)(cosines)

    def _lengths_in(self, state: Snapshot, ids: NDArray[np.int64], mean: NDArray[np.float32]) -> NDArray[np.float32]:
        """Lengths float32 (n,) of photos' embeddings after the mean is taken off; those of all photos are kept."""
        if len(ids) < state.n_vectors:
            return _lengths(state.products(mean, ids), mean)
        kept = self._kept  # read once: other threads may replace it
        if kept is None or kept[0] is not ids:  # a state gives the same array each time
            kept = self._kept = (ids, _lengths(state.products(mean, ids), mean))
        return kept[1]


def _lengths(along: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Solve for r: float32 (n,), from the products of what is kept with the mean."""
    lengths: NDArray[np.float32] = np.sqrt(np.maximum(along * along + 1 - mean @ mean, 0)) - along
    return lengths


def _raw(
    kept: NDArray[np.float32], lengths: NDArray[np.float32], vector: NDArray[np.float32], mean: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Cosines float32 (n,) of a text with embeddings as the encoder gives them."""
    return kept * lengths + vector @ mean
