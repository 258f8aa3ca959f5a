"""K-means by Lloyd's rounds, deterministic, with no empty clusters while distinct vectors last.

Seeding is k-means++ (Arthur & Vassilvitskii, SODA 2007) on a sample; sums are float64. When a cluster loses all its
vectors, the vector that lies farthest from its own centroid becomes its new centroid (distinct ones for several).
O(n k d) a round. scikit-learn's version is not used: it is a large dependency, and its result
changes with the number of threads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike import kernels
from lookalike.kernels.threads import map_blocks, one_blas_thread

__all__ = ["N_ROUNDS", "SEEDS_PER_CLUSTER", "assign_all", "kmeans", "sum_all"]

_BLOCK = 16384
_DIMENSIONS = 64  # in a block of sums; of fewer, loops are too short
SEEDS_PER_CLUSTER = 32
N_ROUNDS = 20


def kmeans(
    vectors: NDArray[np.float32], n_clusters: int, *, rng: np.random.Generator, n_rounds: int = N_ROUNDS
) -> NDArray[np.float32]:
    """Centroids of ``n_clusters`` clusters.

    Parameters
    ----------
    vectors : float32 (n, d), n >= 1
    n_clusters : int
        May exceed the number of distinct vectors: those in excess repeat others, and no vector is assigned to
        them, since the first of equal centroids wins.
    rng : numpy.random.Generator
    n_rounds : int
        At most so many; ends early once no vector changes its cluster.

    Returns
    -------
    float32 (n_clusters, d)
    """
    centroids = _seed(vectors, n_clusters, rng)
    labels = np.full(len(vectors), -1, np.int32)
    for _ in range(n_rounds):
        new_labels, distances = assign_all(vectors, centroids)
        if np.array_equal(new_labels, labels):
            break
        labels = new_labels
        centroids = _means(vectors, labels, centroids)
        _fill_empty(vectors, labels, distances, centroids)
    return centroids


def assign_all(
    vectors: NDArray[np.float32], centroids: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """:func:`lookalike.kernels.assign` over all rows, on all threads, with the same result for any number of them."""
    parts = map_blocks(lambda rows: kernels.assign(vectors[rows], centroids), len(vectors), _BLOCK)
    return (
        np.concatenate([np.empty(0, np.int32), *(labels for labels, _ in parts)]),
        np.concatenate([np.empty(0, np.float32), *(distances for _, distances in parts)]),
    )


def sum_all(vectors: NDArray[np.float32], labels: NDArray[np.int32], n_labels: int) -> NDArray[np.float64]:
    """:func:`lookalike.kernels.label_sums` over all dimensions, on all threads: float64 (n_labels, d)."""
    rows, of_rows = np.ascontiguousarray(vectors), np.ascontiguousarray(labels)
    parts = map_blocks(
        lambda part: kernels.label_sums(rows, of_rows, n_labels, part.start, part.stop), rows.shape[1], _DIMENSIONS
    )
    return np.concatenate(parts, axis=1)


def _seed(vectors: NDArray[np.float32], n_clusters: int, rng: np.random.Generator) -> NDArray[np.float32]:
    n_sample = min(len(vectors), SEEDS_PER_CLUSTER * n_clusters)
    sample = vectors[np.sort(rng.choice(len(vectors), n_sample, replace=False))]
    chosen = np.empty((n_clusters, vectors.shape[1]), np.float32)
    chosen[0] = sample[rng.integers(n_sample)]
    nearest = np.full(n_sample, np.inf, np.float32)
    norms = np.einsum("nd,nd->n", sample, sample)
    with one_blas_thread():
        for j in range(1, n_clusters):
            previous = chosen[j - 1]
            distances = norms - 2 * (sample @ previous) + previous @ previous
            # below rounding of the expansion, the same vector: never drawn again
            distances[distances <= 1e-6 * (norms + previous @ previous)] = 0
            np.minimum(nearest, distances, out=nearest)
            cumulative = np.cumsum(nearest, dtype=np.float64)
            if cumulative[-1] <= 0:  # fewer distinct vectors than clusters
                chosen[j:] = chosen[np.arange(n_clusters - j) % j]
                break
            drawn = np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")
            chosen[j] = sample[min(int(drawn), n_sample - 1)]
    return chosen


def _means(
    vectors: NDArray[np.float32], labels: NDArray[np.int32], centroids: NDArray[np.float32]
) -> NDArray[np.float32]:
    k = len(centroids)
    counts = np.bincount(labels, minlength=k)
    means = (sum_all(vectors, labels, k) / np.maximum(counts, 1)[:, None]).astype(np.float32)
    return np.where(counts[:, None] > 0, means, centroids)


def _fill_empty(
    vectors: NDArray[np.float32],
    labels: NDArray[np.int32],
    distances: NDArray[np.float32],
    centroids: NDArray[np.float32],
) -> None:
    """Move empty clusters, in place, to the vectors farthest from their own centroids."""
    empty = np.flatnonzero(np.bincount(labels, minlength=len(centroids)) == 0)
    if not len(empty):
        return
    far = np.argsort(-distances, kind="stable")[: 4 * len(empty) + 16]
    far = far[distances[far] > 0]
    _, first = np.unique(vectors[far], axis=0, return_index=True)
    far = far[np.sort(first)][: len(empty)]
    centroids[empty[: len(far)]] = vectors[far]
