"""Vectors that the tests of the index share."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def photos_like() -> tuple[np.ndarray, np.ndarray]:
    """Vectors as embeddings of photos are: 6,000 and 100 queries, 64 dimensions, clusters of uneven size: float32."""
    rng = np.random.default_rng(11)
    centres = rng.normal(size=(60, 64)) * np.geomspace(2, 0.3, 64)
    axes = rng.normal(size=(60, 64, 64)) * np.geomspace(0.15, 0.02, 64)
    which = rng.choice(60, 6100, p=rng.dirichlet(np.ones(60)))
    x = centres[which] + np.einsum("nd,nde->ne", rng.normal(size=(6100, 64)), axes.transpose(0, 2, 1)[which])
    return x[:6000].astype(np.float32), x[6000:].astype(np.float32)
