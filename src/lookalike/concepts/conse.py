"""Photos among words: convex combination of semantic embeddings, ConSE.

M. Norouzi et al.: Zero-Shot Learning by Convex Combination of Semantic Embeddings, ICLR 2014, equation 4. A photo is
where the names of its likeliest classes stand in the space of a sentence encoder, weighted by their probabilities; a
query's words stand in the same space, so that "pet" finds dogs although no class has that name. Nothing is trained.
Cost: one product of 10 rows per photo.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InvalidArgumentError

__all__ = ["blended_vectors", "photo_vectors"]


def photo_vectors(
    classes: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    class_vectors: NDArray[np.float32],
    *,
    n_labels: int = 10,
) -> NDArray[np.float32]:
    """Place photos in the text space.

    Parameters
    ----------
    classes
        Integer (n, k), the likeliest classes first, as `likeliest` gives them.
    probabilities
        Float (n, k), of these classes.
    class_vectors
        float32 (n_classes, dim), unit length: `blended_vectors` of the classes' names.
    n_labels
        How many of the k are used.

    Returns
    -------
    float32 (n, dim)
        Unit length. A photo whose probabilities are all zero has the zero vector.

    Raises
    ------
    InvalidArgumentError
        If shapes do not fit, a class does not exist, or a probability is negative or not finite.
    """
    numbers, weights = np.asarray(classes), np.asarray(probabilities)
    if numbers.ndim != 2 or numbers.shape != weights.shape or class_vectors.ndim != 2 or n_labels < 1:
        raise InvalidArgumentError(
            f"`classes` has shape {numbers.shape}, `probabilities` {weights.shape} and `class_vectors` "
            f"{class_vectors.shape}; expected (n, k) twice and (n_classes, dim), and `n_labels` of 1 or more."
        )
    numbers, weights = numbers[:, :n_labels].astype(np.int64), weights[:, :n_labels].astype(np.float32)
    if numbers.size and (numbers.min() < 0 or numbers.max() >= len(class_vectors)):
        raise InvalidArgumentError(f"`classes` names a class outside 0 to {len(class_vectors) - 1}.")
    if not bool((np.isfinite(weights) & (weights >= 0)).all()):
        raise InvalidArgumentError("`probabilities` holds values that are negative or not finite.")
    placed = np.einsum("nk,nkd->nd", weights, class_vectors[numbers])  # (n, k) x (n, k, dim) -> (n, dim)
    return _unit(placed)


def blended_vectors(texts: Sequence[Sequence[str]], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """One vector for each group of texts: the mean direction of its texts' vectors.

    Parameters
    ----------
    texts
        Groups, each of one text or more: a class's name and its synonyms.
    vectors
        float32 (sum of the groups' lengths, dim), unit length: the texts' vectors, group after group.

    Returns
    -------
    float32 (number of groups, dim), unit length

    Raises
    ------
    InvalidArgumentError
        If a group is empty or the number of vectors is another.
    """
    sizes = np.array([len(group) for group in texts], np.int64)
    if vectors.ndim != 2 or len(vectors) != sizes.sum() or (len(sizes) and sizes.min() == 0):
        raise InvalidArgumentError(
            f"`vectors` has shape {vectors.shape} for {int(sizes.sum())} texts in {len(sizes)} groups; expected one "
            "vector for each text, and no empty group."
        )
    if not len(sizes):
        return np.zeros((0, vectors.shape[1]), np.float32)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return _unit(np.add.reduceat(vectors, starts, axis=0))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit
