"""Photos in clusters, as an encoder might see them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Clusters = Callable[..., tuple[NDArray[np.float32], NDArray[np.int64]]]


@pytest.fixture(scope="session")
def clusters() -> Clusters:
    """Make unit vectors around centres; 12 axes of 24 carry nothing but noise that all clusters share."""

    def make(n: int, n_clusters: int, seed: int = 0, noise: float = 0.35):
        generator = np.random.default_rng(seed)
        centres = np.zeros((n_clusters, 24))
        centres[:, :12] = generator.normal(size=(n_clusters, 12))
        labels = np.arange(n) % n_clusters
        x = centres[labels] + noise * generator.normal(size=(n, 24)) + 0.5
        x[:, 12:] += generator.normal(size=(n, 12))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        return x.astype(np.float32), labels

    return make
